"""The readmes: what they say runs and is measured, they are short, and both languages say the same."""

from __future__ import annotations

import ast
import re
import subprocess
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pytest
import rjieba

from tests.conftest import make_text, save_hugging_face_bert
from tests.guide import ROOT, Block, Reader, blocks, chinese_model, lines
from tests.labelled import conll_file, coref_file, data, pos_file, single_file, squad_file, tune

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
README = pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=["en", "zh"])
LINES, WORDS, WIDTH = 150, 1000, 120
SMALL, START = "small-en", {ENGLISH: "small-en", CHINESE: "bert-base-chinese"}  # what training starts from


def prose(page: Path) -> list[str]:
    """The lines of a page outside of code, tables and comments."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [line for line in text.splitlines() if not line.startswith(("|", "<!--"))]


def table(page: Path) -> list[list[str]]:
    """The cells of the page's table, without its header."""
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def code(page: Path, language: str) -> list[Block]:
    return [block for block in blocks(page) if block.language == language]


def stands(figure: str, section: str) -> bool:
    """Whether a section has a figure that rounds to this one."""
    half = Decimal(5).scaleb(-len(figure.partition(".")[2]) - 1)
    return any(abs(Decimal(one) - Decimal(figure)) <= half for one in re.findall(r"\d+\.\d+", section))


@README
def test_it_is_short(page: Path):
    text = page.read_text(encoding="utf-8")
    assert text.count("\n") <= LINES
    words = text.split() if page is ENGLISH else rjieba.cut(re.sub(r"\]\([^)]*\)", "]", text))  # without addresses
    assert len([word for word in words if re.search(r"\w", word)]) <= WORDS
    assert [line for line in prose(page) if len(line) > WIDTH] == []


def test_both_languages_say_the_same():
    english, chinese = (page.read_text(encoding="utf-8") for page in (ENGLISH, CHINESE))
    for mark in ("\n## ", "\n- ", "\n|", "\n```", "<!-- small-en output -->"):
        assert english.count(mark) == chinese.count(mark), mark
    commands = [[line for block in code(page, "sh") for line in lines(block.code)] for page in (ENGLISH, CHINESE)]
    plain = [re.sub(r"\"[^\"]*\"|'[^']*'| +#.*", "...", "\n".join(found)) for found in commands]
    assert plain[0] == plain[1].replace(START[CHINESE], START[ENGLISH])
    python = [[ast.dump(ast.parse(block.code)) for block in code(page, "python")] for page in (ENGLISH, CHINESE)]
    assert python[0] == python[1]
    for one, other in zip(table(ENGLISH), table(CHINESE), strict=True):
        assert one[1:3] == other[1:3]
        for cell, twin in zip(one[3:], other[3:], strict=True):
            assert re.findall(r"\d+\.\d+", cell) == re.findall(r"\d+\.\d+", twin)


@README
def test_figures_stand_in_the_benchmarks(page: Path):
    """`NAME: FIGURE ... (FIGURE); ...`: each is found, rounded, in a section that names the benchmark."""
    sections = (ROOT / "docs" / "BENCHMARKS.md").read_text(encoding="utf-8").split("\n## ")
    claims = [claim for row in table(page) for cell in row[3:] if cell for claim in re.split("[;；]", cell)]
    assert len(claims) >= 14
    for claim in claims:
        name, said = re.split("[:：]", claim, maxsplit=1)
        figures = re.findall(r"\d+\.\d+", said)
        assert figures, claim
        named = [section for section in sections if name.strip() in section]
        assert any(all(stands(figure, section) for figure in figures) for section in named), claim


@README
def test_files_that_it_names_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r'src="([^"]+)"|\b((?:docs|examples)/[\w/.-]+\.\w+)', text):
        assert (ROOT / "".join(path)).is_file(), path


@README
def test_packages_that_it_installs_from_the_tree_exist(page: Path):
    found = re.findall(r"pip install .*?\./([\w/-]+)", page.read_text(encoding="utf-8"))
    assert found
    assert all((ROOT / path / "pyproject.toml").is_file() for path in found)


@pytest.mark.parametrize("target", ["demo", "test", "check"])
def test_targets_do_what_it_says(target: str):
    """What `make demo` runs is run by test_quickstart.py."""
    assert f"make {target}" in [line for block in code(ENGLISH, "sh") for line in lines(block.code)]
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"demo": "spanbert quickstart", "test": "-m pytest", "check": "ruff check"}[target] in done.stdout


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, vocabulary_file: Path) -> Path:
    """A tiny model with the tasks of small-en, and a head that fills blanks."""
    folder = tmp_path_factory.mktemp("small")
    model = save_hugging_face_bert(folder / "model", vocabulary_file, max_position_embeddings=512)
    tasks = {
        "entities": data("tag", conll_file, folder / "entities", suffix=".conll"),
        "parts": data("tag", pos_file, folder / "parts", suffix=".conll"),
        "clusters": data("coref", coref_file, folder / "clusters", suffix=".jsonl"),
        "sentiment": data("classify", single_file, folder / "sentiment"),
        "questions": data("qa", squad_file, folder / "questions", suffix=".json"),
    }
    tune(tasks, model, folder / "small-en", "train.max_steps=5", "keep_heads=true")
    return folder / "small-en"


@README
def test_it_does_what_it_says(
    page: Path, tmp_path: Path, cli, capsys, monkeypatch: pytest.MonkeyPatch, small: Path, tmp_path_factory
):
    models = {SMALL: small}
    if page is CHINESE:
        models[START[page]] = chinese_model(tmp_path_factory.mktemp("zh") / "model", [page])
    reader = Reader(tmp_path, cli, capsys, monkeypatch, models)
    (tmp_path / "texts").mkdir()
    texts = make_text(300) if page is ENGLISH else [line for line in prose(page) if line] * 20
    (tmp_path / "texts" / "a.txt").write_text("\n\n".join(texts), encoding="utf-8")
    try:
        for block in blocks(page):
            reader.does(block)
    finally:
        reader.services.end()


@pytest.mark.skipif(find_spec("spanbert_small_en") is None, reason="the package spanbert-small-en is not installed")
@README
def test_the_five_lines_print_what_it_shows(page: Path, capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    found = blocks(page)
    [place] = [number for number, block in enumerate(found) if block.language == "python"]
    assert len(lines(found[place].code)) == 5
    exec(compile(found[place].code, page.name, "exec"), {})
    parts = [re.split(r"(\d+\.\d+)", text) for text in (capsys.readouterr().out, found[place + 1].code)]
    assert parts[0][::2] == parts[1][::2]
    assert [*map(float, parts[0][1::2])] == pytest.approx([*map(float, parts[1][1::2])], abs=0.02), "another processor"
