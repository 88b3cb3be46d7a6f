"""Long texts are tokenised in parts, with the pieces that they have as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import spanbert
from spanbert.core.errors import InputError
from spanbert.tokens import long_texts
from spanbert.tokens import tokenizer as module
from spanbert.tokens.long_texts import parts_of
from spanbert.tokens.target_vocabulary import TargetVocabulary
from spanbert.tokens.tokenizer import TokenizerAdapter, load_tokenizer
from tests.conftest import make_text
from tests.faults.limits import MEBIBYTE, memory_limited

SPECIAL = ["<s>", "</s>", "<mask>", "<pad>", "<unk>"]


def trained(kind: str) -> TokenizerAdapter:
    """A tokenizer of another kind than WordPiece, trained on a few texts."""
    if kind == "bpe":
        tokenizer, trainer = (
            Tokenizer(models.BPE()),
            trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL, show_progress=False),
        )
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
    else:
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(
            vocab_size=400, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
        )
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.train_from_iterator(make_text(200), trainer)
    return TokenizerAdapter(tokenizer, kind)


@pytest.fixture(scope="module", params=["wordpiece", "bpe", "unigram"])
def adapter(request: pytest.FixtureRequest, vocabulary_file: Path) -> TokenizerAdapter:
    return load_tokenizer(vocabulary_file) if request.param == "wordpiece" else trained(request.param)


WORDS = st.lists(
    st.sampled_from(
        [
            "the",
            "fox",
            "unbelievable",
            "it's",
            "(never)",
            "12",
            "é",
            "e\u0301",
            "  ",
            "\n",
            "漢字",
            "\t",
            "ﬁre",
            "x" * 130,
        ]
    )
)


@settings(deadline=None)
@given(words=WORDS, longest=st.integers(1, 30))
def test_parts_have_the_pieces_of_the_whole(adapter: TokenizerAdapter, words: list[str], longest: int):
    text = " ".join(words * 3)
    whole = adapter._encode_whole([text])[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_texts, "LONGEST_PART", longest)
        patch.setattr(module, "LONGEST_PART", longest)
        parts = list(parts_of(text))
        [(ids, starts)] = adapter.encode_batch([text])
    assert "".join(parts) == text
    assert np.array_equal(ids, whole[0])
    assert np.array_equal(starts, whole[1])
    assert adapter._reads_parts_alike


def test_a_text_of_many_megabytes_takes_a_few_times_its_size(vocabulary_file: Path):
    adapter = load_tokenizer(vocabulary_file)
    text = " ".join(make_text(100)).replace("\n", " ") * 400
    size = len(text)
    assert size > 4 * MEBIBYTE
    adapter.encode_batch([text[: size // 100]])
    with memory_limited(128 * MEBIBYTE + 12 * size):  # as a whole it takes 200 times its size
        [(ids, _)] = adapter.encode_batch([text])
    assert len(ids) > size / 10


def broken(adapter_file: Path, target: Path, **parts: object) -> Path:
    """A tokenizer with other parts."""
    definition = json.loads(load_tokenizer(adapter_file).backend.to_str())
    target.write_text(json.dumps({**definition, **parts}))
    return target


@pytest.mark.parametrize(
    "parts",
    [
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "BAAAAP///38="}},
        {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
    ],
)
def test_a_tokenizer_that_panics_is_one_line(
    vocabulary_file: Path, tmp_path: Path, parts: dict[str, object], hugging_face_model: Path
):
    file = broken(vocabulary_file, tmp_path / "tokenizer.json", **parts)
    with pytest.raises(InputError, match="the library `tokenizers` gives up on") as caught:
        load_tokenizer(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="gives up"):
        TargetVocabulary.from_json(file.read_text(), str(file))


def test_a_tokenizer_that_panics_when_it_decodes_is_one_line(vocabulary_file: Path, tmp_path: Path):
    file = broken(
        vocabulary_file, tmp_path / "t.json", decoder={"type": "Strip", "content": "a", "start": 3, "stop": 10**9}
    )
    with pytest.raises(InputError, match="gives up"):
        adapter = load_tokenizer(file)
        adapter.decode([adapter.backend.token_to_id("a")])


def test_ids_that_no_vocabulary_needs_are_refused(vocabulary_file: Path, tmp_path: Path, hugging_face_model: Path):
    definition = json.loads(load_tokenizer(vocabulary_file).backend.to_str())
    definition["model"]["vocab"]["zebra"] = 2**32 - 1
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(definition))
    with (
        memory_limited(256 * MEBIBYTE),
        pytest.raises(InputError, match=r"ids that no vocabulary needs; got 4,294,967,295"),
    ):
        load_tokenizer(file)
    definition["model"]["vocab"]["zebra"] = 100_000
    (tmp_path / "model").mkdir()
    for path in hugging_face_model.iterdir():
        if path.is_file():
            (tmp_path / "model" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model" / "tokenizer.json").write_text(json.dumps(definition))
    with pytest.raises(InputError, match=r"the tokenizer is not that of the model; got ids up to 100,000"):
        spanbert.load(tmp_path / "model")
    with pytest.raises(InputError, match="not that of the model"):
        spanbert.convert(tmp_path / "model", tmp_path / "out", to="bundle")


@pytest.mark.parametrize(
    ("settings_", "message"),
    [("[]", "not a JSON object"), ('{"do_lower_case": "no"}', "bad value for 'do_lower_case'")],
)
def test_settings_beside_a_vocabulary(vocabulary_file: Path, tmp_path: Path, settings_: str, message: str):
    (tmp_path / "vocab.txt").write_bytes(vocabulary_file.read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(settings_)
    with pytest.raises(InputError, match=message):
        load_tokenizer(tmp_path)
