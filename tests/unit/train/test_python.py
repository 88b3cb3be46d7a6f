"""The functions of the package with what people pass from Python: dictionaries, other names, no reporter."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import spanbert
from spanbert.core import console
from spanbert.core.errors import InputError
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from tests.labelled import SETTINGS, conll_file, single_file

FEW = {**dict(one.split("=") for one in SETTINGS if one.startswith("train")), "train.max_steps": 2, "train.threads": 1}


class Noting(SilentReporter):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stages: set[str] = set()

    def __enter__(self) -> Noting:
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.append("closed")

    def say(self, message: str) -> None:
        self.lines.append(message)

    def update(self, stage: str, fraction: float, figures) -> None:
        self.stages.add(stage)


def test_dictionaries_will_do(hugging_face_model: Path, tmp_path: Path):
    tasks = {
        "ner": {"kind": "ner", "train": str(conll_file(tmp_path / "a.conll", 8, 0)), "options": {"column": "ner"}},
        "sent": {"kind": "sentiment", "train": single_file(tmp_path / "a.tsv", 8, 0), "dev": 0.25},
    }
    result = spanbert.finetune(
        tasks, model=hugging_face_model, out=tmp_path / "out", config={"learning_rate": 1e-4, **FEW}
    )
    assert set(result.scores) == {"sent"}
    nlp = spanbert.load(result.path)
    assert {name: task.kind for name, task in nlp.tasks.items()} == {"ner": "tag", "sent": "classify"}
    assert nlp.files.manifest["recipe"]["optim"]["lr"] == 1e-4
    assert repr(result).startswith(f"<FinetuneResult {result.path}: 2 steps; sent: accuracy ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": []}, "tasks: not tasks; got list"),
        ({"tasks": {"a": "train.tsv"}}, "tasks['a']: not a task; got str"),
        ({"tasks": {"a": {"kind": "classify"}}}, "tasks['a']: a task without 'train'"),
        ({"tasks": {"a": {"kind": "classify", "trian": "a.tsv"}}}, "a task has no 'trian'; did you mean 'train'?"),
        (
            {"tasks": {"a": {"kind": "clasify", "train": "a.tsv"}}},
            "no kind of task 'clasify'; did you mean 'classify'?",
        ),
        (
            {"tasks": {"a": {"kind": "ner", "train": "a.tsv", "options": {"colum": 1}}}},
            "unknown key 'colum'; did you mean 'column'?",
        ),
        ({"config": {"optim": {"lrr": 1}}}, "unknown key 'optim.lrr'; did you mean 'optim.lr'?"),
        ({"config": {"learning_rate": "fast"}}, "bad value for 'optim.lr'"),
        ({"config": 3}, "config: not settings; got int"),
        ({"config": {"learning_rat": 1e-4}}, "unknown key 'learning_rat'; did you mean 'optim.lr'?"),
        ({"config": {"epochs": "three"}}, "bad value for 'train.max_epochs'; got 'three'; expected a valid number"),
        ({"tasks": {"a": {"kind": 3, "train": "a.tsv"}}}, "kind: not a text; got int 3"),
        (
            {"tasks": {"a": {"kind": "ner", "train": None}}},
            "train: not Documents; got None; expected a path, or a list",
        ),
        ({"tasks": {"a": {"kind": "ner", "train": "a.tsv", "dev_target": 3}}}, "dev_target: not a path; got int 3"),
        ({"tasks": {"a": {"kind": "ner", "train": "a.tsv", "options": 3}}}, "options: not settings; got int 3"),
    ],
)
@pytest.mark.parametrize("seeds", [None, 2])
def test_what_finetune_cannot_use(hugging_face_model: Path, tmp_path: Path, changes, message: str, seeds: int | None):
    given = {"tasks": {"a": {"kind": "classify", "train": single_file(tmp_path / "a.tsv", 8, 0)}}, **changes}
    function = spanbert.finetune if seeds is None else spanbert.finetune_seeds
    more = {} if seeds is None else {"seeds": seeds}
    with pytest.raises(InputError) as error:
        function(given.pop("tasks"), model=hugging_face_model, out=tmp_path / "out", **given, **more)
    assert message in str(error.value)
    assert not (tmp_path / "out").exists()


def test_what_is_no_path_and_no_size(hugging_face_model: Path, corpus_file: Path, store_path: Path, tmp_path: Path):
    tasks = {"a": {"kind": "classify", "train": single_file(tmp_path / "a.tsv", 8, 0), "dev": 0.25}}
    prepare, out = partial(spanbert.prepare, out=tmp_path / "s", tokenizer=hugging_face_model), tmp_path / "out"
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: spanbert.finetune(tasks, model=hugging_face_model, out=None), "out: not a path; got None"),
        (lambda: spanbert.finetune(tasks, model=3, out=out), "model: not a path; got int 3"),
        (lambda: spanbert.finetune(tasks, size="huge", out=out), "no such size; got 'huge'; expected tiny, mini"),
        (lambda: spanbert.finetune_seeds(tasks, seeds="2", size="tiny", out=out), "seeds: not a count; got str '2'"),
        (lambda: spanbert.pretrain(None, size="tiny", out=out), "store: not a path; got None"),
        (
            lambda: spanbert.pretrain(store_path, size="huge", out=out, config={"max_steps": 1}),
            "no such size; got 'huge'",
        ),
        (lambda: prepare(None), "inputs: not paths; got None"),
        (lambda: prepare([3]), "inputs: not a path; got int 3"),
        (lambda: prepare([corpus_file], held_out="5%"), "not a share; got str '5%'"),
        (lambda: prepare([corpus_file], tokenizer=None), "tokenizer: not a path; got None"),
        (lambda: spanbert.evaluate(hugging_face_model, []), "data: not a path; got list"),
        (lambda: spanbert.convert(None, out, to="bundle"), "source: not a path; got None"),
        (lambda: spanbert.convert(hugging_face_model, None, to="bundle"), "out: not a path; got None"),
        (lambda: spanbert.convert_data(corpus_file, 3, to="jsonl"), "out: not a path; got int 3"),
        (lambda: spanbert.doctor("ner", None, model=hugging_face_model), "data: not a path; got None"),
        (lambda: spanbert.doctor("ner", corpus_file, model=hugging_face_model, fix=3), "fix: not a path; got int 3"),
        (lambda: spanbert.info(None), "path: not a path; got None"),
        (lambda: spanbert.load_tokenizer(None), "model: not a path; got None"),
    ]
    for call, message in calls:
        with pytest.raises(InputError, match=message):
            call()
    assert [path.name for path in tmp_path.iterdir()] == ["a.tsv"]
    assert prepare(str(corpus_file)).documents["held_out"] >= 1, "one path, and no list of its letters"


def test_files_that_are_missing_are_named_before_any_work(tmp_path: Path):
    train, noting = single_file(tmp_path / "a.tsv", 8, 0), Noting()
    tasks = {"a": {"kind": "classify", "train": train, "dev": tmp_path / "none.tsv"}}
    with pytest.raises(InputError, match="none.tsv: no such file"):
        spanbert.finetune(tasks, size="tiny", out=tmp_path / "out", config=FEW, reporter=noting)
    assert (noting.lines, (tmp_path / "out").exists()) == ([], False)


def test_pretrain_and_prepare_take_dictionaries(
    corpus_file: Path, store_path: Path, vocabulary_file: Path, tmp_path: Path
):
    with pytest.raises(InputError, match="unknown key 'documnts'; did you mean 'documents'"):
        spanbert.prepare([corpus_file], tokenizer=vocabulary_file, out=tmp_path / "store", options={"documnts": "file"})
    made = spanbert.prepare(
        [corpus_file], tokenizer=vocabulary_file, out=tmp_path / "s", options={"documents": "file"}, held_out=0
    )
    assert made.documents["train"] == 1
    with pytest.raises(InputError, match="unknown key 'optim.lrr'"):
        spanbert.pretrain(store_path, out=tmp_path / "b", size="tiny", config={"optim": {"lrr": 1}})


def test_progress_is_shown_by_default(
    monkeypatch, hugging_face_model: Path, tmp_path: Path, corpus_file: Path, vocabulary_file: Path
):
    noting = Noting()
    monkeypatch.setattr(console, "shown_by_default", lambda: noting)
    spanbert.prepare([corpus_file], tokenizer=vocabulary_file, out=tmp_path / "store")
    assert noting.stages == {"prepare"}
    file = single_file(tmp_path / "a.tsv", 12, 0)
    task = spanbert.TaskData(kind="classify", train=file, dev=file)
    spanbert.finetune({"a": task}, model=hugging_face_model, out=tmp_path / "out", config=FEW)
    spanbert.evaluate(tmp_path / "out", file)
    assert {"prepare", "train", "evaluate a on a.tsv"} <= noting.stages
    assert noting.lines.count("closed") == 3
    before = list(noting.lines)
    spanbert.evaluate(tmp_path / "out", file, reporter=SilentReporter())
    assert noting.lines == before


def test_where_progress_is_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert isinstance(console.shown_by_default().__enter__(), SilentReporter)
    monkeypatch.setattr(console.Console, "is_terminal", property(lambda self: True))
    assert isinstance(console.shown_by_default(), console.LiveReporter)
    monkeypatch.setattr(console.Console, "is_jupyter", True, raising=False)
    monkeypatch.setattr(console.Console, "__init__", lambda self, **_: None)
    assert isinstance(console.shown_by_default(), console.PlainReporter)


def test_notebooks_show_progress_as_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    with console.shown_by_default() as reporter:
        reporter.say("a line [with brackets]")
    assert capsys.readouterr() == ("a line [with brackets]\n", ""), "no HTML of which each line is an output of its own"


def test_an_error_closes_the_display(monkeypatch: pytest.MonkeyPatch):
    noting = Noting()
    monkeypatch.setattr(console, "shown_by_default", lambda: noting)

    @shows_progress
    def failing(*, reporter: Reporter | None = None) -> None:
        assert reporter is noting
        raise InputError("no")

    with pytest.raises(InputError):
        failing()
    assert noting.lines == ["closed"]
