from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

from spanbert.core.errors import InputError
from spanbert.tokens.tokenizer import load_tokenizer
from tests.conftest import make_text


def test_vocabulary_and_json_give_equal_ids(vocabulary_file: Path, tmp_path: Path):
    from_vocabulary = load_tokenizer(vocabulary_file)
    from_vocabulary.save(tmp_path)
    from_json = load_tokenizer(tmp_path)
    assert from_json.fingerprint == from_vocabulary.fingerprint
    for text in make_text(5):
        assert from_json.encode(text)[0].tolist() == from_vocabulary.encode(text)[0].tolist()


def test_ids_equal_transformers(tokenizer, tmp_path: Path):
    tokenizer.save(tmp_path, longest=64)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs.model_max_length == 64
    assert theirs.mask_token == "[MASK]"
    for text in [*make_text(5), "Ünbelievable fox-trot!"]:
        assert tokenizer.encode(text)[0].tolist() == theirs(text, add_special_tokens=False)["input_ids"]


def test_special_tokens_in_a_text_are_text(tokenizer):
    ids, _ = tokenizer.encode("the [MASK] and [SEP]")
    assert not tokenizer.is_special_V[ids[ids != tokenizer.special["unk"]]].any()
    assert tokenizer.special["mask"] not in ids


def test_a_vocabulary_with_a_gap(tmp_path: Path, tokenizer):
    import json

    definition = json.loads(tokenizer.backend.to_str())
    del definition["model"]["vocab"]["fox"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(definition))
    gapped = load_tokenizer(tmp_path)
    assert gapped.vocab_size == tokenizer.vocab_size
    gapped.save(tmp_path)
    assert len((tmp_path / "vocab.txt").read_text().splitlines()) == tokenizer.vocab_size
    assert gapped.encode("the dog")[0].tolist() == tokenizer.encode("the dog")[0].tolist()


def test_nothing_is_truncated_or_padded(minilm: Path):
    tokenizer = load_tokenizer(minilm)  # its tokenizer.json asks for 128 pieces, padded
    ids, starts = tokenizer.encode("word " * 1000)
    assert len(ids) == len(starts) == 1000
    assert tokenizer.encode_batch(["a", "a b c"])[0][0].tolist() == tokenizer.encode("a")[0].tolist()
    assert load_tokenizer(minilm / "vocab.txt").encode("Hello, Ünbelievable")[0].tolist() == (
        tokenizer.encode("Hello, Ünbelievable")[0].tolist()
    )


def test_word_starts_of_wordpiece(tokenizer):
    ids, starts = tokenizer.encode("unbelievable fox-s")
    pieces = [tokenizer.piece(identity) for identity in ids]
    assert [piece.startswith("##") for piece in pieces] == [not start for start in starts]
    assert starts.sum() == 4


def test_word_starts_of_byte_level_bpe(tmp_path: Path):
    bpe = Tokenizer(models.BPE(unk_token="<unk>"))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    specials = ["<s>", "</s>", "<mask>", "<pad>", "<unk>"]
    bpe.train_from_iterator(
        make_text(10), trainers.BpeTrainer(vocab_size=330, special_tokens=specials, show_progress=False,
                                           initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )  # fmt: skip
    bpe.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(tmp_path)
    ids, starts = tokenizer.encode("quick internationally foxes")
    assert starts.sum() == 3
    assert len(ids) > 3
    begins = [tokenizer.piece(identity).startswith("Ġ") for identity in ids]
    assert begins == starts.tolist()


def test_special_and_ordinary_ids_divide_the_vocabulary(tokenizer):
    specials = {tokenizer.special[role] for role in ("cls", "sep", "mask", "pad", "unk")}
    assert len(specials) == 5
    assert specials.isdisjoint(tokenizer.ordinary_ids.tolist())
    assert len(tokenizer.ordinary_ids) + len(specials) == tokenizer.vocab_size


@pytest.mark.parametrize(
    ("content", "name", "part"),
    [
        ("{", "tokenizer.json", "not valid JSON"),
        ("{}", "tokenizer.json", "not a tokenizer"),
        ('{"model": {"type": "Nonsense"}}', "tokenizer.json", "not a tokenizer that can be used"),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "vocab.txt", "no mask token"),
        ("a\nb\na\n", "vocab.txt", ":3: a piece occurs twice"),
    ],
)
def test_broken_tokenizers(tmp_path: Path, content: str, name: str, part: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=part):
        load_tokenizer(tmp_path)


def test_a_vocabulary_without_its_unknown_piece(vocabulary_file: Path, tmp_path: Path):
    """The special tokens are there; that the model's own vocabulary lacks the piece shows when a text needs it."""
    tokenizer = load_tokenizer(vocabulary_file)
    definition = json.loads(tokenizer.backend.to_str())
    definition["model"]["vocab"] = {"x": 1}
    (tmp_path / "tokenizer.json").write_text(json.dumps(definition))
    with pytest.raises(
        InputError, match=r"tokenizer\.json: not a tokenizer that can be used; got WordPiece error: Missing"
    ):
        load_tokenizer(tmp_path)


def test_no_tokenizer_here(tmp_path: Path):
    with pytest.raises(InputError, match="no tokenizer here"):
        load_tokenizer(tmp_path)
    with pytest.raises(InputError, match="no such file or directory"):
        load_tokenizer(tmp_path / "none" / "deep")
    with pytest.raises(InputError, match="hub cannot be reached"):
        load_tokenizer("nobody/no-such-model")
