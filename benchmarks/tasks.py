"""Fine-tuned on real data, scored on held-out data: several heads on one encoder, long documents, Chinese.

python benchmarks/tasks.py heads WORK                 NER, POS and sentiment alone and together; what a pass costs
python benchmarks/tasks.py long WORK                  movie reviews in windows against the first 512 tokens; COVID-QA
python benchmarks/tasks.py chinese WORK BUNDLE        the checkpoint of `make zh-checkpoint`
"""

from __future__ import annotations

import shutil
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from common import real_data, write_result

import spanbert
from benchmarks.bench.common import alternate, ratio_of, spread_of
from spanbert import FinetuneConfig, TaskData
from spanbert.apps.console import make_reporter
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.files import read_json, write_json
from spanbert.corpus.formats.labelled import guess_labelled, read_labelled
from spanbert.corpus.io.files import SourceFile

KEPT = (
    "f1",
    "precision",
    "recall",
    "accuracy",
    "macro_f1",
    "micro_f1",
    "em",
    "ece",
    "examples",
    "entities",
    "words",
    "questions",
    "interval",
    "signature",
)


def learn(work: Path, name: str, tasks: dict[str, TaskData], model: Path, *settings: str) -> Path:
    """Fine-tunes where it has not been done yet."""
    out = work / name
    if not (out / "spanbert.json").is_file():
        with make_reporter() as reporter:
            reporter.say(f"== {name}")
            spanbert.finetune(
                tasks,
                model=model,
                out=out,
                config=FinetuneConfig.assemble(overrides=settings),
                resume=True,
                reporter=reporter,
            )
    return out


def scored(bundle: Path, data: Path, task: str | None = None) -> dict[str, Any]:
    """The figures of a bundle on held-out data, with what its training took."""
    found = spanbert.evaluate(bundle, data, task=task)
    training = spanbert.info(bundle)["training"]
    figures = {key: found[key] for key in KEPT if key in found}
    return {**figures, "main": found["main"], "minutes": round(training["seconds"] / 60, 1), "steps": training["step"]}


def heads(work: Path) -> None:
    """Three tasks alone and on one encoder."""
    data, model = real_data(), packaged_minilm()
    words = work / "ud_english_ewt-train.conllu"
    parts = sorted((data / "pos" / "ud_english_ewt").glob("train-*.conllu"))
    words.write_text("".join(part.read_text(encoding="utf-8").rstrip() + "\n\n" for part in parts), encoding="utf-8")
    files = {
        "ner": ("tag", data / "ner/wnut17/train.conll", data / "ner/wnut17/dev.conll", data / "ner/wnut17/test.conll"),
        "pos": ("tag", words, data / "pos/ud_english_ewt/dev.conllu", data / "pos/ud_english_ewt/test.conllu"),
        "sentiment": ("classify", data / "cls/sst2/train.tsv", data / "cls/sst2/dev.tsv", data / "cls/sst2/test.tsv"),
    }  # fmt: skip
    tasks = {name: TaskData(kind=kind, train=train, dev=dev) for name, (kind, train, dev, _) in files.items()}
    settings = ("optim.lr=1e-4", "train.max_epochs=2", "train.evaluate_every=50%", "train.checkpoint_every=50%")
    alone = {name: learn(work, f"{name}-alone", {name: task}, model, *settings) for name, task in tasks.items()}
    together = learn(work, "together", tasks, model, *settings)
    scores = {
        name: {"alone": scored(alone[name], files[name][3]), "together": scored(together, files[name][3], name)}
        for name in tasks
    }
    file = SourceFile(path=files["sentiment"][3], name="test.tsv")
    texts = [document.text for document in islice(read_labelled(file, guess_labelled(file)), 1000)]
    single, several = spanbert.load(alone["ner"]), spanbert.load(together)
    times = alternate({"one": lambda: list(single.pipe(texts)), "three": lambda: list(several.pipe(texts))}, rounds=5)
    cost = {"ratio": ratio_of(times["three"], times["one"]), "one": spread_of(times["one"]), "texts": len(texts)}
    write_result("tasks_heads", {"scores": scores, "cost": cost})


def long(work: Path) -> None:
    """Windows against truncation, and whole papers as contexts."""
    data, model = real_data(), packaged_minilm()
    reviews = data / "cls" / "movie_reviews_2k"
    task = {"sentiment": TaskData(kind="classify", train=reviews / "train.tsv", dev=reviews / "dev.tsv")}
    settings = ("optim.lr=1e-4", "train.max_epochs=2", "train.evaluate_every=50%", "train.checkpoint_every=50%")
    found: dict[str, Any] = {}
    for name, more in (("windows", ()), ("truncate", ("classify.long_texts=truncate",))):
        found[name] = scored(learn(work, f"reviews-{name}", task, model, *settings, *more), reviews / "test.tsv")
    asked = work / "squadshifts.json"
    first_questions(data / "qa/squadshifts/split/train-0.json", asked, 3000)
    reader = learn(
        work, "reader", {"qa": TaskData(kind="qa", train=asked)}, model,
        "optim.lr=1e-4", "train.max_epochs=2", "train.checkpoint_every=50%",
    )  # fmt: skip
    papers = work / "covidqa.json"
    first_questions(next((data / "qa/covidqa").glob("*.json")), papers, 300)
    found["covidqa"] = scored(reader, papers)
    found["squadshifts_dev"] = scored(reader, data / "qa/squadshifts/split/dev.json")
    write_result("tasks_long", found)


def first_questions(source: Path, target: Path, count: int) -> None:
    """The first questions of a SQuAD file, with their paragraphs."""
    kept, left = [], count
    for article in read_json(source)["data"]:
        paragraphs = []
        for paragraph in article["paragraphs"]:
            questions = paragraph["qas"][:left]
            left -= len(questions)
            if questions:
                paragraphs.append({**paragraph, "qas": questions})
        if paragraphs:
            kept.append({**article, "paragraphs": paragraphs})
    write_json(target, {"version": "1.1", "data": kept})


def chinese(work: Path, bundle: Path) -> None:
    """NER, classification and questions from a small encoder trained on Chinese Wikipedia alone."""
    data = real_data()
    ner, hotel, qa = data / "ner/uner_zh_gsdsimp", data / "cls/chnsenticorp_hotel_zh", data / "qa"
    asked = work / "drcd.json"
    first_questions(next((qa / "drcd").glob("*dev*.json")), asked, 2000)
    tests = next((qa / "cmrc2018").glob("*dev*.json"))
    plan = {
        "ner": (
            TaskData(kind="tag", train=next(ner.glob("*train*")), dev=next(ner.glob("*dev*"))),
            next(ner.glob("*test*")),
        ),
        "sentiment": (TaskData(kind="classify", train=hotel / "train.tsv", dev=hotel / "dev.tsv"), hotel / "test.tsv"),
        "qa": (TaskData(kind="qa", train=asked), tests),
    }
    found: dict[str, Any] = {}
    for name, (task, test) in plan.items():
        for start, model in (("checkpoint", bundle), ("random", work / "random")):
            if start == "random" and not model.exists():
                untrained(bundle, model)
            settings = ("optim.lr=2e-4", "train.max_epochs=2", "train.evaluate_every=50%", "train.checkpoint_every=50%")
            found[f"{name}_{start}"] = scored(learn(work, f"{name}-{start}", {name: task}, model, *settings), test)
    write_result("tasks_chinese", {"scores": found, "base": spanbert.info(bundle)["training"]})


def untrained(bundle: Path, target: Path) -> None:
    """The same encoder with new weights: what the checkpoint's training is worth."""
    import torch

    from spanbert.checkpoint import names, tensors
    from spanbert.encoder.model import Encoder

    encoder = Encoder.from_pretrained(bundle)
    torch.manual_seed(0)
    fresh = Encoder(encoder.config)
    shutil.copytree(bundle, target, ignore=shutil.ignore_patterns("*.safetensors", "spanbert.json"))
    family = names.FAMILIES[encoder.config.family]
    weights = names.to_hugging_face(dict(fresh.state_dict()), encoder.config.layers, tensors.split, family=family)
    tensors.write_tensors(target / "model.safetensors", weights)


if __name__ == "__main__":
    study, place = sys.argv[1], Path(sys.argv[2])
    place.mkdir(parents=True, exist_ok=True)
    if study == "chinese":
        chinese(place, Path(sys.argv[3]))
    else:
        {"heads": heads, "long": long}[study](place)
