"""The fine-tuning benchmark: what it cuts, scores and compares by hand, and both sides run small from end to end."""

from __future__ import annotations

import json
import pickle
import runpy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean

import pytest

from benchmarks.bench import finetune
from benchmarks.bench.finetune_sides import ours as our_side
from benchmarks.bench.finetune_sides import peer_runs as peer_side
from benchmarks.bench.finetune_sides.data import DATA_SETS, Amounts, cut, gold_tags, make_contest, read, words_of
from benchmarks.bench.finetune_sides.recipe import Trained
from benchmarks.bench.finetune_sides.scores import compared, main_score, score
from spanbert.core.errors import InputError
from spanbert.scores.bootstrap import compare

ROWS = [("the quick fox runs", "yes"), ("the slow dog sleeps", "no"), ("a red fox", "yes"), ("an old dog eats", "no")]
SENTENCES = [[("the", "O"), ("red", "B-A"), ("fox", "I-A")], [("dog", "B-B")], [("a", "O"), ("cat", "B-A")]]
CONTEXTS = ["the red fox sleeps near the river .", "an old dog sees the new house ."]


def squad(contexts: list[str]) -> str:
    paragraphs = [
        {
            "context": text,
            "qas": [
                {"id": f"{number}{word}", "question": f"{word} ?", "answers": [{"text": word, "answer_start": text.index(word)}]}
                for word in text.split()[1:3]
            ],
        }
        for number, text in enumerate(contexts)
    ]  # fmt: skip
    return json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Small data sets where the real ones would lie."""
    content = {
        "classify": "sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in 5 * ROWS),
        "tag": "\n".join("".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in 6 * SENTENCES),
        "qa": squad(5 * CONTEXTS),
    }
    for one in DATA_SETS.values():
        for name in (one.train, one.held_out, one.predict):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content[one.kind])
    return tmp_path


def test_files_are_cut_to_their_first_examples(data: Path, tmp_path: Path):
    files = {one.kind: data / one.train for one in DATA_SETS.values()}
    texts = read("classify", cut("classify", files["classify"], tmp_path / "a.tsv", 3))
    assert [(one.text, one.labels) for one in texts] == [(text, (label,)) for text, label in ROWS[:3]]
    sentences = read("tag", cut("tag", files["tag"], tmp_path / "b.conll", 2))
    assert [list(zip(words_of(one), gold_tags(one), strict=True)) for one in sentences] == SENTENCES[:2]
    questions = read("qa", cut("qa", files["qa"], tmp_path / "c.json", 3))  # two of one paragraph, one of the next
    assert [(one.id, one.text, one.questions[0].text) for one in questions] == [
        ("0red", CONTEXTS[0], "red ?"), ("0fox", CONTEXTS[0], "fox ?"), ("1old", CONTEXTS[1], "old ?"),
    ]  # fmt: skip


def test_contests_use_whole_files_where_nothing_is_cut(data: Path, tmp_path: Path):
    contest = make_contest("sst2", Amounts(train=2, predict=3, epochs=1, seeds=1), data=data, folder=tmp_path)
    assert contest.held_out == data / "cls/sst2/dev.tsv"
    assert [len(read("classify", file)) for file in (contest.train, contest.held_out, contest.predict)] == [2, 20, 3]
    (data / "cls/sst2/dev.tsv").unlink()
    with pytest.raises(InputError, match=r"dev\.tsv: no such file"):
        make_contest("sst2", Amounts(predict=1, epochs=1, seeds=1), data=data, folder=tmp_path)


def test_scores_by_hand(data: Path):
    texts, sentences, questions = (read(one.kind, data / one.train) for one in DATA_SETS.values())
    assert main_score(score("classify", texts[:4], ["yes", "no", "no", "no"])) == 0.75
    tags = [["O", "B-A", "O"], ["B-B"], ["O", "B-A"]]  # two of three entities right, three predicted
    assert main_score(score("tag", sentences[:3], tags)) == pytest.approx(2 / 3)
    answers = score("qa", questions[:2], ["red", "red fox"])  # F1 of the second: 2 * 1 / 3
    assert main_score(answers) == pytest.approx((1 + 2 / 3) / 2)
    assert answers.scores()["em"] == 0.5


def test_comparison_of_one_seed_is_the_paired_bootstrap(data: Path):
    texts = read("classify", data / "cls/sst2/dev.tsv")
    gold = [one.labels[0] for one in texts]
    ours, peer = score("classify", texts, gold), score("classify", texts, ["yes"] * len(texts))
    found = compared([peer], [ours])
    reference = compare(peer.paired()[0], ours.paired()[0], ours.paired()[1]).difference
    assert found["difference_interval"] == pytest.approx([reference.low, reference.high])
    assert (found["score"], found["peer_score"], found["difference"]) == (0.5, 1.0, -0.5)
    assert found["peer_score_interval"] == [1.0, 1.0]
    assert (found["equal_or_better"], compared([ours], [peer])["equal_or_better"]) == (False, True)


def test_seeds_are_resampled_together(data: Path):
    """Seed 0 is right where seed 1 is wrong: their mean is a half in every resample."""
    texts = read("classify", data / "cls/sst2/dev.tsv")
    seeds = [score("classify", texts, [label] * len(texts)) for label in ("yes", "no")]
    found = compared(seeds, seeds[:1])
    assert found["score_interval"] == pytest.approx([0.5, 0.5])
    assert found["score_interval"] != found["peer_score_interval"]
    assert (found["difference"], found["equal_or_better"]) == (0.0, True)


def inline(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    """Runs the sides in this process, on little data."""
    monkeypatch.setattr(finetune, "packaged_minilm", lambda: model)
    monkeypatch.setattr(
        finetune, "ProcessPoolExecutor", lambda max_workers, mp_context: ThreadPoolExecutor(max_workers)
    )
    monkeypatch.setattr(finetune, "in_fresh_process", lambda work, *arguments: (work(*arguments), 0))
    amounts = {"train": 18, "held_out": 6, "predict": 4, "epochs": 2}
    sizes = {name: Amounts(**amounts, seeds=2 if name == "sst2" else 1) for name in DATA_SETS}
    monkeypatch.setattr(finetune, "_QUICK", sizes)


def test_finetune_small(cli, data: Path, hugging_face_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    inline(monkeypatch, hugging_face_model)
    code, out, err = cli("bench", "finetune", "--quick", "--data", data, "--json")
    assert code == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["quick"] is True
    for name, metric, steps in (("sst2", "accuracy", 4), ("wnut17", "f1", 4), ("squadshifts", "f1", 4)):
        one = result[name]
        assert (one["metric"], one["steps"]) == (metric, steps)  # 2 epochs of 18 examples by 16
        assert one["score"] == pytest.approx(mean(one["scores_by_seed"]["ours"]))
        assert one["difference"] == pytest.approx(one["score"] - one["peer_score"])
        low, high = one["difference_interval"]
        assert -1 <= low <= high <= 1
        assert one["equal_or_better"] == (high >= 0)
        for key in ("", "_default_dropout", "_same_allocator"):
            assert one[f"train_time_ratio{key}"] == one["train_spread"][f"train_time_ratio{key}"]["median"] > 0
        for key in ("predict_ratio_pipeline", "predict_ratio_batched"):
            assert one[key] == one["predict_spread"][key]["median"] > 0
        assert one["examples_predicted"] == 4
    assert {side: len(some) for side, some in result["sst2"]["scores_by_seed"].items()} == {
        "ours": 2, "peer": 2, "peer_default_dropout": 1,
    }  # fmt: skip
    assert "em" in result["squadshifts"]
    assert "em" not in result["wnut17"]
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    report = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "report.py"))
    text = report["SECTIONS"]["bench_finetune"](result)
    assert text.count("| SST-2, accuracy |") == 3
    assert "A quick run" in text


def test_ratios_say_which_side_they_divide_by():
    seconds = {
        "ours": [6.0, 7.0, 8.0],
        "peer": [10.0] * 3,
        "peer_default_dropout": [12.0],
        "peer_same_allocator": [6.0],
    }
    training = finetune._training(seconds)
    assert training["train_time_ratio"] == 0.7
    assert training["train_spread"]["train_time_ratio"] == {"median": 0.7, "min": 0.6, "max": 0.8}
    assert (training["train_time_ratio_default_dropout"], training["train_time_ratio_same_allocator"]) == (0.5, 1.0)
    prediction = finetune._prediction({"ours": [1.0] * 3, "pipeline": [2.0, 3.0, 4.0], "batched": [1.5] * 3}, 30)
    assert (prediction["predict_ratio_pipeline"], prediction["predict_ratio_batched"]) == (3.0, 1.5)
    assert prediction["predicted_per_second"] == {"ours": 30.0, "pipeline": 10.0, "batched": 20.0}


def test_what_goes_to_other_processes_can_go(data: Path, tmp_path: Path):
    contest = make_contest("sst2", Amounts(predict=3, epochs=1, seeds=1), data=data, folder=tmp_path)
    sent = (our_side.train, our_side.predict, peer_side.train, peer_side.predict, contest,
            Trained(seconds=1.0, steps=1, answers=["yes"]))  # fmt: skip
    assert pickle.loads(pickle.dumps(sent)) == sent


def test_finetune_needs_data(cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("SPANBERT_DATA", raising=False)
    code, _, err = cli("bench", "finetune")
    assert (code, "where are the data sets?" in err) == (2, True)
    code, _, err = cli("bench", "finetune", "--data", tmp_path)
    assert (code, "train.tsv: no such file" in err) == (2, True)
