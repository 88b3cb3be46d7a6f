"""The last stage: float16 weights of small-en, and its card, into the package in models/small-en.

heads bundle --float16-->  models/small-en/src/spanbert_small_en/model
dev texts             -->  its dev/, by which it is exported in int8
scores.json, card.md  -->  its README.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from gzip import GzipFile
from pathlib import Path
from typing import Any

from spanbert.checkpoint.bundle import DEV, write_with_more
from spanbert.checkpoint.hub_facts import with_head
from spanbert.core.files import write_atomically
from spanbert.core.types import Document
from spanbert.corpus.formats.registry import write_data
from spanbert.pipelines.convert.models import convert

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "small-en" / "src" / "spanbert_small_en" / "model"
MAIN = {  # the main score of a task, its name, and what the hub calls such tasks
    "entities": ("f1", "F1", "token-classification"),
    "parts of speech": ("accuracy", "accuracy", "token-classification"),
    "clusters": ("conll_f1", "CoNLL F1", "coreference-resolution"),
    "sentiment": ("accuracy", "accuracy", "text-classification"),
    "questions": ("f1", "F1", "question-answering"),
}
HEAD = {
    "license": "cc-by-sa-4.0",
    "license_name": None,
    "base_model": "sentence-transformers/all-MiniLM-L6-v2",
    "datasets": ["ud_english_ewt", "universal_ner", "wikigold", "broad_twitter_corpus", "crossner", "litbank",
                 "rotten_tomatoes", "squadshifts"],
}  # fmt: skip
"""What the head of the card says to the hub in place of what the run knows."""
ENDINGS = {"columns": "conll", "coref-jsonl": "jsonl", "labelled": "csv", "qa-jsonl": "jsonl"}
Brought = Mapping[str, tuple[str, Sequence[Document]]]
_REPLACED = ("## Held-out figures", "## Limits", "## Data")


def write_package(work: Path, stages: Sequence[str], brought: Brought) -> None:
    """Writes the model of the package, with its card, in place of the one that is there.

    Args:
        work: Where the stages of the heads and `scores.json` lie.
        stages: Their names; the last is what is packaged.
        brought: See `bring`.
    """
    scores = json.loads((work / "scores.json").read_text("utf-8"))
    convert(work / stages[-1], MODEL, to="bundle", precision="float16", overwrite=True)
    bring(brought)
    card = MODEL / "README.md"
    written = Path(__file__).with_name("card.md").read_text("utf-8")
    ours = written.replace("{scores}", "\n".join(score_lines(scores))).replace("{trained}", trained(work, stages))
    head = {**HEAD, "model-index": [{"name": "small-en", "results": list(hub_results(scores))}]}
    text = with_head(_without_replaced(card.read_text("utf-8")), head, str(card))
    place = text.index("## Settings")
    write_atomically(card, text[:place] + ours.strip() + "\n\n" + text[place:])


def bring(data: Brought) -> None:
    """Lays dev texts into the model of the package, by which it is exported in int8 without any others.

    Args:
        data: By task, a format and texts.
    """

    def write_more(directory: Path) -> None:
        for name, (to, documents) in data.items():
            plain = directory / DEV / f"{name}.{ENDINGS[to]}"
            write_data(documents, plain, to=to)
            with plain.with_name(f"{plain.name}.gz").open("wb") as raw, GzipFile("", "wb", 9, raw, mtime=0) as packed:
                packed.write(plain.read_bytes())
            plain.unlink()

    write_with_more(MODEL, MODEL, write_more)


def _without_replaced(card: str) -> str:
    """The card without the sections that ours stand in for."""
    parts = card.split("\n\n## ")
    kept = [one for one in parts[1:] if not f"## {one}".startswith(_REPLACED)]
    return "\n\n## ".join([parts[0], *kept])


def trained(work: Path, stages: Sequence[str]) -> str:
    """Tokens and steps of the weights, as the first stage of the heads noted them and their manifests have them."""
    begun = json.loads((work / "begun.json").read_text("utf-8"))
    after = [json.loads((work / name / "spanbert.json").read_text("utf-8"))["training"] for name in stages]
    steps = sum(one["step"] for one in after)
    return f"{begun['tokens'] / 1e6:.1f} million tokens of text, then {steps:,} steps of all tasks and text"


def hub_results(scores: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The main scores on test data, as the hub's index has them."""
    for name, found in scores["tests"].items():
        task, _, data = name.partition(", ")
        key, score, kind = MAIN[task]
        metric = {"type": key.rpartition("_")[2], "name": score, "value": round(found[key], 4)}
        yield {
            "task": {"type": kind, "name": task},
            "dataset": {"type": "custom", "name": data, "split": "test"},
            "metrics": [metric],
        }


def score_lines(scores: Mapping[str, Any]) -> Iterator[str]:
    """A table of the main scores on test data, with their intervals, then the figures of text and blanks."""
    yield "| test data | score | 95% interval |"
    yield "|---|---|---|"
    for name, found in scores["tests"].items():
        key, score, _ = MAIN[name.partition(",")[0]]
        low, high = found["interval"][key]
        yield f"| {name} | {score} {100 * found[key]:.1f} | {100 * low:.1f} to {100 * high:.1f} |"
    text, blanks = scores["text"], scores["blanks"]
    yield f"| hidden pieces of held-out documents of enwiki_core | {100 * text['mlm_accuracy']:.1f}% right | |"
    right = sum(one["rank"] is not None and one["rank"] <= 3 for one in blanks)
    yield f"| blanks of `recipes/small_en/blanks.jsonl` | {right} of {len(blanks)} right at rank 1 to 3 | |"
