"""Small labelled files whose labels hang on single words, and tiny fine-tuned bundles, for the tests of the tasks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from spanbert.core.config import Config
from spanbert.core.tagging import Scheme, encode_tags
from spanbert.tasks.classify.config import ClassifyConfig
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.qa.config import QAConfig
from spanbert.tasks.tag.config import TagConfig
from spanbert.train.finetune import FinetuneResult, finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.task_data import TaskData

ANIMALS, PEOPLE, PLACES = (
    ("fox", "dog", "cat", "bird"),
    ("king", "queen", "child", "teacher"),
    ("river", "house", "city"),
)
FILLER = ("the", "a", "runs", "sleeps", "near", "old", "new", "often", "over", "behind", "small")
SETTINGS = ["train.precision=float32", "train.max_steps=60", "optim.lr=2e-3", "optim.head_lr=5e-3", "batch.examples=8",
            "train.evaluate_every=50%", "train.checkpoint_every=50%", "hidden_dropout=0"]  # fmt: skip


def sentences(count: int, seed: int, *words: Sequence[str], length: int = 5) -> list[list[str]]:
    """Filler words with one word of each given kind among them."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        sentence = draw.choices(FILLER, k=length)
        for kind in words:
            sentence.insert(draw.randrange(len(sentence) + 1), draw.choice(kind))
        made.append(sentence)
    return made


def kind_of(sentence: Sequence[str]) -> str:
    return "animal" if set(sentence) & set(ANIMALS) else "person"


def single_rows(count: int, seed: int) -> list[tuple[str, str]]:
    return [(" ".join(one), kind_of(one)) for one in sentences(count, seed, ANIMALS + PEOPLE)]


def pair_rows(count: int, seed: int) -> list[tuple[str, str, str]]:
    """Pairs whose label hangs on the second text alone."""
    first, second = sentences(count, seed, ANIMALS, length=3), sentences(count, seed + 1, PEOPLE + PLACES, length=3)
    rows = zip(first, second, strict=True)
    return [(" ".join(a), " ".join(b), "yes" if set(b) & set(PEOPLE) else "no") for a, b in rows]


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in [header, *rows]), encoding="utf-8")
    return path


def write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def single_file(path: Path, count: int, seed: int) -> Path:
    return write_table(path, ("text", "label"), single_rows(count, seed))


def pair_file(path: Path, count: int, seed: int) -> Path:
    return write_table(path, ("text_a", "text_b", "label"), pair_rows(count, seed))


def regression_file(path: Path, count: int, seed: int) -> Path:
    rows = [(text, 4.5 if label == "animal" else 1.25) for text, label in single_rows(count, seed)]
    return write_table(path, ("text", "score"), rows)


def multi_file(path: Path, count: int, seed: int) -> Path:
    """Both labels, one of them, or none."""
    draw = random.Random(seed)
    records = []
    for _ in range(count):
        labels = {"animal": ANIMALS, "place": PLACES}
        chosen = [name for name in labels if draw.random() < 0.5]
        [words] = sentences(1, draw.randrange(10**6), *(labels[name] for name in chosen), length=3)
        records.append({"text": " ".join(words), "labels": chosen})
    return write_lines(path, records)


def entity_sentences(count: int, seed: int) -> list[tuple[list[str], list[tuple[int, int, str]]]]:
    """Words, and the spans of words: `old` + an animal is one of two words, a person one of one word."""
    made = []
    for words in sentences(count, seed, ANIMALS, PEOPLE, length=4):
        spans = []
        placed: list[str] = []
        for word in words:
            if word in ANIMALS:
                spans.append((len(placed), len(placed) + 2, "ANI"))
                placed.append("red")
            elif word in PEOPLE:
                spans.append((len(placed), len(placed) + 1, "PER"))
            placed.append(word)
        made.append((placed, spans))
    return made


def conll_file(path: Path, count: int, seed: int, scheme: Scheme = "BIO") -> Path:
    blocks = []
    for words, spans in entity_sentences(count, seed):
        tags = encode_tags(spans, len(words), scheme)
        blocks.append("".join(f"{word} {tag}\n" for word, tag in zip(words, tags, strict=True)))
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def people_file(path: Path, count: int, seed: int) -> Path:
    """People and animals as in `relation_file`, as columns of words and tags."""
    kinds = {**dict.fromkeys(PEOPLE, "B-PER"), **dict.fromkeys(ANIMALS, "B-ANI")}
    lines = relation_file(path.with_suffix(".jsonl"), count, seed + 7).read_text().splitlines()
    texts = [json.loads(line)["text"].split() for line in lines]
    blocks = ["".join(f"{word} {kinds.get(word, 'O')}\n" for word in words) for words in texts]
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def pos_file(path: Path, count: int, seed: int) -> Path:
    def tag(word: str) -> str:
        return "NOUN" if word in ANIMALS + PEOPLE + PLACES else "DET" if word in ("the", "a") else "X"

    blocks = ["".join(f"{word}\t{tag(word)}\n" for word in words) for words in sentences(count, seed, ANIMALS, PLACES)]
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def nested_file(path: Path, count: int, seed: int) -> Path:
    """An animal inside a phrase of two words, as spans of characters."""
    records = []
    for words, spans in entity_sentences(count, seed):
        starts = [sum(len(word) + 1 for word in words[:place]) for place in range(len(words))]
        chosen = [*spans, *((end - 1, end, "CORE") for _, end, label in spans if label == "ANI")]
        places = [
            {"start": starts[start], "end": starts[end - 1] + len(words[end - 1]), "label": label}
            for start, end, label in chosen
        ]
        records.append({"text": " ".join(words), "spans": places})
    return write_lines(path, records)


def squad_file(path: Path, count: int, seed: int, *, answerable: bool = False) -> Path:
    """Who? The person of the text; every third text has none, unless all are to be `answerable`."""
    paragraphs = []
    for number in range(count):
        none = not answerable and number % 3 == 0
        [words] = sentences(1, seed * 1000 + number, ANIMALS if none else PEOPLE)
        context = " ".join(words)
        person = next((word for word in words if word in PEOPLE), None)
        answers = [] if person is None else [{"text": person, "answer_start": context.index(person)}]
        question = {"id": f"{seed}-{number}", "question": "who sees it?", "answers": answers}
        paragraphs.append({"context": context, "qas": [{**question, **({"is_impossible": True} if none else {})}]})
    content = {"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def coref_file(path: Path, count: int, seed: int) -> Path:
    """An animal and a person, each twice: the second mention of one word is the same thing as the first."""
    draw = random.Random(seed)
    records = []
    for number in range(count):
        words = draw.choices(FILLER, k=12)
        clusters = []
        for name in (draw.choice(ANIMALS), draw.choice(PEOPLE)):
            places = sorted(draw.sample([place for place, word in enumerate(words) if word in FILLER], 2))
            for place in places:
                words[place] = name
            clusters.append(places)
        starts = [sum(len(word) + 1 for word in words[:place]) for place in range(len(words))]
        found = [[[starts[place], starts[place] + len(words[place])] for place in places] for places in clusters]
        records.append({"id": f"{seed}-{number}", "text": " ".join(words), "clusters": found})
    return write_lines(path, records)


def relation_file(path: Path, count: int, seed: int) -> Path:
    """A person `sees` an animal or is seen by it; or they have nothing to do with each other."""
    draw = random.Random(seed)
    records = []
    for number in range(count):
        label = draw.choice(["sees", "seen-by", "no_relation"])
        verb = {"sees": "finds", "seen-by": "eats", "no_relation": "sleeps"}[label]
        words = [draw.choice(FILLER[:2]), draw.choice(PEOPLE), verb, draw.choice(FILLER[:2]), draw.choice(ANIMALS), "."]
        text = " ".join(words)
        sides = {
            side: {"start": text.index(f" {word} ") + 1, "end": text.index(f" {word} ") + 1 + len(word), "label": kind}
            for side, word, kind in (("head", words[1], "PER"), ("tail", words[4], "ANI"))
        }
        records.append({"id": f"{seed}-{number}", "text": text, **sides, "label": label})
    return write_lines(path, records)


def tune(
    tasks: Mapping[str, TaskData], model: Path, out: Path, *overrides: str, resume: bool = False, **more: Any
) -> FinetuneResult:
    """A run with the tests' settings; one thread, since a tiny model only waits for the other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        config = FinetuneConfig.assemble(overrides=[*SETTINGS, *overrides])
        return finetune(tasks, model=model, out=out, config=config, resume=resume, **more)
    finally:
        torch.set_num_threads(threads)


Writer = Callable[[Path, int, int], Path]


def data(
    kind: str, writer: Writer, folder: Path, options: Config | None = None, *, suffix: str = ".tsv", dev: int = 24
) -> TaskData:
    """A task with 96 texts to train on and others as dev data."""
    folder.mkdir(parents=True, exist_ok=True)
    train, held_out = writer(folder / f"train{suffix}", 96, 1), writer(folder / f"dev{suffix}", dev, 2)
    return TaskData(kind=kind, train=train, dev=held_out, options=options)


def bioes_file(path: Path, count: int, seed: int) -> Path:
    return conll_file(path, count, seed, "BIOES")


PLANS: dict[str, dict[str, tuple[str, Writer, Config | None, str]]] = {
    "single": {"classify": ("classify", single_file, None, ".tsv")},
    "multi": {"classify": ("classify", multi_file, None, ".jsonl")},
    "regression": {"classify": ("classify", regression_file, None, ".tsv")},
    "pair": {"classify": ("classify", pair_file, None, ".tsv")},
    "bio": {"tag": ("tag", conll_file, None, ".conll")},
    "bioes": {"tag": ("tag", bioes_file, None, ".conll")},
    "pos": {"tag": ("tag", pos_file, None, ".conll")},
    "nested": {"tag": ("tag", nested_file, TagConfig(nested=True, longest_span=4), ".jsonl")},
    "qa": {"qa": ("qa", squad_file, QAConfig(longest_question=10, longest_answer=3), ".json")},
    "coref": {
        "coref": ("coref", coref_file, CorefConfig(size=32, longest_mention=2, dropout=0.0), ".jsonl"),
    },
    "relation": {"relation": ("relation", relation_file, None, ".jsonl")},
    "entities": {
        "ner": ("tag", people_file, None, ".conll"),
        "relation": ("relation", relation_file, None, ".jsonl"),
    },
    "joint": {
        "kind": ("classify", single_file, ClassifyConfig(), ".tsv"),
        "ner": ("tag", conll_file, None, ".conll"),
        "pos": ("tag", pos_file, None, ".conll"),
        "who": ("qa", squad_file, QAConfig(longest_question=10, longest_answer=3), ".json"),
    },
}


@cache
def tiny(name: str, model: Path, base: Path) -> tuple[FinetuneResult, dict[str, TaskData]]:
    """The run of one of `PLANS`, made once a test session, and the data that it learned from.

    Args:
        name: Which.
        model: The tiny random model of the fixtures.
        base: The session's temporary folder.
    """
    folder = base / "labelled" / name
    tasks = {
        task: data(kind, writer, folder / task, options, suffix=suffix)
        for task, (kind, writer, options, suffix) in PLANS[name].items()
    }
    steps = {"joint": 240, "entities": 200, "pair": 240, "multi": 200, "bio": 60, "bioes": 60, "pos": 60}.get(name, 120)
    return tune(tasks, model, folder / "bundle", f"train.max_steps={steps}"), tasks


def flat(line: str) -> dict[str, Any]:
    """A record of a bundle with one task, what this says beside id and text."""
    record = json.loads(line)
    [(_, said)] = record.pop("tasks").items()
    assert not record.keys() & said.keys()
    return {**record, **said}
