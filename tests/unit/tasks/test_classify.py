"""Classification: modes, weights, windows, pairs, and the losses of padded references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from spanbert.core.errors import InputError
from spanbert.core.predictions import Classification
from spanbert.core.types import Document
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.classify.config import ClassifyConfig
from spanbert.tasks.classify.head import ClassifyHead
from spanbert.tasks.classify.task import ClassifyTask
from tests.labelled import write_lines, write_table
from tests.stubs import layout_of, read_windows


def documents(*rows: tuple[str, tuple[str, ...] | None], pair: str | None = None) -> list[Document]:
    return [Document(id=f"f:{n}", text=text, labels=labels, pair=pair) for n, (text, labels) in enumerate(rows, 1)]


def task_of(tokenizer, learned: list[Document], *, length: int = 64, overlap: int = 8, **options) -> ClassifyTask:
    return ClassifyTask.from_training(
        "t", learned, config=ClassifyConfig(**options), window=WindowConfig(length=length, overlap=overlap),
        tokenizer=tokenizer, positions=64,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "mode", "names"),
    [
        ([("b",), ("a",), ("b",)], "single", ("a", "b")),
        ([("10",), ("9",), ("1",)], "single", ("1", "9", "10")),  # numbers by size
        ([("1.0",), ("0",)], "single", ("0", "1.0")),
        ([("1.5",), ("0",)], "regression", ("value",)),
        ([("-0.5",), ("1e1",)], "regression", ("value",)),
        ([("1.5",), ("b",)], "single", ("1.5", "b")),
        ([("a", "b"), ("a",)], "multi", ("a", "b")),
        ([("a",), ()], "multi", ("a",)),
        ([("inf",), ("1",)], "single", ("1", "inf")),
    ],
)
def test_the_mode_is_told_by_the_labels(tokenizer, labels, mode: str, names: tuple[str, ...]):
    task = task_of(tokenizer, documents(*(("a fox", one) for one in labels), ("unlabelled", None)))
    assert (task.mode, task.labels, task.main_metric) == (
        mode, names, {"single": "accuracy", "multi": "micro_f1", "regression": "pearson"}[mode],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "options", "said"),
    [
        (["b", "a"], {}, "t: a text gets one of 2 labels"),
        (["5", "1"], {}, "t: a text gets one of 2 labels, all whole numbers: --mode regression learns them as numbers"),
        (["5", "1"], {"mode": "single"}, "t: a text gets one of 2 labels"),
        (["5.5", "1"], {}, "t: a text gets a number"),
        (["b", "a"], {"mode": "multi"}, "t: a text gets any number of 2 labels"),
    ],
)
def test_the_mode_is_said(tokenizer, labels: list[str], options: dict[str, str], said: str):
    task = task_of(tokenizer, documents(*(("a fox", (one,)) for one in labels)), **options)
    assert list(task.remarks([])) == [said]


def test_the_mode_may_be_given(tokenizer):
    numbers = documents(("a", ("1",)), ("b", ("2",)), ("c", ("6",)))
    task = task_of(tokenizer, numbers, mode="regression")
    assert (task.mode, task.scale) == ("regression", (3.0, np.std([1, 2, 6])))
    assert task_of(tokenizer, documents(("a", ("x",)), ("b", ("y",))), mode="multi").mode == "multi"
    assert task_of(tokenizer, documents(("a", ("x",)), ("b", ("y",))), separator="|").mode == "multi"
    assert task_of(tokenizer, documents(("a", ("3",)), ("b", ("3",))), mode="regression").scale == (3.0, 1.0)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([None], {}, "no labelled text"),
        ([("a",), ("a",)], {}, "not labels to choose among; got 1 different labels in 2 texts; expected 2 to 1000"),
        ([("a", "b")], {"mode": "single"}, "texts with several labels, or none. Pass --mode multi"),
        ([("a",), ("1",)], {"mode": "regression"}, "a regression needs one number a text; got a, 1"),
        ([("2",), ("inf",)], {"mode": "regression"}, "a regression needs one number a text"),
        ([("1.5", "2.5")], {"mode": "regression"}, "a regression needs one number a text"),
        ([(), ()], {}, "not labels to choose among; got 0 different"),
    ],
)
def test_labels_that_pose_no_task(tokenizer, labels, options, message: str):
    with pytest.raises(InputError, match=message):
        task_of(tokenizer, documents(*(("a fox", one) for one in labels)), **options)


def test_balanced_weights_give_every_label_the_same_sum(tokenizer):
    learned = documents(("a", ("x",)), ("b", ("x",)), ("c", ("x",)), ("d", ("y",)))
    assert task_of(tokenizer, learned, class_weights="balanced").weights_L == pytest.approx([4 / 6, 4 / 2])
    assert task_of(tokenizer, learned).weights_L is None


def config_of(**changes) -> EncoderConfig:
    return EncoderConfig.from_hugging_face(
        {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50,
         "intermediate_size": 32, "max_position_embeddings": 64, "type_vocab_size": 2, "hidden_dropout_prob": 0.0,
         "attention_probs_dropout_prob": 0.0, **changes},
        where="test",
    )  # fmt: skip


def reference(head: ClassifyHead, hidden_SD: torch.Tensor) -> torch.Tensor:
    """BERT's classifier: the pooler of the first position, then a linear layer."""
    return functional.linear(
        torch.tanh(functional.linear(hidden_SD, head.pooler.weight, head.pooler.bias)),
        head.output.weight,
        head.output.bias,
    )


def losses_and_gradients(head: torch.nn.Module, hidden: torch.Tensor, loss: torch.Tensor) -> list[torch.Tensor]:
    head.zero_grad()
    hidden.grad = None
    loss.backward()
    return [loss.detach(), hidden.grad.clone(), *(one.grad.clone() for one in head.parameters())]


@pytest.mark.parametrize("mode", ["single", "weighted", "multi", "regression"])
def test_losses_are_those_of_the_usual_means(mode: str):
    """The sum over a batch divided by its texts is what Hugging Face's heads compute; gradients too."""
    torch.manual_seed(0)
    labels = 1 if mode == "regression" else 4
    weights = [0.5, 1.0, 2.0, 0.25] if mode == "weighted" else None
    head = ClassifyHead(config_of(), labels, "single" if mode == "weighted" else mode, weights_L=weights).eval()
    hidden_SD = torch.randn(5, 32, requires_grad=True)
    if mode in ("single", "weighted"):
        gold = [0, 3, 1, 1, 2]
        per_text = functional.cross_entropy(reference(head, hidden_SD), torch.tensor(gold), reduction="none")
        expected = (per_text * torch.tensor(weights)[gold]).mean() if weights else per_text.mean()
    elif mode == "multi":
        gold = [np.array(row, dtype=np.float32) for row in ([1, 0, 0, 1], [0] * 4, [1] * 4, [0, 1, 0, 0], [1, 0, 0, 0])]
        expected = functional.binary_cross_entropy_with_logits(reference(head, hidden_SD), torch.tensor(np.stack(gold)))
    else:
        gold = [0.5, -1.0, 2.0, 3.5, 0.0]
        expected = functional.mse_loss(reference(head, hidden_SD)[:, 0], torch.tensor(gold))
    ours = losses_and_gradients(head, hidden_SD, head.loss(hidden_SD, layout_of(*[1] * 5), gold) / 5)
    theirs = losses_and_gradients(head, hidden_SD, expected)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_a_regression_is_learned_in_standard_deviations(tokenizer):
    learned = documents(("a", ("10.5",)), ("b", ("20",)))
    task = task_of(tokenizer, learned)
    head = task.build_head(task.head_context(config_of()))
    assert task.scale == (15.25, 4.75)
    hidden_SD = torch.zeros(1, 32)  # the bias alone: the mean of the training numbers
    assert head.loss(hidden_SD, layout_of(1), [task.scale[0] + 2 * task.scale[1]]).item() == pytest.approx(4.0)
    with torch.inference_mode():
        [logits_L] = head.eval().outputs(hidden_SD, layout_of(1))
    [windowed] = task.tokenize([Document(id="x", text="a fox")])
    assert task.decode(windowed, [logits_L]) == Classification(scores={}, value=pytest.approx(15.25))


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (50.0, 25.0), (300_000.0, 120_000.0), (0.5, 0.003)])
def test_numbers_of_any_size_are_learned_alike_and_stored_as_they_are(mean: float, deviation: float):
    """The same weights and the same numbers in deviations from the mean: the same loss and the same gradients."""
    torch.manual_seed(0)
    unit, other = (ClassifyHead(config_of(), 1, "regression", scale=scale) for scale in ((0.0, 1.0), (mean, deviation)))
    other.load_state_dict(unit.state_dict())
    hidden_SD = torch.randn(5, 32, requires_grad=True)
    gold = [-1.5, -0.2, 0.0, 0.7, 2.0]
    scaled = [mean + deviation * one for one in gold]
    one = losses_and_gradients(unit.eval(), hidden_SD, unit.loss(hidden_SD, layout_of(*[1] * 5), gold))
    two = losses_and_gradients(other.eval(), hidden_SD, other.loss(hidden_SD, layout_of(*[1] * 5), scaled))
    for ours, theirs in zip(one, two, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    stored, fresh = ClassifyHead(config_of(), 1, "regression"), ClassifyHead(config_of(), 1, "regression", scale=(3, 7))
    for head in (stored, fresh):
        head.load_stored(other.stored(), where="bundle")
        both = [one(hidden_SD, layout_of(*[1] * 5))["logits"] for one in (head.eval(), other)]
        torch.testing.assert_close(*both, rtol=1e-5, atol=1e-5 * abs(mean) + 1e-6)


def test_one_threshold_is_chosen_for_several_labels_and_models_are_ranked_by_it(tokenizer):
    task = task_of(tokenizer, documents(("a", ("x", "y")), ("b", ())))
    scorer = task.scorer()
    for labels, x, y in ((("x",), 0.3, 0.1), (("y",), 0.1, 0.3), ((), 0.1, 0.1)):
        scorer.add(Document(id="1", text="a", labels=labels), Classification(scores={"x": x, "y": y}))
    scores = scorer.scores()
    assert (scores["micro_f1"], scores["best_micro_f1"]) == (0.0, 1.0)
    assert 0.1 < scores["best_threshold"] <= 0.3
    assert task.selection_score(scores) == 1.0, "at one half nothing is given, and all models would seem alike"
    stated = task_of(tokenizer, documents(("a", ("x", "y")), ("b", ())), threshold=0.5)
    assert stated.selection_score(scores) == 0.0
    assert {"ece", "reliability"} <= scores.keys()


def test_pairs_are_not_single_texts(tokenizer):
    task, _, _ = paired(tokenizer, "a fox", "a dog")
    with pytest.raises(InputError, match="f:1: task t: a text alone; expected two texts, as in training"):
        task.tokenize([Document(id="f:1", text="a fox")])
    mixed = [Document(id="1", text="a", labels=("x",)), Document(id="2", text="b", labels=("y",), pair="c")]
    with pytest.raises(InputError, match="texts with and without a second one; got 1 of 2 with"):
        task_of(tokenizer, mixed)
    with pytest.raises(InputError, match="class weights need one label a text; got the mode multi"):
        task_of(tokenizer, documents(("a", ("x", "y")), ("b", ())), class_weights="balanced")


def test_the_windows_of_a_long_text_are_averaged(tokenizer):
    task = task_of(tokenizer, documents(("a", ("x",)), ("b", ("y",))), length=16, overlap=4)
    text = "the fox runs over the old stone " * 5
    [windowed] = task.tokenize([Document(id="a", text=text, labels=("y",))])
    assert len(windowed.windows) > 2
    examples = task.examples(windowed)
    assert [one.target.gold for one in examples] == [1] * len(windowed.windows)
    assert all(one.asked.rows.tolist() == [0] and one.target.units == 1 and one.tokens <= 16 for one in examples)
    read = {piece for start, end in windowed.windows for piece in range(start, end)}
    assert read == set(range(len(windowed.pieces.ids)))
    logits = [np.array([float(n), 1.0], dtype=np.float32) for n in range(len(examples))]
    mean = np.mean(range(len(examples)))
    found = task.decode(windowed, logits)
    assert found.scores["x"] == pytest.approx(1 / (1 + np.exp(1 - mean)))
    assert sum(found.scores.values()) == pytest.approx(1)
    cut = task_of(tokenizer, documents(("a", ("x",)), ("b", ("y",))), length=16, overlap=4, long_texts="truncate")
    [windowed] = cut.tokenize([Document(id="a", text=text)])
    [(first, _)] = read_windows(cut, windowed)
    assert first.ids.tolist() == examples[0].window.ids.tolist()
    assert not cut.shares_encoder_pass, "a task that reads other windows has a pass of its own"


def test_a_text_without_pieces_is_read_as_the_special_tokens_alone(tokenizer):
    task = task_of(tokenizer, documents(("a", ("x",)), ("b", ("y",))))
    [windowed] = task.tokenize([Document(id="a", text="\u200b", labels=("x",))])
    [example] = task.examples(windowed)
    assert example.window.ids.tolist() == [tokenizer.special["cls"], tokenizer.special["sep"]]


def test_several_labels_from_a_threshold(tokenizer):
    task = task_of(tokenizer, documents(("a", ("x", "y")), ("b", ())), threshold=0.7)
    [windowed] = task.tokenize([Document(id="a", text="fox", labels=("y",))])
    assert task.examples(windowed)[0].target.gold.tolist() == [0, 1]
    found = task.decode(windowed, [np.array([1.0, 0.5], dtype=np.float32)])
    assert found.labels == ("x",)
    assert found.scores == pytest.approx({"x": 1 / (1 + np.exp(-1.0)), "y": 1 / (1 + np.exp(-0.5))})
    assert task.tuner() is None
    task.config = ClassifyConfig()
    tuner = task.tuner()
    for labels, score in ((("x",), 0.3), ((), 0.2), (("x",), 0.4)):
        tuner.add(Document(id="a", text="fox", labels=labels), Classification(scores={"x": score, "y": 0.01}))
    assert 0.2 < tuner.best() <= 0.3


def paired(tokenizer, first: str, second: str, **options):
    task = task_of(tokenizer, documents(("a", ("x",)), ("b", ("y",)), pair="c"), length=16, overlap=2, **options)
    [windowed] = task.tokenize([Document(id="a", text=first, pair=second, labels=("x",))])
    return task, windowed, task.examples(windowed)


@pytest.mark.parametrize(("long", "other"), [(40, 3), (3, 40), (30, 25), (1, 1), (6, 7)])
def test_pairs_longer_than_a_window_lose_nothing(tokenizer, long: int, other: int):
    words = ("fox", "dog", "tree", "bird", "king")
    first, second = (" ".join(words[n % 5] for n in range(count)) for count in (long, other))
    task, windowed, examples = paired(tokenizer, first, second)
    assert not task.shares_encoder_pass
    assert all(one.tokens <= 16 and one.window.token_types is not None for one in examples)
    parts, others = ({pair[side] for pair in windowed.pairs} for side in (0, 1))
    assert {(a, b) for a, b in windowed.pairs} == {(a, b) for a in parts for b in others}, "every part with every other"
    assert {piece for start, end in parts for piece in range(start, end)} == set(range(long))
    assert {piece for start, end in others for piece in range(start, end)} == set(range(other))
    if long <= 6:
        assert len(parts) == 1, "a short text stays whole"
    if other <= 6:
        assert len(others) == 1
    separator = tokenizer.special["sep"]
    for one, ((a, b), (c, d)) in zip(examples, windowed.pairs, strict=True):
        ids = [tokenizer.special["cls"], *windowed.pieces.ids[a:b], separator, *windowed.second[c:d], separator]
        assert one.window.ids.tolist() == ids
        assert one.window.token_types.tolist() == [0] * (2 + b - a) + [1] * (1 + d - c)


def test_a_pair_may_be_cut_to_its_first_window_or_be_empty(tokenizer):
    _, _, cut = paired(tokenizer, "fox " * 40, "dog " * 40, long_texts="truncate")
    assert len(cut) == 1
    _, _, [example] = paired(tokenizer, "a fox", "\u200b")
    assert example.window.ids.tolist()[-2:] == [tokenizer.special["sep"]] * 2


def scored(task: ClassifyTask, *pairs) -> dict:
    scorer = task.scorer()
    for labels, prediction in pairs:
        document = Document(id="f:7", text="a fox", labels=labels)
        scorer.add(document, prediction)
    return scorer.scores()


def test_unknown_gold_labels_are_wrong_not_fatal(tokenizer):
    task = task_of(tokenizer, documents(("a", ("x",)), ("b", ("y",))))
    right = Classification(labels=("x",), scores={"x": 0.9, "y": 0.1})
    scores = scored(task, (("x",), right), (("new",), right), (None, right), (("y",), right))
    assert (scores["accuracy"], scores["examples"]) == (pytest.approx(1 / 3), 3)
    assert scores["by_label"]["new"]["recall"] == 0
    with pytest.raises(InputError, match="a label that the model does not know; got 'new'; expected x, y"):
        [windowed] = task.tokenize([Document(id="f:7", text="a fox", labels=("new",))])
        task.examples(windowed)
    several = task_of(tokenizer, documents(("a", ("x", "y")), ("b", ())))
    assert scored(several, (("x", "new"), right))["micro_f1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("labels", "message"), [((), "f:7: not one label; got none"), (("x", "y"), "f:7: not one label; got x, y")]
)
def test_gold_of_another_shape_is_an_input_error(tokenizer, labels, message: str):
    task = task_of(tokenizer, documents(("a", ("x",)), ("b", ("y",))))
    with pytest.raises(InputError, match=message):
        scored(task, (labels, Classification(labels=("x",), scores={"x": 0.9, "y": 0.1})))
    numbers = task_of(tokenizer, documents(("a", ("0.5",)), ("b", ("2",))))
    for bad in ("good", "nan", "inf"):
        with pytest.raises(InputError, match=f"f:7: not a number; got '{bad}'"):
            numbers.scorer().add(Document(id="f:7", text="a", labels=(bad,)), Classification(scores={}, value=1.0))


def test_mistakes_say_what_was_wrong_and_how_sure_the_model_was(tokenizer):
    task = task_of(tokenizer, documents(("a", ("x",)), ("b", ("y",))))
    document = Document(id="f:7", text="a fox", labels=("y",), pair="a dog")
    [mistake] = task.mistakes(document, Classification(labels=("x",), scores={"x": 0.9, "y": 0.1}))
    assert (mistake.severity, mistake.text, mistake.gold, mistake.predicted) == (0.9, "a fox // a dog", "y", "x")
    assert not list(task.mistakes(document, Classification(labels=("y",), scores={"x": 0.1, "y": 0.9})))


def test_files_and_manifest_there_and_back(tokenizer, tmp_path: Path):
    table = write_table(tmp_path / "a.tsv", ("sentence", "topic"), [("a fox", "x|y"), ("a dog", "y")])
    options = ClassifyConfig(text_column="sentence", label_column="topic", separator="|")
    assert [one.labels for one in ClassifyTask.open(options, table).documents()] == [("x", "y"), ("y",)]
    lines = write_lines(tmp_path / "a.jsonl", [{"text": "a", "text_b": "b", "label": 1}, {"text": "c", "text_b": "d"}])
    task = task_of(tokenizer, list(ClassifyTask.open(ClassifyConfig(), lines).documents()), mode="multi")
    assert (task.pairs, task.labels) == (True, ("1",))
    again = ClassifyTask.from_manifest("t", task.manifest(), tokenizer=tokenizer, positions=32)
    assert again.window == (32, 8)
    assert again.manifest() == {**task.manifest(), "window": [32, 8]}
