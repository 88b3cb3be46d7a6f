from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spanbert.batches.masking import mask_spans
from spanbert.core.errors import InputError
from spanbert.tokens.tokenizer import TokenizerAdapter
from spanbert.tokens.training import train_wordpiece

TEXT = "我们今天去北京大学看电影，OpenAI发布了新模型。"


@pytest.fixture(scope="module")
def chinese() -> TokenizerAdapter:
    return train_wordpiece([TEXT, "unbelievable foxes and dogs 我们喜欢北京"] * 20, 150)


def words_of(text: str, tokenizer: TokenizerAdapter) -> list[str]:
    _, starts = tokenizer.encode(text)
    [offsets] = tokenizer.offsets_batch([text])
    words: list[str] = []
    for (start, end), begins in zip(offsets.tolist(), starts.tolist(), strict=True):
        words = [*words, text[start:end]] if begins else [*words[:-1], words[-1] + text[start:end]]
    return words


def test_words_are_those_of_the_segmenter(chinese: TokenizerAdapter):
    assert words_of(TEXT, chinese) == [
        "我们", "今天", "去", "北京大学", "看", "电影", "，", "OpenAI", "发布", "了", "新", "模型", "。",
    ]  # fmt: skip


def test_other_scripts_beside_han_keep_their_words(chinese: TokenizerAdapter):
    assert words_of("unbelievable foxes 喜欢 dogs", chinese) == ["unbelievable", "foxes", "喜欢", "dogs"]


def test_a_piece_across_two_words_joins_them():
    import numpy as np

    from spanbert.tokens.chinese import chinese_word_starts

    text = "北京大学看电影"  # 北京大学 看 电影
    offsets = np.array([[0, 2], [2, 5], [5, 7]])  # the second piece straddles 大学 and 看
    [starts] = chinese_word_starts([text], [offsets], [np.ones(3, dtype=bool)])
    assert starts.tolist() == [True, False, True]


def test_masking_never_cuts_a_chinese_word(chinese: TokenizerAdapter):
    ids, starts = chinese.encode(TEXT * 6)
    for seed in range(50):
        for start, end in mask_spans(ids, starts, seed=seed, tokenizer=chinese).spans:
            assert starts[start]
            assert end == len(ids) or starts[end]


def test_han_text_without_the_segmenter_is_an_error(chinese: TokenizerAdapter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "rjieba", None)
    assert len(chinese.encode("foxes and dogs")[0]) > 0
    with pytest.raises(InputError, match=r"needs a word segmenter.*got '我们今天.*spanbert\[zh\]"):
        chinese.encode(TEXT)


def test_trained_vocabulary(chinese: TokenizerAdapter, tmp_path: Path):
    assert chinese.vocab_size <= 150
    assert [chinese.piece(n) for n in range(5)] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert chinese.decode(chinese.encode("Foxes")[0].tolist()) == "foxes"
    with pytest.raises(InputError, match="too small a vocabulary; got 7"):
        train_wordpiece(["x"], 7)


def test_prepare_trains_a_vocabulary(cli, corpus_file: Path, tmp_path: Path):
    store = tmp_path / "store"
    code, out, err = cli(
        "prepare", corpus_file, "--train-tokenizer", 200, "--cased", "--out", store, "--held-out", "10%"
    )
    assert code == 0, err
    assert "--size mini" in out
    from spanbert.tokens.store import TokenStore

    tokenizer = TokenStore(store).tokenizer()
    assert 150 < tokenizer.vocab_size <= 200
    assert tokenizer.decode(tokenizer.encode("The Fox")[0].tolist()).replace(" ", "").startswith("The")
    for arguments in (["--train-tokenizer", 200, "--tokenizer", "x"], []):
        code, _, err = cli("prepare", corpus_file, "--out", tmp_path / "other", *arguments)
        assert (code, "either --tokenizer or --train-tokenizer" in err) == (2, True)


def test_pieces_of_chinese_are_joined_without_spaces():
    tokenizer = train_wordpiece(["北京是中国的首都。 made in china 2008"], 100)
    ids, _ = tokenizer.encode("北京，中国made in 北京")
    assert tokenizer.surface(ids.tolist()).replace("[UNK]", "，") == "北京，中国made in北京"
