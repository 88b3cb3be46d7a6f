from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import spanbert
from spanbert.core.errors import InputError
from spanbert.tasks.pretrain.fill import fill_template, fill_templates, merge_places, tokens_read
from spanbert.tasks.pretrain.template import parse_template


class TableScorer:
    """Answers from fixed tables: log probabilities by row of the blanks, whatever is filled already."""

    def __init__(self, vocab_size: int, seed: int = 0, coupled: bool = False) -> None:
        self.table = np.random.default_rng(seed).normal(size=(64, vocab_size)).astype(np.float32) * 3
        self.coupled = coupled
        self.calls = self.tokens = 0

    def __call__(self, sequences, places):
        self.calls += 1
        self.tokens += sum(map(len, sequences))
        answers = []
        for ids, blanks in zip(sequences, places, strict=True):
            rows = [row for start, end in blanks for row in range(start, end)]
            logits = self.table[rows].copy()
            if self.coupled:  # the neighbours of a piece change what fits
                for k, row in enumerate(rows):
                    logits[k] += np.roll(self.table[40], int(ids[row - 1])) + np.roll(self.table[41], int(ids[row + 1]))
            answers.append(logits - np.log(np.exp(logits).sum(1, keepdims=True)))
        return answers


def test_template_is_cut_at_its_blanks(tokenizer):
    template = parse_template("The quick [MASK:1-3] fox sees play[MASK] and [MASK:2]!", tokenizer, positions=64)
    assert template.texts == ("The quick ", " fox sees play", " and ", "!")
    assert [(blank.shortest, blank.longest, blank.begins_word) for blank in template.blanks] == [
        (1, 3, True), (1, 1, False), (2, 2, True),
    ]  # fmt: skip
    assert template.shapes() == [(1, 1, 2), (2, 1, 2), (3, 1, 2)]
    ids, places = template.sequence((2, 1, 2), tokenizer)
    mask = tokenizer.special["mask"]
    assert np.flatnonzero(ids == mask).tolist() == [row for start, end in places for row in range(start, end)]
    assert (ids[0], ids[-1]) == (tokenizer.special["cls"], tokenizer.special["sep"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no blank here", "no blank in the text"),
        ("a [MASK:x] b", "a mistyped blank"),
        ("a [MASK:0] b", r"got \[MASK:0\]"),
        ("a [MASK:3-1] b", "not a length"),
        ("a [MASK] and [MASK: 1-3] b", "a mistyped blank"),
        ("the [MASK]ing fox", "a blank right before a letter"),
        ("bad \udcff [MASK]", "not valid Unicode"),
        ("[MASK:1-20] [MASK:1-20]", "too many combinations of lengths; got 400"),
        ("the " * 70 + "[MASK]", "too long for one segment; got 73 pieces; expected at most 64"),
    ],
)
def test_bad_templates(tokenizer, text: str, message: str):
    with pytest.raises(InputError, match=message):
        parse_template(text, tokenizer, positions=64)


def test_independent_pieces_are_filled_exactly(tokenizer):
    """Where pieces do not depend on each other the best filling is known, and so is its score."""
    scorer = TableScorer(tokenizer.vocab_size)
    template = parse_template("the [MASK:2] fox", tokenizer, positions=64)
    best = fill_template(template, tokenizer, scorer, top_k=3)
    ids, [(start, end)] = template.sequence((2,), tokenizer)
    [log_probabilities] = scorer([ids], [[(start, end)]])
    banned = tokenizer.is_special_V.copy()
    banned[1] = True  # [unused0]
    pairs = []
    for first, second in itertools.product(np.flatnonzero(~banned), repeat=2):
        if tokenizer.is_word_start_V[first]:
            pairs.append((log_probabilities[0][first] + log_probabilities[1][second], first, second))
    for filling, (total, first, second) in zip(best, sorted(pairs, reverse=True), strict=False):
        assert filling.pieces == ((tokenizer.piece(first), tokenizer.piece(second)),)
        assert sum(filling.piece_scores[0]) == pytest.approx(total, rel=1e-5)
        assert filling.score == pytest.approx(total / 2, rel=1e-5)


def test_results_are_ranked_distinct_and_whole(tokenizer):
    template = parse_template("the [MASK:1-3] fox [MASK]", tokenizer, positions=64)
    scorer = TableScorer(tokenizer.vocab_size, coupled=True)
    fillings = fill_template(template, tokenizer, scorer, top_k=8)
    assert len(fillings) == 8
    assert [f.score for f in fillings] == sorted((f.score for f in fillings), reverse=True)
    assert len({f.text for f in fillings}) == 8
    assert scorer.calls == 4, "one pass a piece of the longest combination"
    for filling in fillings:
        assert filling.text == f"the {filling.fills[0]} fox {filling.fills[1]}"
        assert all(not piece.startswith(("[unused", "[MASK", "[UNK")) for pieces in filling.pieces for piece in pieces)
        assert all(not pieces[0].startswith("##") for pieces in filling.pieces)
        length = len(filling.pieces[0])
        prior = np.log(0.8 ** (length - 1) / (1 + 0.8 + 0.64))
        mean = np.mean([score for scores in filling.piece_scores for score in scores])
        assert filling.score == pytest.approx(mean + prior, rel=1e-5)


def test_a_blank_glued_to_a_word_may_go_on_with_it(tokenizer):
    template = parse_template("play[MASK] the fox", tokenizer, positions=64)
    scorer = TableScorer(tokenizer.vocab_size)
    scorer.table[:, tokenizer.backend.token_to_id("##ing")] = 50.0
    scorer.table[:, tokenizer.backend.token_to_id("house")] = 60.0
    best = fill_template(template, tokenizer, scorer, top_k=5)
    assert (best[0].text, best[0].pieces) == ("playing the fox", (("##ing",),))
    assert all(filling.pieces[0][0].startswith("##") or not filling.pieces[0][0].isalnum() for filling in best)


def test_a_blank_right_after_a_blank_goes_on_with_its_word(tokenizer):
    template = parse_template("the [MASK][MASK] (or [MASK])", tokenizer, positions=64)
    assert [blank.begins_word for blank in template.blanks] == [True, False, True]
    for filling in fill_template(template, tokenizer, TableScorer(tokenizer.vocab_size), top_k=4):
        assert not filling.pieces[0][0].startswith("##")
        assert filling.pieces[1][0].startswith("##") or not filling.pieces[1][0].isalnum()


def test_han_blanks_need_no_space():
    from spanbert.tokens.training import train_wordpiece

    chinese = train_wordpiece(["我们今天去北京大学看电影"] * 5, 100)
    template = parse_template("我们去[MASK][MASK]看电影", chinese, positions=64)
    scorer = TableScorer(chinese.vocab_size)
    scorer.table[:, [chinese.backend.token_to_id(one) for one in "北京"]] = 30.0
    [best] = fill_template(template, chinese, scorer, top_k=1)
    assert set("".join(best.fills)) <= set("北京")
    assert best.text.startswith("我们去")


def test_too_much_work_is_refused(tokenizer):
    template = parse_template("[MASK:1-16] fox [MASK:1-16]", tokenizer, positions=64)
    with pytest.raises(InputError, match="too much to try out; got 20,736 readings"):
        fill_template(template, tokenizer, TableScorer(tokenizer.vocab_size), top_k=2)


def test_texts_are_filled_together(tokenizer):
    texts = ["the [MASK:1-3] fox", "[MASK] sees the [MASK:2]", "the [MASK] runs"]
    templates = [parse_template(text, tokenizer, positions=64) for text in texts]
    alone = [TableScorer(tokenizer.vocab_size, coupled=True) for _ in templates]
    expected = [
        fill_template(template, tokenizer, scorer, top_k=4) for template, scorer in zip(templates, alone, strict=True)
    ]
    together = TableScorer(tokenizer.vocab_size, coupled=True)
    assert fill_templates(templates, tokenizer, together, top_k=4) == expected
    assert together.calls == 3, "a call a round, whatever the number of texts"
    for template, scorer in zip(templates, alone, strict=True):
        assert 0 < scorer.tokens <= tokens_read(template, top_k=4) < 1.5 * scorer.tokens


def test_what_nobody_waits_for_is_not_filled(tokenizer):
    templates = [parse_template(text, tokenizer, positions=64) for text in ("the [MASK:3] fox", "a [MASK:3] runs")]
    scorer = TableScorer(tokenizer.vocab_size)

    def gone_after_a_round(number: int) -> bool:
        return number == 1 or scorer.calls < 1

    first, second = fill_templates(templates, tokenizer, scorer, top_k=2, wanted=gone_after_a_round)
    assert first == []
    assert second == fill_template(templates[1], tokenizer, TableScorer(tokenizer.vocab_size), top_k=2)
    scorer.calls = 0
    assert fill_templates(templates, tokenizer, scorer, top_k=2, wanted=lambda _: scorer.calls < 1) == [[], []]
    assert scorer.calls == 1


def test_neighbouring_blanks_are_one_span():
    assert merge_places([(1, 2), (2, 4), (6, 7)]) == [(1, 4), (6, 7)]


def test_pipeline_fills(trained_bundle: Path):
    nlp = spanbert.load(trained_bundle)
    text = "The Quick [MASK:1-3] fox sees the  [MASK][MASK]."
    fillings = nlp.fill(text, top_k=4)
    assert len(fillings) == 4
    for filling in fillings:
        assert filling.text.startswith("The Quick ")
        assert filling.text.endswith(".")
        assert len(filling.fills) == 3
    assert fillings == nlp.fill(text, top_k=4)
    with pytest.raises(InputError, match="top_k: not a count; got int 0"):
        nlp.fill(text, top_k=0)


def test_pipeline_scores_are_the_mean_of_both_heads(trained_bundle: Path):
    import torch

    from spanbert.checkpoint.bundle import open_bundle
    from spanbert.tasks.pretrain.scorer import TorchPieceScorer

    scorer = TorchPieceScorer.of_bundle(open_bundle(trained_bundle))
    assert scorer.head.sbo is not None
    words = scorer.encoder.embeddings.word.weight
    ids = np.arange(8, 28)
    [rows] = scorer([ids], [[(5, 8)]])
    with torch.no_grad():
        hidden = scorer.encoder(spanbert.pack([ids]))
        mlm = (scorer.head.mlm(hidden[5:8]) @ words.T + scorer.head.mlm.bias).log_softmax(-1)
        boundary = [hidden[[4, 4, 4]], hidden[[8, 8, 8]], torch.arange(3)]
        sbo = (scorer.head.sbo(*boundary) @ words.T + scorer.head.sbo.bias).log_softmax(-1)
    np.testing.assert_allclose(rows, ((mlm + sbo) / 2).numpy(), rtol=1e-4, atol=1e-5)


def test_many_texts_are_scored_as_one(trained_bundle: Path, monkeypatch: pytest.MonkeyPatch):
    from spanbert.checkpoint.bundle import open_bundle
    from spanbert.tasks.pretrain import scorer as module

    scorer = module.TorchPieceScorer.of_bundle(open_bundle(trained_bundle))
    sequences = [np.arange(8, 8 + n) for n in (20, 9, 30)]
    places = [[(3, 5)], [(1, 2), (4, 6)], [(10, 13)]]
    together = list(scorer(sequences, places))
    monkeypatch.setattr(module, "_TOKENS_AT_ONCE", 1)
    for one, other in zip(together, scorer(sequences, places), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_hugging_face_mlm_head_fills_alone(hugging_face_model: Path):
    assert len(spanbert.load(hugging_face_model).fill("the [MASK:1-2] fox")) == 5


def test_no_head_says_what_to_do(minilm: Path):
    with pytest.raises(InputError, match=r"no head that could fill.*spanbert pretrain STORE .* --freeze-encoder"):
        spanbert.load(minilm).fill("the [MASK] fox")
