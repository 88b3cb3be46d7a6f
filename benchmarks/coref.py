"""Coreference: trained on LitBank and OntoGUM, scored on held-out documents and on GAP.

python benchmarks/coref.py litbank WORK       80 documents to train on (benchmarks/litbank_split.json), 10 and 10 to score
python benchmarks/coref.py ontogum WORK       the official split
python benchmarks/coref.py gap WORK           the pronouns of GAP, by the models of the two
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from common import ROOT, real_data, write_result

import spanbert
from benchmarks.bench.common import seconds_of, spread_of
from spanbert import FinetuneConfig, TaskData
from spanbert.apps.console import make_reporter
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.types import Document
from spanbert.corpus.formats.clusters import in_first_cluster, repeated_mentions
from spanbert.corpus.formats.registry import open_data, write_data
from spanbert.scores.coreference import CoreferenceScorer
from spanbert.tasks.coref.spec import COREF
from spanbert.train.run_directory import files_of_run
from spanbert.train.tracking import read_log

SEEDS = (0,)  # a run takes most of an hour
EPOCHS = 20
SETTINGS = (
    "optim.lr=1e-4", "optim.head_lr=5e-4", f"train.max_epochs={EPOCHS}", "train.evaluate_every=10%", "train.checkpoint_every=10%",
)  # fmt: skip
FORMATS = COREF.formats
FIGURES = ("conll_f1", "muc_f1", "b_cubed_f1", "ceaf_f1", "lea_f1", "mention_f1")
Mention = tuple[int, int]


def litbank_files() -> dict[str, list[Path]]:
    """The documents of each part of the split."""
    split = json.loads((ROOT / "benchmarks" / "litbank_split.json").read_text())
    folder = real_data() / "coref" / "litbank"
    return {part: [folder / f"{name}.conll" for name in names] for part, names in split.items()}


def joined(files: Sequence[Path], target: Path) -> Path:
    """Documents of several files in one; a mention in two clusters stays in the first (OntoGUM has seven)."""

    def documents() -> Iterator[Document]:
        for file in files:
            for document in open_data(file, among=FORMATS).documents():
                yield (
                    replace(document, clusters=in_first_cluster(document)) if repeated_mentions(document) else document
                )

    if not target.is_file():
        write_data(documents(), target, to="conll2012")
    return target


def litbank_documents(work: Path) -> dict[str, list[Document]]:
    """The documents of each part of the split, read; the joined files stay in the folder."""
    return {
        part: list(open_data(joined(files, work / f"litbank-{part}.conll"), among=["conll2012"]).documents())
        for part, files in litbank_files().items()
    }


def parts(name: str, work: Path) -> dict[str, Path]:
    """Train and dev files of a data set."""
    if name == "litbank":
        return {part: joined(files, work / f"litbank-{part}.conll") for part, files in litbank_files().items()}
    folder = real_data() / "coref" / "ontogum"
    return {
        "train": joined(sorted(folder.glob("train-*.conll")), work / "ontogum-train.conll"),
        "dev": joined([folder / "dev-00.conll"], work / "ontogum-dev.conll"),
    }


def learn(name: str, work: Path, seed: int) -> Path:
    """Fine-tunes where it has not been done yet."""
    out = work / f"{name}-{seed}"
    if not (out / "spanbert.json").is_file():
        data = parts(name, work)
        with make_reporter() as reporter:
            reporter.say(f"== {out.name}")
            spanbert.finetune(
                {"coref": TaskData(kind="coref", train=data["train"], dev=data["dev"])},
                model=packaged_minilm(),
                out=out,
                config=FinetuneConfig.assemble(overrides=[*SETTINGS, f"train.seed={seed}"]),
                resume=True,
                reporter=reporter,
            )
    return out


def study(name: str, work: Path) -> None:
    """Scores of all seeds, the rule of equal strings beside them, and what a thousand words cost (run it alone)."""
    files = parts(name, work)
    dev = files["dev"]
    runs = []
    for seed in SEEDS:
        bundle = learn(name, work, seed)
        found = spanbert.evaluate(bundle, dev)
        test = spanbert.evaluate(bundle, files["test"]) if "test" in files else None
        facts = spanbert.info(bundle)["training"]
        nlp = spanbert.load(bundle)
        documents = list(open_data(dev, among=FORMATS).documents())
        raw = [replace(document, clusters=None) for document in documents]
        list(nlp.predict(raw[:1]))
        times = [seconds_of(lambda nlp=nlp, raw=raw: list(nlp.predict(raw))) for _ in range(3)]
        words = sum(len(document.words or ()) for document in documents)
        runs.append({
            "seed": seed,
            **{figure: found[figure] for figure in FIGURES},
            "interval": found["interval"]["conll_f1"],
            "test": test and {figure: test[figure] for figure in FIGURES} | {"interval": test["interval"]["conll_f1"]},
            "same_string": same_strings(bundle, documents, found["signature"]),
            "steps": facts["step"],
            "epochs": EPOCHS,
            "weights_of_step": facts["weights_of_step"],
            "seconds_a_thousand_words": spread_of([1000 * seconds / words for seconds in times]),
            "curve": [row["coref"]["conll_f1"] for row in read_log(files_of_run(bundle) / "evaluations.jsonl")],
            "losses": [round(sum(part) / len(part), 2) for part in tenths([row["loss"] for row in read_log(files_of_run(bundle) / "metrics.jsonl")])],
            "signature": found["signature"],
        })  # fmt: skip
    figures = {figure: spread_of([run[figure] for run in runs]) for figure in FIGURES}
    write_result(f"coref_{name}", {"runs": runs, "figures": figures, "settings": SETTINGS, "documents": len(documents), "words": words})  # fmt: skip


def tenths(values: Sequence[float]) -> list[Sequence[float]]:
    """Ten parts of about equal length."""
    bounds = [round(place * len(values) / 10) for place in range(11)]
    return [values[start:end] for start, end in pairwise(bounds)]


def same_strings(bundle: Path, documents: Sequence[Document], signature: str) -> dict[str, dict[str, float]]:
    """The rule that mentions of equal lower-cased words are the same thing, on mentions of the model and on gold ones.

    The model's are those that it links (`own`), or all that it takes for mentions, linked or not (`all`).
    """
    nlp = spanbert.load(bundle, options={"coref": {"singletons": "keep"}})
    results = list(nlp.predict([replace(one, clusters=None) for one in documents]))
    scorers = {
        name: CoreferenceScorer(singletons="keep" if "singletons:keep" in signature else "drop")
        for name in ("own", "all", "gold")
    }
    for document, result in zip(documents, results, strict=True):
        gold = [[(one.start, one.end) for one in cluster] for cluster in document.clusters or ()]
        found = [[(one.start, one.end) for one in cluster] for cluster in result.clusters]
        mentions = {
            "own": [one for cluster in found if len(cluster) > 1 for one in cluster],
            "all": [one for cluster in found for one in cluster],
            "gold": [one for cluster in gold for one in cluster],
        }
        for name, scorer in scorers.items():
            scorer.add(gold, _by_words(document.text, mentions[name]))
    return {name: {figure: scorer.scores()[figure] for figure in FIGURES} for name, scorer in scorers.items()}


def _by_words(text: str, mentions: Sequence[Mention]) -> list[list[Mention]]:
    groups: dict[str, list[Mention]] = defaultdict(list)
    for start, end in mentions:
        groups[" ".join(text[start:end].lower().split())].append((start, end))
    return list(groups.values())


def gap(work: Path) -> None:
    """F1 by gender on both parts of GAP."""
    found: dict[str, Any] = {}
    for name in ("litbank", "ontogum"):
        for part in ("development", "validation"):
            for seed in SEEDS:
                scores = spanbert.evaluate(work / f"{name}-{seed}", real_data() / "coref" / "gap" / f"gap-{part}.tsv")
                keys = ("gap_f1", "masculine_f1", "feminine_f1", "bias", "precision", "recall", "pronouns", "interval")
                found[f"{name} {part} {seed}"] = {key: scores[key] for key in keys}
    write_result("coref_gap", found)


if __name__ == "__main__":
    what, place = sys.argv[1:]
    Path(place).mkdir(parents=True, exist_ok=True)
    if what in ("litbank", "ontogum"):
        study(what, Path(place))
    else:
        gap(Path(place))
