"""Translation against peers on the same work: training and beam search.

python benchmarks/translate_speed.py train     target tokens a second, against `torch.nn.Transformer` in a usual loop
python benchmarks/translate_speed.py decode    sentences a second with beam 5, against MarianMTModel and CTranslate2
python benchmarks/translate_speed.py memory    the process while it translates 10,000 sentences

All models have random weights and the lengths of Multi30k; CTranslate2 (pip install ctranslate2) is left out where it
is not installed.
"""

from __future__ import annotations

import math
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from common import real_data, write_result
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from benchmarks.bench.common import alternate, spread_of
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.batches.example_plan import Drawn, ExamplePlan
from spanbert.batches.examples import Example, Window, batches_by_length
from spanbert.batches.loader import Step
from spanbert.batches.plan import PlanPosition
from spanbert.core.memory import resident_memory
from spanbert.core.types import Document
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.hardware import tune_process
from spanbert.encoder.model import Encoder
from spanbert.inference.predictor import Predictor
from spanbert.inference.torch_backend import TorchBackend
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.joint import JointTask
from spanbert.tasks.translate.config import TranslateConfig
from spanbert.tasks.translate.head import TranslateHead
from spanbert.tasks.translate.shape import DecoderShape
from spanbert.tasks.translate.task import TranslateTask
from spanbert.tokens.tokenizer import load_tokenizer
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.model import TaskModel
from spanbert.train.optimizer import make_optimizer
from spanbert.train.parallel import OneProcess
from spanbert.train.runtime import Runtime
from spanbert.train.step import backward

NAME, V, SOURCES = "translate", 8000, 8000
PAD, END = V - 1, 0  # of Marian
BEAM, SENTENCES, ROUNDS = 5, 256, 3


class Shape(NamedTuple):
    """A model."""

    width: int
    encoder: int
    decoder: int
    heads: int
    feed_forward: int


MINILM, SMALL = Shape(384, 6, 3, 12, 1536), Shape(128, 4, 4, 4, 256)


def pairs(split: str = "train") -> list[tuple[str, str]]:
    """Multi30k."""
    folder = real_data() / "mt" / "multi30k"
    sides = ((folder / f"{split}.{side}").read_text("utf-8").split("\n") for side in ("en", "de"))
    return [pair for pair in zip(*sides, strict=True) if all(pair)]


def task_of(shape: Shape, count: int) -> TranslateTask:
    """A task with its vocabulary."""
    documents = [Document(id=str(n), text=text, target=target) for n, (text, target) in enumerate(pairs()[:count])]
    config = TranslateConfig(vocabulary=V, layers=shape.decoder, heads=shape.heads, feed_forward=shape.feed_forward)
    return TranslateTask.from_training(
        NAME,
        documents,
        config=config,
        window=WindowConfig(),
        tokenizer=load_tokenizer(packaged_minilm()),
        positions=512,
    )


def encoder_of(shape: Shape, pieces: int) -> EncoderConfig:
    """The encoder of a shape."""
    return EncoderConfig(
        vocab_size=pieces, hidden_size=shape.width, layers=shape.encoder, heads=shape.heads,
        feed_forward_size=shape.feed_forward,
    )  # fmt: skip


class Peer(nn.Module):
    """torch's Transformer with embeddings, positions and a tied output, as its tutorials have it."""

    def __init__(self, shape: Shape, pieces: int) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(pieces, shape.width), nn.Embedding(V + 1, shape.width)
        for one in (self.source, self.target):
            nn.init.normal_(one.weight, std=shape.width**-0.5)
        self.transformer = nn.Transformer(
            shape.width, shape.heads, shape.encoder, shape.decoder, shape.feed_forward, dropout=0.1, activation="gelu",
            batch_first=True, norm_first=True,
        )  # fmt: skip
        for module in self.transformer.modules():
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0  # as ours
        self.bias = nn.Parameter(torch.zeros(V + 1))
        places = torch.arange(512)[:, None] * torch.exp(
            torch.arange(0, shape.width, 2) * (-math.log(1e4) / shape.width)
        )
        self.register_buffer("places", torch.stack([places.sin(), places.cos()], dim=2).flatten(1))
        self.dropout, self.scale = nn.Dropout(0.1), math.sqrt(shape.width)

    def forward(self, source_BS: Tensor, target_BT: Tensor) -> Tensor:
        """Logits, (B, T, V)."""
        no_source, no_target = source_BS == 0, target_BT == 0
        length = target_BT.shape[1]
        later = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
        hidden = self.transformer(
            self.dropout(self.source(source_BS) * self.scale + self.places[: source_BS.shape[1]]),
            self.dropout(self.target(target_BT) * self.scale + self.places[:length]),
            tgt_mask=later, tgt_is_causal=True, src_key_padding_mask=no_source, tgt_key_padding_mask=no_target,
            memory_key_padding_mask=no_source,
        )  # fmt: skip
        return nn.functional.linear(hidden, self.target.weight, self.bias)


def peer_step(peer: Peer, optimizer: torch.optim.Optimizer, items: Sequence[Drawn]) -> None:
    """A step on the same pairs, padded."""
    gold = [torch.from_numpy(item.example.target.gold) for item in items]  # 0 is free for padding: ids begin at 1
    source_BS = pad_sequence([torch.from_numpy(item.example.window.ids) for item in items], batch_first=True)
    begun_BT = pad_sequence([torch.cat([torch.tensor([V]), ids]) for ids in gold], batch_first=True)
    wanted_BT = pad_sequence(
        [torch.cat([ids, torch.tensor([1])]) for ids in gold], batch_first=True, padding_value=-100
    )
    optimizer.zero_grad(set_to_none=True)
    logits = peer(source_BS, begun_BT)
    nn.functional.cross_entropy(logits.flatten(0, 1), wanted_BT.flatten(), label_smoothing=0.1).backward()
    nn.utils.clip_grad_norm_(peer.parameters(), 1.0)
    optimizer.step()


def train_speed(shape: Shape, tokens: int, steps: int) -> dict[str, Any]:
    """Both on the same steps, which are bucketed by length for both."""
    config = FinetuneConfig()
    runtime = Runtime.of(config.train)
    runtime.prepare_process()
    torch.manual_seed(0)
    task = task_of(shape, 29_000)
    examples: list[Example] = []
    documents = [Document(id=str(n), text=text, target=target) for n, (text, target) in enumerate(pairs())]
    for windowed in task.tokenize(documents):
        examples += task.examples(windowed)
    joint = JointTask({NAME: task})
    encoder = Encoder(encoder_of(shape, task.tokenizer.vocab_size))
    model = TaskModel(joint, encoder, joint.build_head(encoder.config)).train()
    optimizer = make_optimizer(model, config.optim)
    peer = Peer(shape, task.tokenizer.vocab_size).train()
    theirs = torch.optim.AdamW(peer.parameters(), lr=1e-4, fused=True)
    plan = ExamplePlan({NAME: examples}, per_step={NAME: 1}, tokens={NAME: tokens}, seed=0)
    drawn = list(islice(plan.steps(PlanPosition()), steps))

    def ours() -> None:
        for items in drawn:
            optimizer.zero_grad(set_to_none=True)
            step = Step(micro_batches=[joint.collate(items)], tokens=0, after=items[-1].after)
            backward(OneProcess(model), step, number=0, runtime=runtime)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    def padded() -> None:
        with runtime.autocast():
            for items in drawn:
                peer_step(peer, theirs, items)

    times = alternate({"ours": ours, "peer": padded}, ROUNDS)
    targets = sum(item.example.target.units for items in drawn for item in items)
    longest = [
        (max(len(i.example.window.ids) for i in items) + max(i.example.written for i in items)) * len(items)
        for items in drawn
    ]
    return {
        "shape": shape._asdict(), "tokens_a_step": tokens, "steps": steps, "precision": runtime.precision,
        "padding_of_the_peer": sum(longest) / sum(item.tokens for items in drawn for item in items),
        "target_tokens_a_second": {side: spread_of([targets / one for one in own]) for side, own in times.items()},
        "ratio": spread_of([theirs / own for own, theirs in zip(times["ours"], times["peer"], strict=True)]),
    }  # fmt: skip


class Fixed:
    """Sources of Multi30k, and how long each translation is: as long as its reference, or twenty pieces."""

    def __init__(self) -> None:
        task = task_of(MINILM, 29_000)
        self.pairs = pairs("val")[:SENTENCES]
        texts, targets = zip(*self.pairs, strict=True)
        ids = task.tokenizer.ids_batch(texts)
        self.sources = [np.concatenate([[1], one % (V - 2) + 1, [2]]) for one in ids]
        self.lengths = {"reference": [len(one) + 1 for one in task.vocabulary.encode_batch(targets)]}
        self.lengths["20"] = [20] * len(self.sources)


def our_side(fixed: Fixed, lengths: Sequence[int]) -> Callable[[], None]:
    """Our beam search."""
    from spanbert.tasks.translate import head as module

    encoder = Encoder(encoder_of(MINILM, SOURCES)).eval()
    encoder.pack_weights()
    may_write = np.ones(V, dtype=bool)
    may_write[:2] = [False, False]  # the end is forced, by the longest length
    shape = DecoderShape(vocabulary=V, source=384, width=384, layers=3, heads=12, feed_forward=1536, dropout=0.1)
    backend = TorchBackend(encoder, {NAME: TranslateHead(shape, may_write, smoothing=0.1).eval()})
    options = {"beam": BEAM, "length_penalty": 1.0, "best": 1, "ratio": 0.0, "more": 0}
    search = module.beam_search

    def run() -> None:
        for batch in batches_by_length([len(one) for one in fixed.sources], 4096):
            own = [lengths[place] for place in batch]
            module.beam_search = lambda state, writer, most, limits, own=own: search(state, writer, own, limits)  # type: ignore[assignment]
            try:
                found = backend.generate(
                    [Window(ids=fixed.sources[place]) for place in batch], NAME, options, [None] * len(batch)
                )
            finally:
                module.beam_search = search
            assert [len(one.hypotheses[0].ids) for one in found] == own

    return run


def marian() -> Any:
    """The same shape."""
    from transformers import MarianConfig, MarianMTModel

    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=V, d_model=384, encoder_layers=6, decoder_layers=3, encoder_attention_heads=12,
        decoder_attention_heads=12, encoder_ffn_dim=1536, decoder_ffn_dim=1536, max_position_embeddings=512,
        pad_token_id=PAD, decoder_start_token_id=PAD, eos_token_id=END, bos_token_id=None, forced_eos_token_id=END,
        activation_function="gelu", scale_embedding=True,
    )  # fmt: skip
    return MarianMTModel(config).eval()


def marian_side(model: Any, fixed: Fixed, lengths: Sequence[int], size: int) -> Callable[[], None]:
    """`generate` in sorted batches; ends are forced where a translation is as long as wanted."""
    from transformers import LogitsProcessor, LogitsProcessorList

    class Ends(LogitsProcessor):
        def __init__(self, own: Sequence[int]) -> None:
            self.own = torch.tensor(own).repeat_interleave(BEAM)

        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            ended = self.own <= input_ids.shape[1]
            scores[:, END] = float("-inf")
            scores[ended] = float("-inf")
            scores[ended, END] = 0.0
            return scores

    order = sorted(range(len(fixed.sources)), key=lambda place: -len(fixed.sources[place]))

    @torch.inference_mode()
    def run() -> None:
        for first in range(0, len(order), size):
            part = order[first : first + size]
            ids = pad_sequence([torch.from_numpy(fixed.sources[p]) for p in part], batch_first=True, padding_value=PAD)
            own = [lengths[place] for place in part]
            model.generate(
                input_ids=ids, attention_mask=(ids != PAD).long(), num_beams=BEAM, max_new_tokens=max(own) + 1,
                length_penalty=1.0, do_sample=False, logits_processor=LogitsProcessorList([Ends(own)]),
            )  # fmt: skip

    return run


def ctranslate_side(model: Any, fixed: Fixed, length: int, size: int) -> Callable[[], None]:
    """CTranslate2 with Marian's weights; every translation has so many pieces."""
    import ctranslate2
    from ctranslate2.converters.transformers import MarianMTLoader

    names = ["</s>", "<unk>", *(f"t{number}" for number in range(2, V - 1))]
    spec = MarianMTLoader().get_model_spec(model)
    spec.register_source_vocabulary(names)
    spec.register_target_vocabulary(names)
    for key, value in {
        "bos_token": "</s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "decoder_start_token": "<unk>",
    }.items():
        setattr(spec.config, key, value)
    spec.config.add_source_bos = spec.config.add_source_eos = False
    spec.validate()
    spec.optimize(quantization="float32")
    folder = Path(tempfile.mkdtemp())
    spec.save(str(folder))
    translator = ctranslate2.Translator(
        str(folder), device="cpu", compute_type="float32", inter_threads=1, intra_threads=torch.get_num_threads()
    )
    shutil.rmtree(folder)
    tokens = [[names[int(one)] for one in ids] for ids in fixed.sources]

    def run() -> None:
        translator.translate_batch(
            tokens, beam_size=BEAM, max_batch_size=size, batch_type="tokens", max_decoding_length=length,
            min_decoding_length=length,
        )  # fmt: skip

    return run


def decode_speed() -> dict[str, Any]:
    """Beam 5, float32; the peers in the batch sizes that suit them best."""
    tune_process()
    fixed, model = Fixed(), marian()
    result: dict[str, Any] = {"shape": MINILM._asdict(), "beam": BEAM, "sentences": SENTENCES}
    for name, lengths in fixed.lengths.items():
        sides = {"ours": our_side(fixed, lengths)}
        sides |= {f"marian, batches of {size}": marian_side(model, fixed, lengths, size) for size in (16, 64, 128)}
        if name == "20" and find_spec("ctranslate2"):
            sides |= {f"ctranslate2, {size} tokens": ctranslate_side(model, fixed, 20, size) for size in (1024, 4096)}
        times = alternate(sides, ROUNDS)
        best = min((side for side in times if side.startswith("marian")), key=lambda side: sum(times[side]))
        result[f"length {name}"] = {
            "sentences_a_second": {side: spread_of([SENTENCES / one for one in own]) for side, own in times.items()},
            "over_marian": spread_of([theirs / own for own, theirs in zip(times["ours"], times[best], strict=True)]),
            "marian": best,
        }
        quickest = [side for side in times if side.startswith("ctranslate2")]
        if quickest:
            best = min(quickest, key=lambda side: sum(times[side]))
            ratio = spread_of([theirs / own for own, theirs in zip(times["ours"], times[best], strict=True)])
            result[f"length {name}"] |= {"over_ctranslate2": ratio, "ctranslate2": best}
    return result


def memory() -> dict[str, Any]:
    """Resident memory while 10,000 sentences are translated, some of them long, empty or in other scripts."""
    tune_process()
    task = task_of(SMALL, 5000)
    encoder = Encoder(encoder_of(SMALL, task.tokenizer.vocab_size)).eval()
    head = task.build_head(task.head_context(encoder.config)).eval()
    predictor = Predictor(TorchBackend(encoder, {NAME: head}), {NAME: task})
    odd = ["", "今天下雨了。" * 20, "word " * 2000, "Ω" * 300]

    def documents() -> Iterator[Document]:
        texts = pairs()
        for number in range(10_000):
            text = odd[number // 1000 % len(odd)] if number % 1000 == 500 else texts[number][0]
            yield Document(id=str(number), text=text)

    held = []
    for number, _ in enumerate(predictor.predict(documents()), start=1):
        found = resident_memory()
        if number % 1000 == 0 and found is not None:
            held.append(round(found[0] / 1e6))
            print(number, held[-1], flush=True)
    return {"sentences": 10_000, "megabytes_after_each_thousand": held}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["train"]:
            write_result("translate_train", {"shapes": [train_speed(SMALL, 8192, 8), train_speed(MINILM, 4096, 5)]})
        case ["decode"]:
            write_result("translate_decode", decode_speed())
        case ["memory"]:
            write_result("translate_memory", memory())
        case _:
            sys.exit(__doc__)
