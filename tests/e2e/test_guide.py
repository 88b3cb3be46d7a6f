"""Every command and every line of Python of the guide runs, on the samples that its pages show, with tiny models."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanbert.corpus.formats.registry import FORMATS
from tests.conftest import save_hugging_face_bert
from tests.guide import DOCS, GUIDE, NOT_RUN, Block, Services, blocks, lines, parsed, require_known, shortened, shown

MODELS = ("quickstart/bundle", "build/zh/bundle")  # English and Chinese, where pages say that they are
TINY_EN = (
    Path(__file__).parents[1] / "fixtures" / "bundles" / "joint"
)  # in place of small-en, which need not be installed


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, vocabulary_file: Path) -> dict[str, Path]:
    """By their paths in the pages: an English model, one that knows the characters of the Chinese pages, small-en."""
    folder = tmp_path_factory.mktemp("zh")
    text = "".join(page.read_text(encoding="utf-8") for page in GUIDE if page.parent.name == "zh")
    specials = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = list(dict.fromkeys([*specials, *re.findall(r"[\u4e00-\u9fff]|[。，？！：；、]|[a-z0-9]", text.lower())]))
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    longest = {"max_position_embeddings": 512}
    english = save_hugging_face_bert(folder / "english", vocabulary_file, **longest)
    chinese = save_hugging_face_bert(folder / "chinese", folder / "vocab.txt", vocab_size=len(pieces), **longest)
    return {MODELS[0]: english, MODELS[1]: chinese, "small-en": TINY_EN}


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """Pages set the threads of this process."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Reader:
    """Somebody who does what a page says, in a folder of their own."""

    def __init__(self, folder: Path, cli, capsys, monkeypatch: pytest.MonkeyPatch, models: dict[str, Path]) -> None:
        self.folder, self.cli, self.capsys, self.patch = folder, cli, capsys, monkeypatch
        self.names: dict[str, object] = {}
        self.services = Services(folder)
        for place, model in models.items():
            shutil.copytree(model, folder / place)
        monkeypatch.chdir(folder)

    def does(self, block: Block) -> None:
        if block.file is not None:
            place = self.folder / block.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.code, encoding="utf-8")
        elif block.language == "sh":
            for line in lines(block.code):
                self.runs(line)
        elif block.language == "python":
            if self.services.running:  # the client of Hugging Face asks nobody where the hub is switched off
                self.patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
            exec(compile(self.services.addressed(block.code), f"line {block.line}", "exec"), self.names)
            self.capsys.readouterr()
        elif block.language == "console":
            for line, expected in shown(block.code):
                code, out, err = self.answers(line)
                assert (out + err).strip() == expected, line
                assert code == (2 if "spanbert: error: " in expected else 0), line
        else:
            assert block.language in ("text", "json", "js"), f"line {block.line}: {block.language}"

    def runs(self, line: str) -> None:
        if line.startswith(("spanbert serve ", "curl ")):
            self.services.runs(line)
            return
        if not line.startswith(("spanbert ", "echo ")) or line.startswith(NOT_RUN):
            require_known(line)
            return
        code, out, err = self.answers(line)
        assert code == 0, f"{line}\n{out[-2000:]}{err[-2000:]}"

    def answers(self, line: str) -> tuple[int, str, str]:
        command = parsed(line)
        assert command.words[0] == "spanbert", line
        typed = self.folder / ".typed"
        typed.write_text(command.stdin or "", encoding="utf-8")
        with typed.open(encoding="utf-8") as stream:
            self.patch.setattr("sys.stdin", stream)
            return self.cli(*shortened(command.words))


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
