"""The notebooks of `examples/` run from their first to their last cell, and what is stored in them is fit to be seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import spanbert
from tests.conftest import save_hugging_face_bert
from tests.hub import local_hub
from tests.notebooks import EXAMPLES, NOTEBOOKS, PUBLISHES, ROOT, WITHOUT_OUTPUT, parameters, read, run

FEW = {"STEPS": 2, "PRETRAIN_STEPS": 2, "FINETUNE_STEPS": 2, "EPOCHS": 0.25, "FOLDS": 2}
DATA = {  # kinds of tasks that learn from each file
    "garden/train.jsonl": ["tag"],
    "garden/test.jsonl": ["tag"],
    "town/train.jsonl": ["tag", "coref", "relation"],
    "town/test.jsonl": ["tag", "coref", "relation"],
    "zh/names_train.jsonl": ["tag"],
    "zh/names_test.jsonl": ["tag"],
    "zh/reviews_train.csv": ["classify"],
    "zh/reviews_test.csv": ["classify"],
    "messages.csv": ["classify"],
}
SHARED = [("garden/train.jsonl", "garden/test.jsonl"), ("town/train.jsonl", "town/test.jsonl"),
          ("zh/names_train.jsonl", "zh/names_test.jsonl"), ("zh/reviews_train.csv", "zh/reviews_test.csv")]  # fmt: skip
OF_A_MACHINE = re.compile(r"(?:^|[\s'\"=(])(/[a-z]+/[\w./-]+|[A-Z]:\\)|127\.0\.0\.1|localhost", flags=re.MULTILINE)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, vocabulary_file: Path) -> dict[str, Path]:
    """A tiny English model, and under `chinese` one that knows the characters of the Chinese texts."""
    folder = tmp_path_factory.mktemp("models")
    texts = [path.read_text(encoding="utf-8") for path in sorted((EXAMPLES / "data" / "zh").iterdir())]
    specials = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = list(dict.fromkeys([*specials, *re.findall(r"[\u4e00-\u9fff]|[。，？！：；、]", "".join(texts))]))
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    longest = {"max_position_embeddings": 512}
    english = save_hugging_face_bert(folder / "english", vocabulary_file, **longest)
    chinese = save_hugging_face_bert(folder / "chinese", folder / "vocab.txt", vocab_size=len(pieces), **longest)
    return {path.stem: chinese if path.stem == "chinese" else english for path in NOTEBOOKS}


def values(notebook: Path, models: dict[str, Path]) -> dict[str, object]:
    few = {name: FEW[name] for name in parameters(read(notebook)) if name in FEW}
    return {"MODEL": str(models[notebook.stem]), **few}


def shown(notebook) -> str:
    """All text that the cells of a notebook show."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            found += [output.get("text", "")]
            found += [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    return "\n".join(found)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_whole(notebook: Path, models, tmp_path: Path):
    before = sorted(path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*"))
    with local_hub() as hub:
        ran = run(
            notebook,
            tmp_path / "examples",
            values=values(notebook, models),
            environment=hub.environment(tmp_path / "home") if notebook.stem == PUBLISHES else {},
        )
    code = [cell for cell in ran.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert sorted(path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*")) == before, "it wrote elsewhere"
    if notebook.stem == "first_steps":
        assert "<FinetuneResult runs/garden: 2 steps" in shown(ran), "the values were not those that were given"
    if notebook.stem == PUBLISHES:
        repository = hub.repositories["jane/garden-notes"]
        assert repository.private
        assert {"README.md", "model.safetensors", "spanbert.json"} <= repository.files.keys()


def test_values_that_a_notebook_does_not_have_are_refused(tmp_path: Path):
    with pytest.raises(AssertionError, match="no such parameter"):
        run(EXAMPLES / "first_steps.ipynb", tmp_path, values={"STEP": 2})


def test_every_notebook_is_listed():
    names = [path.stem for path in NOTEBOOKS]
    assert len(names) == 6
    for page in (EXAMPLES / "README.md", ROOT / "docs" / "guide" / "notebooks.md"):
        text = page.read_text(encoding="utf-8")
        assert [name for name in names if f"{name}.ipynb" not in text] == [], page


def test_links_lead_somewhere():
    for notebook in NOTEBOOKS:
        text = "\n".join(cell.source for cell in read(notebook).cells if cell.cell_type == "markdown")
        links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith("https://")]
        assert links, notebook
        assert [link for link in links if not (EXAMPLES / link).is_file()] == [], notebook


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_that_of_one_whole_run_and_of_no_machine(notebook: Path):
    stored = read(notebook)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    if notebook.stem == WITHOUT_OUTPUT:
        assert [cell for cell in code if cell.outputs or cell.execution_count] == []
        return
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "not of one run: make notebooks"
    outputs = [output for cell in code for output in cell.outputs]
    assert outputs
    assert [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"] == []
    text = shown(stored)
    assert OF_A_MACHINE.search(text) is None, OF_A_MACHINE.search(text)
    assert re.search("warning", text.replace("0 warnings", ""), flags=re.IGNORECASE) is None
    assert not any("execution" in cell.metadata for cell in code), "says when it ran"


def test_what_counts_as_a_place_of_a_machine():
    seen = ("read /home/ann/a.txt", "'/work/x.py'", "model=/root/m", r"C:\Users\ann", "http://127.0.0.1:80/jane")
    assert all(OF_A_MACHINE.search(one) for one in seen)
    assert not any(OF_A_MACHINE.search(one) for one in ("runs/garden/model", "tok/s 12", "and/or", "1/2", "text/html"))


def test_all_data_is_looked_at():
    found = {str(path.relative_to(EXAMPLES / "data")) for path in (EXAMPLES / "data").rglob("*.*")}
    assert found - {"garden/handbook.txt"} == DATA.keys()


@pytest.mark.parametrize(("file", "kind"), [(file, kind) for file, kinds in DATA.items() for kind in kinds])
def test_the_doctor_finds_nothing_wrong_with_the_data(file: str, kind: str, models):
    model = models["chinese" if file.startswith("zh/") else "first_steps"]
    report = spanbert.doctor(kind, EXAMPLES / "data" / file, model=model, estimate=False)
    known = {"no_negatives"}  # all relations of a text are named, and training takes its other pairs
    if "test" in file:
        known.add("rare_labels")  # that is for training data
    wrong = [one for one in report.findings if one.rule.severity != "note" and one.rule.name not in known]
    assert wrong == []


@pytest.mark.parametrize(("train", "test"), SHARED)
def test_no_test_text_is_trained_on(train: str, test: str, models):
    data, kind = EXAMPLES / "data", DATA[train][0]
    model = models["chinese" if train.startswith("zh/") else "first_steps"]
    report = spanbert.doctor(kind, data / train, dev=data / test, model=model, estimate=False)
    assert "leakage" not in {one.rule.name for one in report.findings}
