"""small-en: one small English model, span-pre-trained further from MiniLM-L6, with heads for all tasks.

python recipes/small_en/recipe.py store WORK            the English text to token stores, with the held-out documents
python recipes/small_en/recipe.py pretrain WORK         24 million tokens; goes on where it was ended
python recipes/small_en/recipe.py heads WORK [START]    all heads together; goes on where it was ended
python recipes/small_en/recipe.py score WORK            every head on its test data, held-out text and the blanks
python recipes/small_en/recipe.py package WORK          float16 weights and the card into models/small-en
python recipes/small_en/recipe.py all WORK              all of it (`make small-en`)

Every stage that is done is left alone. START is the bundle that gets the heads, if not the pre-trained one: the weights
of a run that goes on, say. Needs SPANBERT_DATA (docs/DATA.md).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import data as labelled
from package import write_package

import spanbert
from spanbert import FinetuneConfig, TaskData
from spanbert.apps.console import make_reporter
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.batches.plan import PackingPlan
from spanbert.core.files import write_atomically
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
DOCUMENTS = ("usgov", "techdocs")
TEXTS = ("enwiki_core", *BOOKS, *DOCUMENTS)
STORES = {"store": TEXTS, "store-documents": DOCUMENTS, "store-reading": ("enwiki_core", *BOOKS)}
LICENCE = (
    "Wikipedia contributors, CC BY-SA 3.0; OpenStax, Rice University, CC BY 4.0 and 3.0; ELTeC-eng and Standard "
    "Ebooks, public domain; texts of the US government, public domain; documentation by Microsoft, the OpenTelemetry "
    "and etcd authors and GitHub, CC BY 4.0"
)
HELD_OUT = 0.01
SHORT = [
    "train.max_tokens=3600000", "batch.segment_length=128", "batch.pack_tokens=1024",
    "optim.schedule=wsd", "optim.decay=1e-4",
]  # fmt: skip
LONG = ["batch.segment_length=512", "batch.pack_tokens=2048"]
STAGES = {  # name: the model before it, the store, settings; the rate stays up on short segments and falls on long ones
    "documents-128": (None, "store-documents", SHORT),
    "documents": ("documents-128", "store-documents", ["train.max_tokens=900000", *LONG]),
    "pretrained-128": ("documents", "store", SHORT),
    "pretrained": ("pretrained-128", "store", ["train.max_tokens=450000", *LONG]),
    "reading-128": ("pretrained", "store-reading", [*SHORT, "train.max_tokens=13000000"]),
    "reading": ("reading-128", "store-reading", ["train.max_tokens=2700000", *LONG]),
}
HEADS = [  # text beside the tasks, on short segments, so that blanks in short texts are still filled well
    "hidden_dropout=0.1", "languages=[en]", "text.share=0.3", "text.segment_length=128",
    "train.checkpoint_every=2%", "train.evaluate_every=20%",
]  # fmt: skip
HEADS_STAGES = {  # clusters from whole documents, then from stretches of them too, or short texts get hardly any
    "heads-whole": ["optim.lr=1.5e-4", "optim.head_lr=1e-3", "train.max_steps=12000", "batch.temperature=5"],
    "heads": ["optim.lr=1e-4", "optim.head_lr=5e-4", "train.max_steps=4000", "batch.temperature=10"],
}
LABELS = (
    "WikiGold, Broad Twitter Corpus, LitBank, SQuADShifts (Wikipedia), rotten_tomatoes: CC BY; UNER-EWT and "
    "UD English-EWT: CC BY-SA; CrossNER: MIT"
)
COMMON = [  # small batches learn most from a token here, and what is read once needs no dropout (docs/LOG.md)
    "train.precision=float32", "masking.budget=0.3", "encoder.hidden_dropout=0", "optim.lr=2.5e-4",
    "optim.head_lr=1e-3", "train.evaluate_every=10%", "train.checkpoint_every=1%", "train.evaluate_tokens=65536",
]  # fmt: skip


def data() -> Path:
    """The folder of real data sets."""
    folder = os.environ.get("SPANBERT_DATA")
    if not folder:
        sys.exit("set SPANBERT_DATA: docs/DATA.md says where the data sets come from")
    return Path(folder)


def store(work: Path) -> None:
    """All texts, and those of the first stages alone."""
    for name, folders in STORES.items():
        store_of(folders, tokenizer=packaged_minilm(), out=work / name)


def store_of(folders: Sequence[str], *, tokenizer: Path, out: Path) -> None:
    """Some folders of text, unless the store is there; which documents are held out, their names and lines decide."""
    if out.is_dir():
        return
    found = (file for folder in folders for file in sorted((data() / "pretrain" / folder).glob("*.txt")))
    files: list[str | Path] = [file for file in found if file.name != "SOURCE.txt"]
    with make_reporter() as reporter:
        prepare(files, tokenizer=tokenizer, out=out, held_out=HELD_OUT, licence=LICENCE, reporter=reporter)


def further(work: Path) -> None:
    """Span pre-training, first on short segments, then on long ones."""
    for name, (before, text, settings) in STAGES.items():
        if (work / name / "spanbert.json").is_file() and finished(work / name):
            continue
        model = packaged_minilm() if before is None else work / before
        config = PretrainConfig.assemble(overrides=[*COMMON, *settings])
        with make_reporter() as reporter:
            result = pretrain(work / text, model=model, out=work / name, config=config, resume=True, reporter=reporter)
        if result.outcome.stopped_by != "budget":
            sys.exit(f"{result.outcome.stopped_by}: run it again to go on")


def finished(bundle: Path) -> bool:
    """Whether a run came to its end."""
    manifest = json.loads((bundle / "spanbert.json").read_text("utf-8"))
    return bool(manifest["training"]["stopped_by"] == "budget")


def held_out(work: Path) -> dict[str, Any]:
    """Figures on the held-out documents of enwiki_core, and the ranks of the right fills of blanks.jsonl."""
    bundle = work / "heads"
    store_of(TEXTS[:1], tokenizer=bundle, out=work / "enwiki")
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
    return {"text": scores, "blanks": ranks}


def tasks(*, stretches: bool) -> dict[str, TaskData]:
    """What the heads learn; clusters from stretches of documents as well, or from whole ones alone."""
    root = data()
    entities = labelled.entities(root)
    found = {
        "entities": ("tag", entities, {"column": "ner"}),
        "parts": ("tag", labelled.parts_of_speech(root), {"column": "upos"}),
        "clusters": ("coref", labelled.clusters(root), {"size": 256, "stretches": stretches}),  # all weights: 50 MB
        "sentiment": ("classify", labelled.sentiment(root), {}),
        "questions": ("qa", labelled.questions(root), {}),
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


def heads(work: Path, start: Path) -> None:
    """All heads on an encoder that was pre-trained further, beside text, which its other heads go on to learn."""
    if not (work / "begun.json").is_file():
        write_atomically(work / "begun.json", json.dumps({"tokens": tokens_of(work, start)}) + "\n")
    own = {"text.store": str(work / "store-reading"), "licence": LABELS}
    for name, settings in HEADS_STAGES.items():
        before, start = start, work / name
        if (start / "spanbert.json").is_file() and finished(start):
            continue
        config = FinetuneConfig.assemble(base=own, overrides=[*HEADS, *settings])
        learned = tasks(stretches=name == "heads")
        with make_reporter() as reporter:
            result = spanbert.finetune(
                learned, model=before, out=start, config=config, resume=True, reporter=reporter, title="small-en"
            )
        for line in result.lines:
            print(line)
        if result.outcome.stopped_by != "budget":
            sys.exit(f"{result.outcome.stopped_by}: run it again to go on")


def tokens_of(work: Path, start: Path) -> int:
    """Tokens that the weights of a bundle were pre-trained on, those of the stages before it included."""
    stages = [work / name for name in STAGES] if start == last_stage(work) else [start]
    runs = [json.loads((one / "spanbert.json").read_text("utf-8"))["training"] for one in stages]
    return sum(round(one["tokens"] * one["weights_of_step"] / one["step"]) for one in runs)


def score(work: Path) -> None:
    """Official scores on data that nothing was chosen by, held-out text and blanks into scores.json."""
    if (work / "scores.json").is_file():
        return
    tests = labelled.tests(data())
    nlp = spanbert.load(work / "heads")
    found = {name: score_task(nlp.predictor, task, documents).scores() for name, (task, documents) in tests.items()}
    whole = {"tests": found, **held_out(work)}
    write_atomically(work / "scores.json", json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def last_stage(work: Path) -> Path:
    """The pre-trained bundle."""
    return work / list(STAGES)[-1]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["store", work]:
            store(Path(work))
        case ["pretrain", work]:
            further(Path(work))
        case ["heads", work, *start] if len(start) <= 1:
            heads(Path(work), Path(start[0]) if start else last_stage(Path(work)))
        case ["score", work]:
            score(Path(work))
        case ["package", work]:
            write_package(Path(work), list(HEADS_STAGES), labelled.brought(data()))
        case ["all", work]:
            store(Path(work))
            further(Path(work))
            heads(Path(work), last_stage(Path(work)))
            score(Path(work))
            write_package(Path(work), list(HEADS_STAGES), labelled.brought(data()))
        case _:
            sys.exit(__doc__)
