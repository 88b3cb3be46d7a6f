from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spanbert.core.errors import InputError
from spanbert.corpus.raw.readers import DocumentReader, ReadConfig
from spanbert.tokens import prepare as preparing
from spanbert.tokens import store_writer
from spanbert.tokens.prepare import prepare
from spanbert.tokens.store import TokenStore
from tests.conftest import make_text


def contents(path: Path) -> dict[str, bytes]:
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_store_holds_every_document_whole(store_path: Path, corpus_file: Path, tokenizer):
    store = TokenStore(store_path)
    assert len(store.shard_names("train")) > 1
    stored = {d.id: d for split in ("train", "held_out") for d in store.documents(split)}
    documents = list(DocumentReader([corpus_file]))
    assert len(stored) == len(documents) == 120
    for document in documents:
        ids, starts = tokenizer.encode(document.text)
        assert stored[document.id].ids.tolist() == ids.tolist()
        assert stored[document.id].word_starts.tolist() == starts.tolist()
    assert store.count("train", "documents") + store.count("held_out", "documents") == 120
    assert store.fingerprint == tokenizer.fingerprint == store.tokenizer().fingerprint


def test_unigram_counts_are_those_of_the_train_split(store_path: Path):
    store = TokenStore(store_path)
    counted = np.zeros(store.index["tokenizer"]["vocab_size"], dtype=np.int64)
    for document in store.documents("train"):
        np.add.at(counted, document.ids, 1)
    assert counted.tolist() == store.unigram_counts().tolist()


def test_held_out_documents_depend_on_ids_alone(
    store_path: Path, corpus_file: Path, vocabulary_file: Path, tmp_path: Path
):
    other = prepare([corpus_file], tokenizer=vocabulary_file, out=tmp_path / "s", held_out=0.1, shard_pieces=10**9)
    once, again = TokenStore(store_path), TokenStore(other.path)
    held_out = {document.id for document in once.documents("held_out")}
    assert held_out == {document.id for document in again.documents("held_out")}
    assert 3 <= len(held_out) <= 25


def test_ids_are_mapped_not_copied(store_path: Path):
    document = next(TokenStore(store_path).documents("train"))
    assert document.ids.dtype == np.uint16
    assert not document.ids.flags.owndata


KILL_AT_SECOND_SHARD = """
import os, signal, sys
from spanbert.tokens import prepare as module, store_writer
close, shards = store_writer.StoreWriter._close_shards, []
def close_and_die(self):
    if shards:
        self._open["train"].close()  # the shard's temporary file is whole, but progress does not know of it
        os.kill(os.getpid(), signal.SIGKILL)
    shards.append(close(self))
store_writer.StoreWriter._close_shards = close_and_die
module.prepare([sys.argv[1]], tokenizer=sys.argv[2], out=sys.argv[3], held_out=0.1, shard_pieces=4000)
"""


def test_killed_prepare_goes_on_and_ends_the_same(
    store_path: Path, corpus_file: Path, vocabulary_file: Path, tmp_path: Path
):
    out = tmp_path / "store"
    killed = subprocess.run(
        [sys.executable, "-c", KILL_AT_SECOND_SHARD, corpus_file, vocabulary_file, out], check=False
    )
    assert killed.returncode == -9
    assert not out.exists()
    assert (tmp_path / ".store.preparing" / "train-00000.arrow").is_file()

    class Heard:
        lines: list[str] = []  # noqa: RUF012

        def say(self, message: str) -> None:
            self.lines.append(message)

        def update(self, *_: object) -> None: ...

        def finish(self, stage: str) -> None: ...

    prepare([corpus_file], tokenizer=vocabulary_file, out=out, held_out=0.1, shard_pieces=4000, reporter=Heard())
    assert any("resuming" in line for line in Heard.lines)
    assert contents(out) == contents(store_path)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_kill_after_the_last_text_costs_no_text(
    corpus_file: Path, vocabulary_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    given = {"tokenizer": vocabulary_file, "held_out": 0.1, "shard_pieces": 4000}
    whole = prepare([corpus_file], out=tmp_path / "whole", **given)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(store_writer, "sha256_of", killed)
        prepare([corpus_file], out=tmp_path / "store", **given)
    monkeypatch.setattr(preparing, "encode_documents", lambda documents, adapter: pytest.fail("a text is read again"))
    prepare([corpus_file], out=tmp_path / "store", **given)
    assert contents(tmp_path / "store") == contents(whole.path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "whole"]


def test_other_options_do_not_take_over_a_killed_run(corpus_file: Path, vocabulary_file: Path, tmp_path: Path):
    out = tmp_path / "store"
    subprocess.run([sys.executable, "-c", KILL_AT_SECOND_SHARD, corpus_file, vocabulary_file, out], check=False)
    result = prepare([corpus_file], tokenizer=vocabulary_file, out=out, held_out=0.0, shard_pieces=4000)
    assert result.documents == {"train": 120, "held_out": 0}


def test_changed_text_does_not_take_over_a_killed_run(corpus_file: Path, vocabulary_file: Path, tmp_path: Path):
    """The same size is not the same text."""
    copy = tmp_path / "corpus.txt"
    copy.write_text(corpus_file.read_text())
    out = tmp_path / "store"
    subprocess.run([sys.executable, "-c", KILL_AT_SECOND_SHARD, copy, vocabulary_file, out], check=False)
    copy.write_text(corpus_file.read_text().replace("fox", "dog").replace("Fox", "Dog"))
    prepare([copy], tokenizer=vocabulary_file, out=out, held_out=0.1, shard_pieces=4000)
    tokenizer = TokenStore(out).tokenizer()
    assert TokenStore(out).unigram_counts()[tokenizer.backend.token_to_id("fox")] == 0


def test_everything_held_out_is_an_error(corpus_file: Path, vocabulary_file: Path, tmp_path: Path):
    with pytest.raises(InputError, match="every document was held out"):
        prepare([corpus_file], tokenizer=vocabulary_file, out=tmp_path / "store", held_out=0.9999)
    assert list(tmp_path.iterdir()) == []


def test_existing_store_is_not_overwritten(store_path: Path, corpus_file: Path, vocabulary_file: Path):
    before = contents(store_path)
    with pytest.raises(InputError, match="exists already"):
        prepare([corpus_file], tokenizer=vocabulary_file, out=store_path)
    assert contents(store_path) == before


def test_broken_input_leaves_no_store(vocabulary_file: Path, tmp_path: Path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "the fox"}\n{broken\n')
    with pytest.raises(InputError, match=r"a\.jsonl:2"):
        prepare([file], tokenizer=vocabulary_file, out=tmp_path / "store")
    assert not (tmp_path / "store").exists()
    options = ReadConfig(on_error="skip")
    result = prepare([file], tokenizer=vocabulary_file, out=tmp_path / "store", held_out=0, options=options)
    assert (result.documents["train"], result.read.broken_lines) == (1, 1)


def test_empty_input_is_an_error(vocabulary_file: Path, tmp_path: Path):
    (tmp_path / "a.txt").write_text("\n \n")
    with pytest.raises(InputError, match="no text in the input"):
        prepare([tmp_path / "a.txt"], tokenizer=vocabulary_file, out=tmp_path / "store")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt"]


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: _flip(s / "train-00000.arrow"), "does not match its checksum"),
        (lambda s: (s / "train-00000.arrow").write_bytes(b"short"), "wrong size"),
        (lambda s: (s / "unigram.npy").unlink(), "is missing"),
        (lambda s: (s / "index.json").unlink(), "not a token store"),
        (lambda s: (s / "index.json").write_text("{}"), "not the index of a token store"),
        (lambda s: (s / "index.json").write_text('{"kind": "spanbert token store"}'), "another format"),
        (lambda s: (s / "index.json").write_text(json.dumps({**json.loads((s / "index.json").read_text()), "format": 9})),
         "another format"),
    ],
)  # fmt: skip
def test_damage_is_seen_on_open(store_path: Path, tmp_path: Path, damage, message: str):
    copy = tmp_path / "store"
    shutil.copytree(store_path, copy)
    TokenStore(copy)
    damage(copy)
    with pytest.raises(InputError, match=message):
        TokenStore(copy)


def test_memory_does_not_grow_with_the_corpus(vocabulary_file: Path, tmp_path: Path):
    """Peak memory of preparing 4 MB and 24 MB differs by less than the difference of the text."""
    text = "\n\n".join(make_text(1500, seed=1))
    peaks = []
    for times in (2, 12):
        file = tmp_path / f"{times}.txt"
        file.write_text("\n\n".join([text] * times))
        code = (
            "import re, sys; from spanbert.tokens.prepare import prepare; "
            "prepare([sys.argv[1]], tokenizer=sys.argv[2], out=sys.argv[3], shard_pieces=200_000); "
            "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
        )
        arguments = [sys.executable, "-c", code, file, vocabulary_file, tmp_path / f"store{times}"]
        peaks.append(int(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout) * 1024)
    assert peaks[1] - peaks[0] < 0.5 * (len(text) * 10)
