"""small-en: one small English model, span-pre-trained further from MiniLM-L6, with heads for all tasks.

python recipes/small_en/recipe.py store WORK      all English text to a token store, with the held-out documents
python recipes/small_en/recipe.py pretrain WORK   28 million tokens; goes on where it was ended
python recipes/small_en/recipe.py held-out WORK   figures on the held-out documents of enwiki_core, and the blanks
python recipes/small_en/recipe.py heads WORK      all heads together; goes on where it was ended
python recipes/small_en/recipe.py score WORK      every head on its test data

Every stage that is done is left alone. Needs SPANBERT_DATA (docs/DATA.md).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import data as labelled

import spanbert
from spanbert import FinetuneConfig, TaskData
from spanbert.apps.console import make_reporter
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.batches.plan import PackingPlan
from spanbert.core.reporter import SilentReporter
from spanbert.inference.scoring import score_task
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tokens.prepare import prepare
from spanbert.tokens.store import TokenStore
from spanbert.train.pretrain import pretrain
from spanbert.train.pretrain_bundle import build_model
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.pretrain_evaluation import evaluate

HERE = Path(__file__).parent
BOOKS = ("openstax", "openstax_earlier", "openstax_biology", "standardebooks", "eltec_eng")
TEXTS = ("enwiki_core", *BOOKS, "usgov", "techdocs")
LICENCE = (
    "Wikipedia contributors, CC BY-SA 3.0; OpenStax, CC BY 4.0; ELTeC-eng and Standard Ebooks, public domain; texts of "
    "the US government, public domain; technical documentation, CC BY 4.0"
)
HELD_OUT = 0.01
STAGES = {  # name: the model before it, and settings; the rate stays up on short segments and falls on long ones
    "pretrained-128": (
        None,
        ["train.max_tokens=24000000", "batch.segment_length=128", "batch.pack_tokens=1024",
         "optim.schedule=wsd", "optim.decay=1e-4"],
    ),
    "pretrained": (
        "pretrained-128",
        ["train.max_tokens=4000000", "batch.segment_length=512", "batch.pack_tokens=2048"],
    ),
}  # fmt: skip
HEADS = [
    "optim.lr=1e-4", "optim.head_lr=1e-3", "train.max_epochs=3", "keep_heads=true",
    "train.checkpoint_every=2%", "train.evaluate_every=20%",
]  # fmt: skip
COMMON = [  # small batches learn most from a token here, and what is read once needs no dropout (docs/LOG.md)
    "masking.budget=0.3", "encoder.hidden_dropout=0", "optim.lr=2.5e-4", "optim.head_lr=1e-3",
    "train.evaluate_every=5%", "train.checkpoint_every=1%", "train.evaluate_tokens=65536",
]  # fmt: skip


def data() -> Path:
    """The folder of real data sets."""
    folder = os.environ.get("SPANBERT_DATA")
    if not folder:
        sys.exit("set SPANBERT_DATA: docs/DATA.md says where the data sets come from")
    return Path(folder)


def store(work: Path) -> None:
    """All texts, and enwiki_core alone, whose held-out documents are held out there too (ids are names and lines)."""
    model = packaged_minilm()
    for name, folders in (("store", TEXTS), ("enwiki", TEXTS[:1])):
        if (work / name).is_dir():
            continue
        found = (file for folder in folders for file in sorted((data() / "pretrain" / folder).glob("*.txt")))
        files: list[str | Path] = [file for file in found if file.name != "SOURCE.txt"]
        with make_reporter() as reporter:
            prepare(files, tokenizer=model, out=work / name, held_out=HELD_OUT, licence=LICENCE, reporter=reporter)


def further(work: Path) -> None:
    """Span pre-training, first on short segments, then on long ones."""
    for name, (before, settings) in STAGES.items():
        if (work / name / "spanbert.json").is_file() and finished(work / name):
            continue
        model = packaged_minilm() if before is None else work / before
        config = PretrainConfig.assemble(overrides=[*COMMON, *settings])
        with make_reporter() as reporter:
            result = pretrain(
                work / "store", model=model, out=work / name, config=config, resume=True, reporter=reporter
            )
        if result.outcome.stopped_by != "budget":
            sys.exit(f"{result.outcome.stopped_by}: run it again to go on")


def finished(bundle: Path) -> bool:
    """Whether a run came to its end."""
    manifest = json.loads((bundle / "spanbert.json").read_text("utf-8"))
    return bool(manifest["training"]["stopped_by"] == "budget")


def held_out(work: Path) -> dict[str, Any]:
    """Figures on the held-out documents of enwiki_core, and the ranks of the right fills of blanks.jsonl."""
    bundle = next(work / name for name in reversed(STAGES) if (work / name / "spanbert.json").is_file())
    tokens = TokenStore(work / "enwiki")
    config = PretrainConfig()
    adapter = tokens.tokenizer()
    task = PretrainTask(adapter, tokens.unigram_counts(), masking=config.masking, sbo=config.sbo, seed=0)
    model = build_model(task, adapter, tokens, model=bundle, size=None, config=config, reporter=SilentReporter())
    plan = PackingPlan(tokens, split="held_out", segment_length=128, pack_tokens=4096)
    scores = evaluate(task, model.eval(), plan, most_tokens=1_000_000)
    nlp = spanbert.load(bundle)
    ranks = []
    for line in (HERE / "blanks.jsonl").read_text("utf-8").splitlines():
        blank = json.loads(line)
        found = [filling.fills[0] for filling in nlp.fill(blank["text"], top_k=10)]
        rank = next((place for place, one in enumerate(found, start=1) if one in blank["right"]), None)
        ranks.append({"text": blank["text"], "rank": rank, "first": found[:3]})
    return {"bundle": bundle.name, "scores": scores, "blanks": ranks}


def tasks() -> dict[str, TaskData]:
    """What the heads learn."""
    root = data()
    entities = labelled.entities(root)
    found = {
        "entities": ("tag", entities, {"column": "ner"}),
        "parts": ("tag", labelled.parts_of_speech(root), {"column": "upos"}),
        "clusters": ("coref", labelled.clusters(root), {}),
        "sentiment": ("classify", labelled.sentiment(root), {}),
        "questions": ("qa", labelled.questions(root), {}),
        "relations": ("relation", labelled.relations(root, entities), {"typed": "yes", "negatives": "reversed"}),
    }
    return {
        name: TaskData(
            kind=kind,
            train=sets["train"],
            dev=sets["dev"],
            options=FinetuneConfig().of_kind(kind).model_copy(update=own),
        )
        for name, (kind, sets, own) in found.items()
    }


def heads(work: Path) -> None:
    """All heads on the encoder that was pre-trained further; the heads of pre-training stay."""
    config = FinetuneConfig.assemble(overrides=HEADS)
    with make_reporter() as reporter:
        result = spanbert.finetune(
            tasks(), model=work / "pretrained", out=work / "heads", config=config, resume=True, reporter=reporter
        )
    for line in result.lines:
        print(line)
    if result.outcome.stopped_by != "budget":
        sys.exit(f"{result.outcome.stopped_by}: run it again to go on")


def score(work: Path) -> dict[str, Any]:
    """Official scores on data that nothing was chosen by."""
    root = data()
    entities = labelled.entities(root)
    tests = {
        "entities, UNER-EWT": ("entities", entities["test-ewt"]),
        "entities, Broad Twitter Corpus": ("entities", entities["test-btc"]),
        "parts of speech, English-EWT": ("parts", labelled.parts_of_speech(root)["test"]),
        "clusters, LitBank": ("clusters", labelled.clusters(root)["test"]),
        "sentiment, rotten_tomatoes": ("sentiment", labelled.sentiment(root)["test"]),
        "questions, SQuADShifts": ("questions", labelled.questions(root)["test"]),
        "relations, FewRel and pairs of names": ("relations", labelled.relations(root, entities)["test"]),
    }
    nlp = spanbert.load(work / "heads")
    return {name: score_task(nlp.predictor, task, documents).scores() for name, (task, documents) in tests.items()}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["store", work]:
            store(Path(work))
        case ["pretrain", work]:
            further(Path(work))
        case ["held-out", work]:
            print(json.dumps(held_out(Path(work)), indent=1, ensure_ascii=False))
        case ["heads", work]:
            heads(Path(work))
        case ["score", work]:
            print(json.dumps(score(Path(work)), indent=1, ensure_ascii=False))
        case _:
            sys.exit(__doc__)
