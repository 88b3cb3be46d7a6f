"""Every command and every line of Python of the guide runs, on the samples that its pages show, with tiny models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanbert.corpus.formats.registry import FORMATS
from tests.conftest import save_hugging_face_bert
from tests.guide import DOCS, GUIDE, Reader, blocks, chinese_model
from tests.serving import JOINT

MODELS = ("quickstart/bundle", "build/zh/bundle")  # English and Chinese, where pages say that they are


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, vocabulary_file: Path) -> dict[str, Path]:
    """By their paths in the pages: an English model, one that knows the characters of the Chinese pages, small-en."""
    folder = tmp_path_factory.mktemp("guide")
    english = save_hugging_face_bert(folder / "english", vocabulary_file, max_position_embeddings=512)
    chinese = chinese_model(folder / "chinese", [page for page in GUIDE if page.parent.name == "zh"])
    return {MODELS[0]: english, MODELS[1]: chinese, "small-en": JOINT}  # which need not be installed


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """Pages set the threads of this process."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: str(page.relative_to(DOCS).with_suffix("")))
def test_a_page_does_what_it_says(page: Path, tmp_path: Path, cli, capsys, monkeypatch: pytest.MonkeyPatch, models):
    reader = Reader(tmp_path, cli, capsys, monkeypatch, models)
    try:
        for block in blocks(page):
            reader.does(block)
    finally:
        reader.services.end()


def test_every_fence_is_read():
    for page in GUIDE:
        fences = re.findall(r"^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert len(fences) == 2 * len(blocks(page)), f"{page}: a fence that tests do not see"


def test_every_format_has_a_sample():
    page = (DOCS / "guide" / "samples.md").read_text(encoding="utf-8")
    assert [one.name for one in FORMATS if f"`{one.name}`" not in page] == []
