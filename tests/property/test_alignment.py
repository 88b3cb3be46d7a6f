from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spanbert
from spanbert.batches.plan import PackingPlan
from spanbert.core.errors import InputError
from spanbert.core.types import Span
from spanbert.corpus.raw.readers import ReadConfig
from spanbert.tokens.alignment import pieces_of_spans
from spanbert.tokens.prepare import prepare
from spanbert.tokens.store import TokenStore
from tests.conftest import make_text

TEXT = make_text(12, seed=4)[3].replace("\n", "  ")


@settings(max_examples=200, deadline=None)
@given(start=st.integers(0, len(TEXT)), length=st.integers(0, 60))
def test_spans_of_characters_become_whole_words(tokenizer, start: int, length: int):
    span = Span(start=start, end=min(start + length, len(TEXT)))
    _, starts = tokenizer.encode(TEXT)
    [offsets] = tokenizer.offsets_batch([TEXT])
    found = pieces_of_spans(offsets, starts, [span])
    covered = {piece for piece, (a, b) in enumerate(offsets.tolist()) if a < span.end and b > span.start}
    if not covered:
        assert found == []
        return
    [(first, last)] = found
    assert covered <= set(range(first, last))
    assert starts[first]
    assert last == len(starts) or starts[last]
    assert starts[first:last].sum() <= starts[min(covered) : max(covered) + 1].sum() + 1


def test_entities_travel_from_json_to_the_masks(vocabulary_file: Path, tmp_path: Path):
    file, lines = tmp_path / "a.jsonl", []
    for text in make_text(40, seed=2):
        name = text.index(" ") + 1
        lines.append(
            json.dumps({"text": text, "names": [[name, text.index(" ", name + 1), "X"]] if " " in text[name:] else []})
        )
    file.write_text("\n".join(lines))
    options = ReadConfig(entities_field="names")
    store = TokenStore(
        prepare([file], tokenizer=vocabulary_file, out=tmp_path / "store", held_out=0, options=options).path
    )
    documents = list(store.documents("train"))
    assert sum(len(document.entities) for document in documents) >= 30
    segments = [
        segment
        for pack in PackingPlan(store, segment_length=32, pack_tokens=64).epoch_packs(0)
        for segment in pack.segments
    ]
    assert sum(len(segment.entities) for segment in segments) == sum(len(document.entities) for document in documents)
    for segment in segments:
        for start, end in segment.entities:
            assert segment.word_starts[start]
            assert end == len(segment.ids) or segment.word_starts[end]


@pytest.mark.parametrize(
    ("names", "message"),
    [("[[0, 999, 1]]", "a span outside the text"), ("[[1]]", "not a list of spans"), ("7", "not a list")],
)
def test_bad_entities_name_the_line(vocabulary_file: Path, tmp_path: Path, names: str, message: str):
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "the fox"}\n{"text": "the dog", "names": ' + names + "}\n")
    with pytest.raises(InputError, match=rf"a\.jsonl:2: {message}"):
        prepare([file], tokenizer=vocabulary_file, out=tmp_path / "s", options=ReadConfig(entities_field="names"))


def test_statistics_of_masking(cli, store_path: Path):
    shares = {}
    for scheme in ("span", "subword", "word", "entity"):
        code, out, _ = cli("info", store_path, "--masking", "--scheme", scheme, "--segment-length", 64, "--json")
        facts = json.loads(out)
        assert code == 0
        assert facts["scheme"] == scheme
        assert sum(facts["words_a_span"].values()) == pytest.approx(1)
        shares[scheme] = facts
    assert shares["word"]["mean_words"] == 1
    assert shares["span"]["mean_words"] > 2
    assert all(0.13 < facts["share_masked"] < 0.18 for facts in shares.values())
    code, _, err = cli("info", store_path, "--masking", "--scheme", "noun")
    assert code == 2
    assert "bad value for 'scheme'" in err
    assert spanbert.info(store_path)["kind"] == "token store"
