"""Translation: learning curves on Multi30k and Tatoeba, speed of training and of beam search against peers, memory.

python benchmarks/translate.py curve scratch WORK    Multi30k en-de from scratch, 4 + 4 layers of 128
python benchmarks/translate.py curve minilm WORK     the same, warm start from MiniLM
python benchmarks/translate.py collect WORK          scores of both on test2016, and the picture
python benchmarks/translate.py chinese WORK          Tatoeba en-zh, from MiniLM and from scratch

A run that was ended goes on where it was. Minutes are those of the processor (all cores together), so that other work
on the machine does not count.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import ROOT, real_data, write_result
from sacrebleu import corpus_bleu

from spanbert import FinetuneConfig, TaskData, evaluate, finetune
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.apps.reports.curves import Panel, panels
from spanbert.checkpoint.bundle import open_bundle
from spanbert.checkpoint.state import load_state
from spanbert.core.reporter import SilentReporter
from spanbert.encoder.model import load_encoder
from spanbert.inference.loading import stored_tasks
from spanbert.inference.predictor import Predictor
from spanbert.inference.scoring import score_task
from spanbert.inference.torch_backend import TorchBackend
from spanbert.tokens.tokenizer import load_tokenizer
from spanbert.train.run_directory import files_of_run

NAME = "translate"
COMMON = ["optim.beta2=0.98", "train.evaluate_every=10%", "train.checkpoint_every=2%"]
SCRATCH = [  # as the text-only model of Wu et al. 2021
    "scratch.layers=4", "scratch.heads=4", "scratch.feed_forward_size=256", "hidden_dropout=0.3",
    "translate.layers=4", "translate.heads=4", "translate.feed_forward=256", "translate.dropout=0.3",
    "batch.tokens=8192", "optim.lr=3e-3", "optim.head_lr=3e-3", "train.max_steps=10000",
]  # fmt: skip
CHINESE = {  # a tenth of Multi30k's words: 20 passes take some minutes
    "minilm": ["optim.lr=1e-4", "optim.head_lr=1e-3", "translate.dropout=0.2", "train.max_epochs=12"],
    "scratch": [*SCRATCH[:-1], "batch.tokens=4096", "train.max_epochs=60"],
}
WARM = ["optim.lr=1e-4", "optim.head_lr=1e-3", "translate.dropout=0.2", "train.max_steps=3000"]


class CpuClock(SilentReporter):
    """Notes the processor's minutes at each evaluation, and keeps the best weights up to it.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.log, self.run = folder / "cpu.jsonl", folder / "run"
        self.states = folder / "states"
        lines = self.log.read_text().splitlines() if self.log.is_file() else []
        self.before = json.loads(lines[-1])["minutes"] if lines else 0.0

    def note(self, **facts: Any) -> None:
        """Writes a line."""
        minutes = self.before + time.process_time() / 60
        with self.log.open("a") as stream:
            stream.write(json.dumps({"minutes": round(minutes, 2), **facts}) + "\n")

    def say(self, line: str) -> None:
        """See the class."""
        print(line, flush=True)
        if "held-out" not in line:
            return
        best = files_of_run(self.run) / "training" / "best"
        if best.is_dir():
            facts = json.loads((best / "state.json").read_text()) if (best / "state.json").is_file() else {}
            shutil.copytree(
                best, self.states / str(facts.get("step", len(list(self.states.glob("*"))))), dirs_exist_ok=True
            )
        self.note(said=line)

    def minutes(self) -> float:
        """Of the processor, all parts of the run together."""
        return float(lines_of(self.log)[-1]["minutes"])


def curve(which: str, work: Path) -> None:
    """One run on Multi30k."""
    folder = work / which
    folder.mkdir(parents=True, exist_ok=True)
    data = real_data() / "mt" / "multi30k"
    task = TaskData(
        kind="translate",
        train=data / "train.en",
        train_target=data / "train.de",
        dev=data / "val.en",
        dev_target=data / "val.de",
    )
    config = FinetuneConfig.assemble(overrides=[*COMMON, *(SCRATCH if which == "scratch" else WARM)])
    start: dict[str, Any] = {"size": "tiny"} if which == "scratch" else {"model": packaged_minilm()}
    clock = CpuClock(folder)
    outcome = finetune({NAME: task}, **start, out=folder / "run", config=config, resume=True, reporter=clock)
    clock.note(stopped_by=outcome.outcome.stopped_by, scores={NAME: outcome.scores[NAME]["bleu"]})


def chinese(work: Path) -> None:
    """Tatoeba en-zh, from MiniLM and from scratch, with the same number of steps; test scores."""
    data = real_data() / "mt" / "tatoeba_en_zh"
    task = TaskData(kind=NAME, train=data / "train.tsv", dev=data / "dev.tsv")
    scores: dict[str, Any] = {}
    for which, own in CHINESE.items():
        folder = work / f"chinese-{which}"
        folder.mkdir(parents=True, exist_ok=True)
        start: dict[str, Any] = {"size": "tiny"} if which == "scratch" else {"model": packaged_minilm()}
        config = FinetuneConfig.assemble(overrides=[*COMMON, *own])
        clock = CpuClock(folder)
        finetune({NAME: task}, **start, out=folder / "run", config=config, resume=True, reporter=clock)
        clock.note()
        scores[which] = {**evaluate(folder / "run", data / "test.tsv"), "minutes": clock.minutes(), "settings": own}
    write_result("translate_chinese", {"scores": scores})


def collect(work: Path) -> None:
    """Test scores of the runs on Multi30k at each evaluation, and the picture of the curves."""
    data = real_data() / "mt" / "multi30k"
    result: dict[str, Any] = {"runs": {}}
    for which in ("scratch", "minilm"):
        folder = work / which
        if not (folder / "run" / "spanbert.json").is_file():
            continue
        run = files_of_run(folder / "run")
        minutes = {int(match[1].replace(",", "")): line["minutes"] for line in lines_of(folder / "cpu.jsonl")
                   if (match := re.match(r"step ([\d,]+)", line.get("said", "")))}  # fmt: skip
        curve = [{"step": one["step"], "minutes": minutes[one["step"]], "dev_bleu": one[NAME]["bleu"]}
                 for one in lines_of(run / "evaluations.jsonl") if one["step"] in minutes]  # fmt: skip
        points = sorted((int(state.name), state) for state in (folder / "states").iterdir())
        for step, state in points:
            found = scored(folder / "run", state, data)
            print(which, step, found["bleu"], flush=True)
            next(one for one in curve if one["step"] == step)["test"] = found
        last = scored(folder / "run", run / "training" / "best", data, as_theirs=True)
        result["runs"][which] = {"curve": curve, "test": last, "settings": SCRATCH if which == "scratch" else WARM}
    write_result("translate_multi30k", result)
    (ROOT / "docs" / "images" / "translate_multi30k.png").write_bytes(picture(result["runs"]))


def lines_of(log: Path) -> list[dict[str, Any]]:
    """A log of JSON lines."""
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def scored(run: Path, state: Path, data: Path, *, as_theirs: bool = False) -> dict[str, Any]:
    """Scores on test2016 with the weights of a training state, detokenised and cased.

    Args:
        run: The bundle, for everything but the weights.
        state: The weights.
        data: Multi30k.
        as_theirs: Lower-cased and tokenised by Moses's rules too, as Wu et al. 2021 count.
    """
    files = open_bundle(run)
    task = stored_tasks(files, load_tokenizer(run))[NAME]
    encoder, _ = load_encoder(files)
    head = task.build_head(task.head_context(encoder.config)).eval()
    saved = load_state(state)
    assert saved is not None
    encoder.load_state_dict(part_of(saved.model, "encoder."), strict=False)  # a pooler is not trained
    head.load_state_dict(part_of(saved.model, f"head.{NAME}."))
    encoder.pack_weights()
    predictor = Predictor(TorchBackend(encoder, {NAME: head}), {NAME: task})
    source = task.opened(data / "test_2016_flickr.en", companion=data / "test_2016_flickr.de")
    scorer: Any = score_task(predictor, NAME, source)
    found = {**scorer.scores(), "translations": None}
    del found["translations"]
    if as_theirs:
        sides = ([as_tokens(one) for one in texts] for texts in (scorer.translations, scorer.references))
        translations, references = sides
        found["lowercased_tokenised"] = corpus_bleu(translations, [references], tokenize="none", force=True).score
    return found


def as_tokens(text: str) -> str:
    """A German sentence lower-cased and tokenised as Multi30k's own preprocessing does it."""
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    plain = MosesPunctNormalizer("de").normalize(text.lower())
    return MosesTokenizer("de").tokenize(plain, aggressive_dash_splits=True, return_str=True, escape=False)


def part_of(tensors: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The tensors under a prefix, without it."""
    return {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}


def picture(runs: Mapping[str, Any]) -> bytes:
    """BLEU against minutes of the processor."""
    names = {"scratch": "from scratch, 4 + 4 layers of 128", "minilm": "from MiniLM-L6, decoder of 3 layers"}
    lines = {names[which]: [(one["minutes"], one["dev_bleu"]) for one in run["curve"]] for which, run in runs.items()}
    return panels(Panel(across="minutes of one core", up="BLEU on val, cased and detokenised", lines=lines))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["curve", ("scratch" | "minilm") as which, work]:
            curve(which, Path(work))
        case ["chinese", work]:
            chinese(Path(work))
        case ["collect", work]:
            collect(Path(work))
        case _:
            sys.exit(__doc__)
