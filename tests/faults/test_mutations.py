"""Broken files in every format: each gives a result, or an error in one line; never a traceback."""

from __future__ import annotations

import io
import json
import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spanbert
from spanbert.apps.cli import predict as predict_command
from spanbert.batches.example_plan import Drawn
from spanbert.batches.plan import PlanPosition
from spanbert.checkpoint.bundle import BundleFiles, open_bundle
from spanbert.core.errors import SpanbertError
from spanbert.core.reporter import SilentReporter
from spanbert.inference.predictor import Predictor
from spanbert.inference.scoring import score_task, tune_thresholds
from spanbert.inference.torch_backend import TorchBackend
from spanbert.pipelines.load import Pipeline
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.joint import JointTask
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.relation.config import RelationConfig
from spanbert.tasks.translate.config import TranslateConfig
from spanbert.train.finetune import build_tasks
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.task_data import TaskData
from tests.faults.forks import Forks
from tests.faults.mutants import ODD_TEXTS, ODD_VALUES, mutants
from tests.faults.mutation_seeds import Seed, real_seeds, written_seeds

OF_WRITTEN, OF_REAL, OF_HYPOTHESIS = 40, 15, 100
LONGEST_MESSAGE = 1500
OPTIONS = {
    "coref": CorefConfig(size=16, longest_mention=5),
    "relation": RelationConfig(typed="no"),
    "translate": TranslateConfig(vocabulary=300, layers=1, beam=2, max_ratio=1.0),
}
WRITTEN = written_seeds()
REAL = real_seeds(Path(os.environ["SPANBERT_DATA"])) if os.environ.get("SPANBERT_DATA") else []
BY_NAME = {seed.name: seed for seed in WRITTEN}
Use = Callable[[Seed, bytes, int], None]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """A tiny model only waits for other threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, hugging_face_model: Path) -> Path:
    """One encoder with a task of each kind, after one step."""
    place = tmp_path_factory.mktemp("mutations")
    tasks = {}
    for kind, name in (("classify", "a.tsv"), ("tag", "two.conll"), ("qa", "two.json"),
                       ("coref", "clusters.conll"), ("relation", "tacred.json"), ("translate", "translations.tsv")):  # fmt: skip
        (place / name).write_bytes(BY_NAME[name].content)
        options = OPTIONS.get(kind)
        tasks[kind] = TaskData(kind=kind, train=place / name, options=options)
    (place / "pairs.tsv").write_bytes(BY_NAME["pairs.tsv"].content)
    tasks["pairs"] = TaskData(kind="classify", train=place / "pairs.tsv")
    config = FinetuneConfig.assemble(overrides=["train.max_steps=1", "train.precision=float32"])
    spanbert.finetune(tasks, model=hugging_face_model, out=place / "bundle", config=config)
    return place / "bundle"


@pytest.fixture(scope="module")
def use(bundle: Path, hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Use:
    """Does with a file what the commands do with it."""
    nlp, files = spanbert.load(bundle), open_bundle(hugging_face_model)
    folder = tmp_path_factory.mktemp("mutants")

    def use_one(seed: Seed, content: bytes, number: int) -> None:
        path = folder / seed.name
        path.write_bytes(content)
        if seed.kind == "predict":
            own = {"questions.jsonl": "qa", "pairs.jsonl": "pairs", "related.jsonl": "relation"}
            task = own.get(seed.name, ("classify", "tag", "coref", "translate")[number % 4])
            format_ = predict_command.FORMATS[number // 3 % len(predict_command.FORMATS)]
            with redirect_stdout(io.StringIO()):
                predict_command.command(str(bundle), str(path), task=task, format_=format_)
        elif number % 3 == 2 or seed.name == "gap.tsv":  # which only scores
            score_task(nlp.predictor, seed.kind, nlp.tasks[seed.kind].opened(path)).scores()
        else:
            learn_and_score(seed, path, nlp, files)

    return use_one


def learn_and_score(seed: Seed, path: Path, nlp: Pipeline, files: BundleFiles) -> None:
    """As `finetune` with the file as training and dev data, but without a step of the optimiser."""
    kind, encoder = seed.kind, nlp.predictor.backend.encoder
    base = OPTIONS[kind].model_dump() if kind in OPTIONS else {}
    config = FinetuneConfig.assemble(base={kind: {**base, **seed.options}})
    task = build_tasks({kind: TaskData(kind=kind, train=path, dev=path)}, files, nlp.tokenizer, config)[kind]
    head = task.build_head(task.head_context(encoder.config)).eval()
    assert all(value < float("inf") for value in losses(task, path, nlp, head))
    own = Predictor(TorchBackend(encoder, {kind: head}), {kind: task})
    data = task.opened(path)
    tune_thresholds(own, {kind: data}, SilentReporter())
    mistakes: list[Any] = []
    json.dumps(score_task(own, kind, data, mistakes=mistakes).scores())
    json.dumps([asdict(one) for one in mistakes], ensure_ascii=False).encode()


@torch.inference_mode()
def losses(task: TextTask, path: Path, nlp: Pipeline, head: torch.nn.Module) -> list[float]:
    encoder, joint = nlp.predictor.backend.encoder, JointTask({task.kind: task})
    heads = torch.nn.ModuleDict({task.kind: head})
    examples = [
        one for windowed in task.tokenize(list(task.opened(path).documents())) for one in task.examples(windowed)
    ]
    found = []
    for first in range(0, len(examples), 32):
        items = [Drawn(example=one, key=("x",), after=PlanPosition(item=0)) for one in examples[first : first + 32]]
        encoded = joint.collate(items)
        hidden_RD = encoder(encoded.inputs, rows=encoded.rows)
        found.append(float(joint.loss(encoder, heads, hidden_RD, encoded.targets)[task.kind]))
    return found


def fault(use: Use, seed: Seed, content: bytes, number: int) -> str | None:
    """What is wrong in how a file is taken; None where it gives a result, or an error in one line."""
    try:
        use(seed, content, number)
    except SpanbertError as error:
        message = str(error)
        sound = len(message.splitlines()) == 1 and len(message) <= LONGEST_MESSAGE
        return None if sound else f"not one line: {message[:200]!r}"
    except Exception as error:  # noqa: BLE001 (whatever else it is, is what this test looks for)
        return f"{type(error).__name__}: {str(error)[:200]}"
    return None


def test_they_are_at_least_five_hundred():
    assert len(WRITTEN) * OF_WRITTEN >= 500


@pytest.mark.parametrize("seed", [*WRITTEN, *REAL], ids=lambda seed: seed.name)
def test_mutated_files(use: Use, seed: Seed):
    draw, count = random.Random(seed.name), OF_WRITTEN if seed in WRITTEN else OF_REAL
    faults = []
    for number, (description, content) in enumerate(mutants(seed.content, seed.shape, seed.separator, draw, count)):
        found = fault(use, seed, content, number)
        if found is not None:
            faults.append(f"{seed.name}, mutant {number} ({description}): {found}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("seed", WRITTEN, ids=lambda seed: seed.name)
def test_the_files_that_mutations_begin_with_are_sound(use: Use, seed: Seed):
    use(seed, seed.content, 0)


VALUES = st.recursive(
    st.sampled_from(ODD_VALUES) | st.text(max_size=12) | st.integers() | st.floats(allow_subnormal=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(
    st.sampled_from(["id", "text", "pair", "label", "labels", "question", "context", "tokens", "words", "tags", "spans",
                     "entities", "entity_list", "data", "annotations", "sentence1", "sentence2", "clusters",
                     "sentences", "speakers", "head", "tail", "relations", "token", "subj_start"]),
    VALUES | st.lists(VALUES, max_size=3), max_size=5,
)  # fmt: skip
CELLS = st.sampled_from(ODD_TEXTS) | st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r"), max_size=8)
HYPOTHESIS = settings(
    max_examples=OF_HYPOTHESIS, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@HYPOTHESIS
@given(
    name=st.sampled_from(
        [
            "several.jsonl",
            "spans.jsonl",
            "texts.jsonl",
            "tokens.jsonl",
            "questions.jsonl",
            "clusters.jsonl",
            "pairs-of.jsonl",
            "related.jsonl",
        ]
    ),
    records=st.lists(FIELDS | VALUES, min_size=1, max_size=4),
    number=st.integers(0, 5),
)
def test_lines_of_any_json(use: Use, name: str, records: list[Any], number: int):
    content = "".join(json.dumps(record) + "\n" for record in records).encode()
    assert fault(use, BY_NAME[name], content, number) is None


@HYPOTHESIS
@given(
    name=st.sampled_from(["studio.json", "one.json", "tacred.json"]),
    content=FIELDS | VALUES | st.lists(FIELDS, max_size=3),
)
def test_any_json(use: Use, name: str, content: Any):
    assert fault(use, BY_NAME[name], json.dumps(content).encode(), 0) is None


@HYPOTHESIS
@given(
    name=st.sampled_from(
        [
            "a.tsv",
            "a.csv",
            "two.conll",
            "a.conllu",
            "nested.tsv",
            "texts.txt",
            "clusters.conll",
            "gap.tsv",
            "semeval.txt",
        ]
    ),
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=11), max_size=6),
    number=st.integers(0, 5),
)
def test_any_cells(use: Use, name: str, rows: list[list[str]], number: int):
    content = "".join(BY_NAME[name].separator.join(row) + "\n" for row in rows).encode()
    assert fault(use, BY_NAME[name], content, number) is None


@HYPOTHESIS
@given(name=st.sampled_from(sorted(BY_NAME)), content=st.binary(max_size=200), number=st.integers(0, 5))
def test_any_bytes(use: Use, name: str, content: bytes, number: int):
    assert fault(use, BY_NAME[name], content, number) is None


@pytest.mark.parametrize(
    ("verb", "name", "content"),
    [
        ("predict", "a.txt", b"a fox\n\xff\xfe\n"),
        ("predict", "a.jsonl", b'{"text": "a"}\n{"text": "\\ud800"}\n'),
        ("predict", "b.jsonl", b'{"text": "a", "id": [1]}\n{"text": ["a"]}\n'),
        ("evaluate", "a.tsv", b"text\tlabel\na fox\tslow\na dog\tunheard of\n"),
        ("evaluate", "b.tsv", b"text\tlabel\na fox\tslow\tmore\n"),
        ("doctor", "a.conll", b"a B-\nb -\n\nc I\nd B-B-\ne\n"),
        ("doctor", "a.json", b'[{"data": {"text": "a"}, "annotations": [{"result": [3]}]}]'),
        ("finetune", "b.json", b'[{"data": {"text": "a"}, "annotations": {"result": null}}]'),
        ("doctor", "b.conll", b"#begin document (a); part 000\na\t0\t0\tAnn\t-\t(1\n\n#end document\n"),
        ("finetune", "c.conll", b"#begin document (a); part 000\na\t0\t0\tAnn\t-\t1)\n\n#end document\n"),
        ("finetune", "r.json", b'[{"token": ["a"], "subj_start": 0, "subj_end": 0, "obj_start": 0, "obj_end": 3, "relation": "x"}]'),
        ("finetune", "a.csv", b'text,label\n"a fox,slow\nb,c\n'),
        ("finetune", "q.json", b'{"data": [{"paragraphs": [{"context": "a b", "qas": [{"id": 1, "question": "?", "answers": 5}]}]}]}'),
    ],
)  # fmt: skip
def test_on_the_command_line(
    forks: Forks, bundle: Path, hugging_face_model: Path, tmp_path: Path, verb: str, name: str, content: bytes
):
    data = tmp_path / name
    data.write_bytes(content)
    of_names = {"q.json": "qa", "r.json": "relation", "b.conll": "coref", "c.conll": "coref"}
    kind = of_names.get(name) or {".conll": "tag", ".json": "tag"}.get(data.suffix, "classify")
    arguments: dict[str, list[object]] = {
        "predict": [bundle, data, "--task", "classify"],
        "evaluate": [bundle, "--data", data, "--task", "classify"],
        "doctor": [kind, "--data", data, "--model", hugging_face_model],
        "finetune": [kind, "--train", data, "--model", hugging_face_model, "--out", tmp_path / "out", "--budget", "1steps"],
    }  # fmt: skip
    done = forks.run(verb, *arguments[verb])
    assert "Traceback" not in done.out + done.err
    assert done.code in (0, 2)
    if done.code == 2:
        if "== Findings" in done.out:  # the doctor's report says what is wrong and where
            assert re.search(r"^error .*\n +\S+:( \[)?\d+", done.out, flags=re.MULTILINE)
            return
        *before, last = done.err.splitlines()
        assert last.startswith("spanbert: error: ")
        assert str(data) in last
        assert not any(line.startswith("spanbert: error: ") for line in before)
