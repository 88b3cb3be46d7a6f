"""Relation extraction against a plain `transformers` loop: the same weights, markers, examples, epochs, rates and seeds.

python benchmarks/relation.py tune-ours WORK    rates and epochs on a tenth of SemEval's training data, none of its test
python benchmarks/relation.py tune-peer WORK    the peer's rates on the same
python benchmarks/relation.py semeval WORK      official macro F1 on the test data, and training time, ours and the peer's
python benchmarks/relation.py kbp37 WORK        micro F1, the same
python benchmarks/relation.py throughput WORK   ten pairs a sentence in one batch against one pair at a time

What a killed study has measured lies in WORK, and is not measured again.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from common import real_data, write_result

import spanbert
from benchmarks.bench.common import alternate, in_fresh_process, ratio_of, spread_of
from benchmarks.bench.finetune_sides.ours import preparation
from benchmarks.bench.finetune_sides.peer import Recipe, batched_predict_labels, train_classifier
from benchmarks.bench.finetune_sides.recipe import BATCH, HIDDEN_DROPOUT, WARM_UP, WEIGHT_DECAY
from spanbert import FinetuneConfig, TaskData
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.seeding import keyed_generator
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.registry import open_data, write_data
from spanbert.scores.relations import Averaging, RelationScorer
from spanbert.tasks.relation.config import Pool, RelationConfig
from spanbert.tasks.relation.marking import marker_names
from spanbert.train.tracking import read_log

SEEDS = (0, 1)
PEER_SEEDS = {"semeval": SEEDS, "kbp37": SEEDS[:1]}  # on KBP37 it takes 39 minutes, ours 19
RATE, PEER_RATE = 1e-4, 2e-4  # by `tune-ours` and `tune-peer`
EPOCHS = {"semeval": 5, "kbp37": 3}  # KBP37 has twice as many examples
TRIED = {  # rates and epochs
    "ours": ((1e-4, 3), (1e-4, 5), (2e-4, 5)),
    "peer": ((1e-4, 5), (2e-4, 5), (3e-4, 5)),
}
AVERAGING: dict[str, Averaging] = {"semeval": "semeval", "kbp37": "micro"}
SENTENCE = "Ann and Bob left Rome for Oslo with Mary ."


def parts(name: str, work: Path) -> dict[str, Path]:
    """Train and test files; of SemEval's training data also nine tenths and one."""
    folder = real_data() / "re" / {"semeval": "semeval2010_task8"}.get(name, name) / "tacred_format"
    train, test = work / f"{name}-train.json", work / f"{name}-test.json"
    for target, pattern in ((train, "train-*.json"), (test, "test*.json")):
        if not target.is_file():
            records = [one for file in sorted(folder.glob(pattern)) for one in json.loads(file.read_text("utf-8"))]
            target.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    fit, held_out = work / f"{name}-fit.json", work / f"{name}-held-out.json"
    documents = list(open_data(train, among=["tacred"]).documents())
    order = keyed_generator(0, "held-out").permutation(len(documents))
    cut = len(documents) // 10
    for target, chosen in ((held_out, order[:cut]), (fit, order[cut:])):
        if not target.is_file():
            write_data([documents[place] for place in sorted(chosen)], target, to="tacred")
    return {"train": train, "test": test, "fit": fit, "held_out": held_out}


def start(work: Path) -> Path:
    """MiniLM with the four markers as tokens: what both sides train from."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    place = work / "start"
    if not (place / "config.json").is_file():
        torch.manual_seed(0)  # the markers' vectors are drawn
        tokenizer = AutoTokenizer.from_pretrained(packaged_minilm())
        tokenizer.add_special_tokens({"additional_special_tokens": marker_names(())})
        model = AutoModel.from_pretrained(packaged_minilm())
        model.resize_token_embeddings(len(tokenizer))
        model.save_pretrained(place)
        tokenizer.save_pretrained(place)
    return place


def marked_text(document: Document) -> str:
    """The text with markers in it, as a user of `transformers` writes it."""
    [relation] = document.relations or ()
    events = [(relation.head.start, 1, "[E1] "), (relation.head.end, 0, " [/E1]"),
              (relation.tail.start, 1, "[E2] "), (relation.tail.end, 0, " [/E2]")]  # fmt: skip
    text = document.text
    for place, _, mark in sorted(events, reverse=True):
        text = text[:place] + mark + text[place:]
    return text


def peer(weights: Path, train: Path, test: Path, rate: float, epochs: int, seed: int) -> tuple[float, list[str]]:
    """Training time and answers of `AutoModelForSequenceClassification` ([CLS]); in a process of its own."""
    documents = list(open_data(train, among=["tacred"]).documents())
    labels = [document.relations[0].label for document in documents if document.relations]
    recipe: Recipe = {"epochs": epochs, "lr": rate, "batch": BATCH, "seed": seed, "attention_dropout": 0.0}
    trained = train_classifier(weights, [marked_text(document) for document in documents], labels, **recipe)
    answers = batched_predict_labels(
        trained, [marked_text(document) for document in open_data(test, among=["tacred"]).documents()]
    ).answers
    return trained.seconds, answers


def ours(
    weights: Path, train: Path, test: Path, rate: float, epochs: int, seed: int, out: Path, pool: Pool = "start"
) -> tuple[float, list[str]]:
    """Training time, tokenising among it, and answers of `spanbert finetune relation`; in a process of its own."""
    shutil.rmtree(out, ignore_errors=True)
    config = FinetuneConfig.assemble(
        base={
            "batch": {"examples": BATCH},
            "optim": {"lr": rate, "head_lr": rate, "weight_decay": WEIGHT_DECAY, "warmup": WARM_UP, "clip": 1.0},
            "train": {"max_epochs": epochs, "seed": seed, "precision": "float32", "checkpoint_every": "100%"},
            "hidden_dropout": HIDDEN_DROPOUT,
        }
    )
    tasks = {"relation": TaskData(kind="relation", train=train, options=RelationConfig(pool=pool))}
    seconds = preparation(tasks, weights, config)
    progress = spanbert.finetune(tasks, model=weights, out=out, config=config).outcome.progress
    results = spanbert.load(out).predict(open_data(test, among=["tacred"]).documents())
    return seconds + progress.seconds, [result["relation"].relations[0].label for result in results]


def scored(name: str, test: Path, answers: Sequence[str]) -> dict[str, Any]:
    """The main score with its interval."""
    gold = [
        document.relations[0].label for document in open_data(test, among=["tacred"]).documents() if document.relations
    ]
    scorer = RelationScorer(sorted({*gold, *answers}), averaging=AVERAGING[name])
    for one, other in zip(gold, answers, strict=True):
        scorer.add(one, other)
    found = scorer.scores()
    return {
        "score": found[scorer.main_metric],
        "interval": found["interval"][scorer.main_metric],
        "accuracy": found["accuracy"],
    }


def each(
    log: Path, settings: Iterable[dict[str, Any]], measure: Callable[..., dict[str, Any]]
) -> Iterable[list[dict[str, Any]]]:
    """After every setting the rows so far: the setting and what was measured under it, read from the log if it is there."""
    before = read_log(log) if log.is_file() else []
    rows: list[dict[str, Any]] = []
    for setting in settings:
        row = next((one for one in before if one.items() >= setting.items()), None)
        if row is None:
            row = {**setting, **measure(**setting)}
            with log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")
        rows.append(row)
        yield rows


def tune(side: str, work: Path) -> None:
    """Held-out scores at several rates, of ours also after fewer epochs."""
    files, weights = parts("semeval", work), start(work)

    def measure(rate: float, epochs: int) -> dict[str, Any]:
        data = weights, files["fit"], files["held_out"], rate, epochs, 0
        (_, answers), _ = (
            in_fresh_process(ours, *data, work / "tune") if side == "ours" else in_fresh_process(peer, *data)
        )
        return scored("semeval", files["held_out"], answers)

    settings = ({"rate": rate, "epochs": epochs} for rate, epochs in TRIED[side])
    for rows in each(work / f"tune-{side}.jsonl", settings, measure):
        write_result(f"relation_tune_{side}", {"rows": rows})


def compare(name: str, work: Path) -> None:
    """Both sides in turn, the peer under fewer seeds where it takes long; ours also from [CLS], as the peer."""
    files, weights = parts(name, work), start(work)

    def measure(side: str, seed: int, rate: float, epochs: int) -> dict[str, Any]:
        data = weights, files["train"], files["test"], rate, epochs, seed
        (seconds, answers), _ = (
            in_fresh_process(peer, *data)
            if side == "peer"
            else in_fresh_process(ours, *data, work / f"{name}-{side}-{seed}", "cls" if side == "ours_cls" else "start")
        )
        return {**scored(name, files["test"], answers), "seconds": seconds}

    turns = [(side, seed) for seed in SEEDS for side in ("peer", "ours") if side == "ours" or seed in PEER_SEEDS[name]]
    turns.append(("ours_cls", SEEDS[0]))
    settings = (
        {"side": side, "seed": seed, "rate": PEER_RATE if side == "peer" else RATE, "epochs": EPOCHS[name]}
        for side, seed in turns
    )
    for rows in each(work / f"{name}.jsonl", settings, measure):
        by_side = {side: [row for row in rows if row["side"] == side] for side in ("ours", "peer")}
        if by_side["ours"]:
            pairs = min(map(len, by_side.values()))
            times = ([row["seconds"] for row in by_side[side][:pairs]] for side in ("ours", "peer"))
            write_result(f"relation_{name}", {"rows": rows, "train_time_ratio": ratio_of(*times)})


def throughput(work: Path) -> None:
    """All ten pairs of five entities at once, and one after the other."""
    nlp = spanbert.load(work / "semeval-ours-0")
    words = ("Ann", "Bob", "Rome", "Oslo", "Mary")
    entities = [Span(start=SENTENCE.index(word), end=SENTENCE.index(word) + len(word)) for word in words]
    pairs = [(one, other) for place, one in enumerate(entities) for other in entities[place + 1 :]]

    def together() -> None:
        for _ in range(50):
            nlp.relate(SENTENCE, entities)

    def alone() -> None:
        for _ in range(50):
            for pair in pairs:
                nlp.relate(SENTENCE, pair)

    times = alternate({"together": together, "alone": alone}, rounds=5)
    pairs_a_second = 50 * len(pairs) / spread_of(times["together"])["median"]
    write_result("relation_throughput", {"ratio": ratio_of(times["alone"], times["together"]), "pairs": len(pairs), "pairs_a_second": pairs_a_second})  # fmt: skip


if __name__ == "__main__":
    what, place = sys.argv[1], Path(sys.argv[2])
    place.mkdir(parents=True, exist_ok=True)
    if what in AVERAGING:
        compare(what, place)
    else:
        {"tune-ours": partial(tune, "ours"), "tune-peer": partial(tune, "peer"), "throughput": throughput}[what](place)
