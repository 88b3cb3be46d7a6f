"""The doctor on small files whose problems are known, and on real ones whose counts are published."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from spanbert.apps.doctor import estimate as estimating
from spanbert.apps.doctor.diagnose import doctor
from spanbert.apps.doctor.estimate import Estimate
from spanbert.apps.doctor.lengths import summary
from spanbert.apps.doctor.report import Report
from spanbert.apps.doctor.sample import WindowSample
from spanbert.batches.examples import Example, HeadRows, Target, Window
from spanbert.core.errors import InputError
from spanbert.core.findings import difference
from spanbert.core.hashes import TextHashes
from spanbert.train.finetune_config import FinetuneConfig


def found(report: Report, file: str | None = None) -> dict[str, int]:
    """Findings by name, but those of rare labels, which small files are full of."""
    return {
        one.rule.name: one.count
        for one in report.findings
        if one.rule.name != "rare_labels" and file in (None, one.file)
    }


def examples(report: Report, name: str) -> tuple[str, ...]:
    return next(one.examples for one in report.findings if one.rule.name == name)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_equal_texts_and_what_they_are_labelled_with():
    hashes = TextHashes()
    for text, label in [("a", "x"), ("b", "x"), (" a ", "x"), ("b", "y"), ("c", "z"), ("b", "x")]:
        hashes.add(text, label)
    repeats = hashes.repeats()
    assert repeats.first_N.tolist() == [0, 1, 0, 1, 4, 1]
    assert repeats.conflict_N.tolist() == [False, True, False, True, False, True]
    assert repeats.differs_N.tolist() == [False, False, False, True, False, False]
    assert repeats.again_N.tolist() == [False, False, True, False, False, False]
    others = TextHashes()
    others.add("c")
    assert hashes.seen_in(others).tolist() == [False, False, False, False, True, False]


def test_lengths_against_numpy():
    values = np.random.default_rng(0).integers(0, 300, 1000)
    figures = summary(Counter(values.tolist()))
    for name, share in (("median", 0.5), ("90%", 0.9), ("99%", 0.99)):
        assert figures[name] == np.quantile(values, share, method="inverted_cdf")
    assert figures["longest"] == values.max()
    assert figures["mean"] == pytest.approx(values.mean())
    assert len(figures["histogram"]) <= 8
    for low, high, count in figures["histogram"]:
        assert count == np.sum((values >= low) & (values <= high))
    assert sum(count for _, _, count in figures["histogram"]) == 1000


def test_the_sample_keeps_the_longest_and_draws_evenly():
    def window(number: int, length: int) -> Example:
        window, asked = Window(ids=np.zeros(length, dtype=np.int64)), HeadRows(rows=np.array([number]))
        return Example(task="t", window=window, asked=asked, target=Target(units=1, gold=number))

    drawn = Counter[int]()
    sample = WindowSample(size=4, longest=3)
    lengths = np.random.default_rng(1).permutation(np.arange(1, 201)).tolist()
    sample.take(window(number, length) for number, length in enumerate(lengths))
    assert [one.tokens for one in sample.longest] == [200, 199, 198]
    assert (sample.count, sample.tokens) == (200, sum(range(1, 201)))
    assert sample.bytes == 8 * (sample.tokens + 200)
    assert len(sample.drawn) == 4
    many = WindowSample(size=500, longest=1)
    many.take(window(number, 1) for number in range(2000))
    drawn.update(one.target.gold // 500 for one in many.drawn)
    assert all(90 < drawn[quarter] < 160 for quarter in range(4))  # 125 expected, standard deviation 9.7


def test_where_two_labellings_differ():
    assert difference("a b", "a c") == "a b and a c"
    long = " ".join(["NOUN"] * 30)
    assert difference(f"{long} ADJ X", f"{long} PROPN X") == "... ADJ X ... and ... PROPN X ..."


TABLE = (
    b'text,label\r\n'
    b'"the quick\r\nbrown fox",animal\r\n'      # 3
    b"the river,place\r\n"                      # 4
    b"the river , place\r\n"                    # 5: the same, but for blanks at its ends
    b"the old house,place\r\n"                  # 6
    b",place\r\n"                               # 7: no text
    b"the river,animal\r\n"                     # 8: contradicts 4 and 5
    b"a cat,animal,more\r\n"                    # 9: a cell too many
    b"the old house,place\r\n"                  # 10: repeats 6
    b"a dog sleeps,Animal\r\n"                  # 11: another spelling
    b"a dog eats,\r\n"                          # 12: no label
)  # fmt: skip


def test_a_table_and_its_repaired_copy(hugging_face_model: Path, tmp_path: Path):
    data, dev = written(tmp_path / "train.csv", TABLE), tmp_path / "dev.csv"
    written(dev, "text,label\nthe old house,place\na stone,thing\n")
    out = tmp_path / "out" / "repaired.csv"
    report = doctor("classify", data, model=hugging_face_model, dev=dev, fix=out, estimate=False)
    assert found(report, "train.csv") == {
        "broken_rows": 2, "conflicts": 3, "duplicates": 1, "unlabelled": 1, "spellings": 1,
    }  # fmt: skip
    assert found(report, "dev.csv") == {"only_in_dev": 1, "leakage": 1, "missing_in_dev": 2}
    assert report.exit_code == 2
    assert report.facts["labels"]["place"] == {"train.csv": 4, "dev.csv": 1}
    assert report.facts["texts"] == {"train.csv": 8, "dev.csv": 2}
    assert examples(report, "conflicts") == ("train.csv:4 and train.csv:8 'the river': place and animal",)
    assert [one.split()[0] for one in examples(report, "broken_rows")] == ["train.csv:7", "train.csv:9"]
    lines = TABLE.split(b"\r\n")
    kept = [lines[number - 1] for number in (1, 2, 3, 6, 11, 12)]
    assert out.read_bytes() == b"".join(line + b"\r\n" for line in kept)
    assert set(report.repairs) == {
        "rows that cannot be used left out: 2",
        "rows that contradict each other left out: 3",
        "repeated rows left out, the first kept: 1",
    }
    again = doctor("classify", out, model=hugging_face_model, fix=tmp_path / "same.csv", estimate=False)
    assert found(again) == {"unlabelled": 1, "spellings": 1}
    assert again.repairs == ("nothing to repair: a plain copy",)
    assert (tmp_path / "same.csv").read_bytes() == out.read_bytes()


def test_json_lines_and_parquet_keep_their_rows(hugging_face_model: Path, tmp_path: Path):
    import pyarrow
    from pyarrow import parquet

    rows = [
        {"text": "a fox", "label": "x", "more": [1, 2]},
        {"text": "a dog", "label": "y", "more": []},
        {"text": "a fox", "label": "x", "more": [3]},
        {"text": "  ", "label": "x", "more": []},
        {"text": "a cat", "label": "y", "more": [4]},
    ]
    lines = [json.dumps(row, indent=None, separators=(" , ", ":  ")) for row in rows]
    data = written(tmp_path / "a.jsonl", "\n".join([*lines[:2], "", *lines[2:], "{broken"]) + "\n")
    report = doctor("classify", data, model=hugging_face_model, fix=tmp_path / "b.jsonl", estimate=False)
    assert found(report) == {"broken_rows": 2, "duplicates": 1}
    assert (tmp_path / "b.jsonl").read_text().splitlines() == [lines[0], lines[1], "", lines[4]]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    doctor("classify", tmp_path / "a.parquet", model=hugging_face_model, fix=tmp_path / "b.parquet", estimate=False)
    assert parquet.read_table(tmp_path / "b.parquet").to_pylist() == [rows[0], rows[1], rows[4]]


def test_a_quote_that_is_never_closed_is_for_people_to_mend(hugging_face_model: Path, tmp_path: Path):
    data = written(tmp_path / "a.csv", 'text,label\na fox,x\na dog,y\n"a cat,x\na bird,y\n')
    assert found(doctor("classify", data, model=hugging_face_model, estimate=False)) == {"broken_rows": 1}
    with pytest.raises(InputError, match="by hand"):
        doctor("classify", data, model=hugging_face_model, fix=tmp_path / "b.csv", estimate=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv"]


def test_numbers(hugging_face_model: Path, tmp_path: Path):
    data = written(tmp_path / "a.tsv", "text\tscore\na fox\t1.5\na dog\t4\na fox\t2.5\n")
    dev = written(tmp_path / "d.tsv", "text\tscore\na cat\thigh\n")
    report = doctor("classify", data, model=hugging_face_model, dev=dev, fix=tmp_path / "b.tsv", estimate=False)
    assert found(report) == {"conflicts": 2, "no_number": 1}
    assert report.facts["numbers"]["a.tsv"] == {"lowest": 1.5, "mean": pytest.approx(8 / 3), "highest": 4.0}
    assert (tmp_path / "b.tsv").read_bytes() == data.read_bytes()  # the mean can be learned: nothing is dropped


def test_one_label_is_nothing_to_learn(hugging_face_model: Path, tmp_path: Path):
    data = written(tmp_path / "a.csv", "text,label\na fox,x\na dog,x\n")
    report = doctor("classify", data, model=hugging_face_model)
    assert found(report) == {"no_task": 1}
    assert (report.exit_code, report.estimate) == (2, None)
    assert report.facts["pieces"]["longest"] == 2
    assert "not labels to choose among" in str(report)


COLUMNS = """\
# a comment
The O
quick I-ANIMAL
fox I-ANIMAL
sees O

a O
river B-PLACE
stone I-ANIMAL
"""


def test_illegal_tags_are_written_as_they_are_read(hugging_face_model: Path, tmp_path: Path):
    sentence = "the O\nking B-PER\nsleeps O\n\n"
    data = written(tmp_path / "train.conll", COLUMNS + "\n" + sentence * 2)
    report = doctor("tag", data, model=hugging_face_model, fix=tmp_path / "b.conll", estimate=False)
    assert found(report) == {"illegal_tags": 2, "duplicates": 1}
    assert report.exit_code == 0
    assert examples(report, "illegal_tags") == (
        "train.conll:3 I-ANIMAL after O, read as B-ANIMAL",
        "train.conll:9 I-ANIMAL after B-PLACE, read as B-ANIMAL",
    )
    repaired = data.read_text().replace("quick I-ANIMAL", "quick B-ANIMAL").replace("stone I-", "stone B-")
    assert (tmp_path / "b.conll").read_text() == repaired
    assert "illegal_tags" not in found(doctor("tag", tmp_path / "b.conll", model=hugging_face_model, estimate=False))


SPANS = [
    {"id": 7, "text": "the quick fox", "spans": [{"start": 4, "end": 13, "label": "A"}, {"start": 10, "end": 13, "label": "B"}]},
    {"text": "a river", "spans": [{"start": 2, "end": 4, "label": "B"}], "note": "kept"},
    {"text": "a  dog", "spans": [{"start": 1, "end": 3, "label": "A"}]},
    {"text": "no one looked"},
    {"text": " ", "spans": []},
]  # fmt: skip


def test_spans_that_words_cannot_hold(hugging_face_model: Path, tmp_path: Path):
    data = written(tmp_path / "a.jsonl", "".join(json.dumps(one) + "\n" for one in SPANS))
    report = doctor("tag", data, model=hugging_face_model, fix=tmp_path / "b.jsonl", estimate=False)
    assert found(report) == {"overlaps": 1, "outside": 1, "inside_word": 1, "unlabelled": 1, "empty": 1}
    assert examples(report, "overlaps") == ("a.jsonl:1 'fox' (B)",)
    mended = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert mended[0] == {**SPANS[0], "spans": SPANS[0]["spans"][:1]}
    assert mended[1] == {**SPANS[1], "spans": [{"start": 2, "end": 7, "label": "B"}]}
    assert mended[2] == {**SPANS[2], "spans": []}
    assert mended[3:] == SPANS[3:]
    config = FinetuneConfig.assemble(overrides=["tag.nested=true", "tag.longest_span=1"])
    nested = doctor("tag", data, model=hugging_face_model, config=config, fix=tmp_path / "c.jsonl", estimate=False)
    assert found(nested) == {"too_long": 1, "outside": 1, "inside_word": 1, "unlabelled": 1, "empty": 1}
    assert json.loads((tmp_path / "c.jsonl").read_text().splitlines()[0]) == SPANS[0]


def squad(*questions: dict[str, object], context: str = "The quick brown fox sees a dog near the old river.") -> str:
    paragraph = {"context": context, "qas": list(questions), "from": "page 3"}
    return json.dumps({"version": "x", "data": [{"title": "t", "paragraphs": [paragraph]}]})


def asked(identity: str, text: str, *answers: tuple[str, int], **more: object) -> dict[str, object]:
    listed = [{"text": answer, "answer_start": start, "by": "a person"} for answer, start in answers]
    return {"id": identity, "question": text, "answers": listed, **more}


def test_answers_elsewhere_and_nowhere(hugging_face_model: Path, tmp_path: Path):
    questions = [
        asked("1", "who sees", ("brown fox", 10), ("brown fox", 12)),
        asked("2", "who sleeps", ("a king", 0)),
        asked("3", "what is near", ("the old river", 36), is_impossible=True),
        asked("4", "who sees", ("quick", 4)),
        asked("4", "what is it", ("uick brown fo", 5)),
        asked("5", "who", ("a king", 3), ("dog", 27)),
    ]
    data = written(tmp_path / "a.json", squad(*questions))
    out = tmp_path / "b.json"
    report = doctor("qa", data, model=hugging_face_model, fix=out, estimate=False)
    assert found(report) == {
        "answers_nowhere": 2, "unanswered": 1, "answers_moved": 1, "contradicted": 1, "inside_word": 1, "same_id": 1,
        "conflicts": 2,
    }  # fmt: skip
    assert report.facts["labels"] == {"answered": {"a.json": 4}, "unanswerable": {"a.json": 1}}
    assert "at 12, found at 10" in examples(report, "answers_moved")[0]
    content = json.loads(out.read_text())
    kept = content["data"][0]["paragraphs"][0]
    assert (content["version"], kept["from"]) == ("x", "page 3")
    assert kept["qas"][0] == asked("1", "who sees", ("brown fox", 10), ("brown fox", 10))
    assert kept["qas"][1:4] == questions[2:5]
    assert kept["qas"][4] == asked("5", "who", ("dog", 27))
    assert set(report.repairs) == {
        "answers moved to the place where they are: 1",
        "answers that are not in their text left out: 2",
        "questions without an answer left out: 1",
    }
    mended = found(doctor("qa", out, model=hugging_face_model, estimate=False))
    assert mended == {"contradicted": 1, "inside_word": 1, "same_id": 1, "conflicts": 2}


def test_questions_that_fill_a_window(hugging_face_model: Path, tmp_path: Path):
    question = "what is " + "near " * 30 + "it"
    data = written(tmp_path / "a.json", squad(asked("1", question, ("dog", 27)), asked("2", "who", ("dog", 27))))
    config = FinetuneConfig.assemble(overrides=["window.length=16", "window.overlap=4"])
    report = doctor("qa", data, model=hugging_face_model, config=config, estimate=False)
    assert found(report)["no_room"] == 1
    assert report.facts["texts_in_windows"] == 1
    short = FinetuneConfig.assemble(
        overrides=["window.length=24", "window.overlap=4", "qa.longest_question=4", "qa.longest_answer=1"]
    )
    cut = doctor("qa", data, model=hugging_face_model, config=short, estimate=False)
    assert (cut.facts["questions"], cut.facts["questions_cut"]) == (2, 1)
    assert "no_room" not in found(cut)


def test_what_the_vocabulary_lacks(hugging_face_model: Path, tmp_path: Path):
    lines = "a fox,x\nпривет мой дорогой друг,y\nпривет,y\na dog ☃,x\n"
    data = written(tmp_path / "a.csv", "text,label\n" + lines)
    report = doctor("classify", data, model=hugging_face_model, estimate=False)
    assert found(report) == {"unknown_pieces": 6, "script": 26}
    assert examples(report, "unknown_pieces")[0] == "a.csv:3 'привет', 2 times"


def test_the_estimate_is_of_the_model_and_the_data(hugging_face_model: Path, tmp_path: Path):
    rows = "".join(f"the {'quick ' * (number % 7)}fox,{'xy'[number % 2]}\n" for number in range(50))
    data = written(tmp_path / "a.csv", "text,label\n" + rows)
    report = doctor("classify", data, model=hugging_face_model, config=FinetuneConfig.assemble())
    cost = report.estimate
    assert cost is not None
    assert (cost.windows_an_epoch, cost.steps_an_epoch, cost.steps) == (50, 4, 300)
    tokens = sum(number % 7 + 2 + 2 for number in range(50))
    assert cost.windows == 8 * (tokens + 50)  # ids, and the row of [CLS]
    assert cost.tokens_a_second * cost.seconds_an_epoch == pytest.approx(tokens)
    assert cost.weights == 4 * cost.parameters
    assert cost.optimizer == 2 * cost.gradients
    hidden_states = 4 * 32 * sum(sorted((number % 7 + 4 for number in range(50)), reverse=True)[:16])
    assert cost.activations > 10 * hidden_states  # two layers keep more than ten of their size
    held = cost.weights + cost.gradients + cost.optimizer + cost.windows
    assert cost.memory == held + cost.overhead + cost.activations + cost.optimizer
    assert report.as_record()["estimate"]["parameters"] == cost.parameters
    frozen = doctor("classify", data, model=hugging_face_model, config=FinetuneConfig(freeze_encoder=True)).estimate
    assert frozen is not None
    assert frozen.gradients < cost.gradients
    assert frozen.activations < cost.activations


def test_other_work_on_the_machine_is_named_and_not_estimated(
    hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A clock that runs five times as fast as the thread, as where four other processes want its core."""
    rows = "".join(f"the fox {number},{'xy'[number % 2]}\n" for number in range(50))
    data = written(tmp_path / "a.csv", "text,label\n" + rows)
    computed, make = 0.0, estimating.backward

    def backward(model, step, **named):
        nonlocal computed
        computed += step.tokens / 1000
        return make(model, step, **named)

    monkeypatch.setattr(estimating, "backward", backward)

    def cost_of(times_as_fast: float, load: float | None) -> tuple[Estimate, str]:
        clock = SimpleNamespace(thread_time=lambda: computed, perf_counter=lambda: times_as_fast * computed)
        monkeypatch.setattr(estimating, "time", clock)
        monkeypatch.setattr(estimating, "load_average", lambda: load)
        monkeypatch.setattr(estimating, "usable_cores", lambda: 2)
        report = doctor("classify", data, model=hugging_face_model)
        assert report.estimate is not None
        return report.estimate, "\n".join(report.lines)

    alone, said = cost_of(1.0, 0.9)
    assert "busy" not in said
    busy, said = cost_of(5.0, 4.4)
    assert busy.seconds_an_epoch == pytest.approx(alone.seconds_an_epoch), "what it takes without the others"
    assert (alone.slowdown, busy.slowdown) == pytest.approx((1.0, 5.0))
    assert "this machine is busy     load 4.4 on 2 cores; now an epoch takes" in said
    assert "the times above are for a machine without other work" in said
    assert "on 2 cores" not in cost_of(5.0, None)[1]
    assert "this machine is busy     load 4.4" in cost_of(1.0, 4.4)[1]


@pytest.mark.parametrize(
    ("target", "message"), [("a.csv", "would replace"), ("b.jsonl", "same format"), ("b.csv.gz", "compressed")]
)
def test_where_the_copy_cannot_be(hugging_face_model: Path, tmp_path: Path, target: str, message: str):
    data = written(tmp_path / "a.csv", "text,label\na fox,x\na dog,y\n")
    with pytest.raises(InputError, match=message):
        doctor("classify", data, model=hugging_face_model, fix=tmp_path / target)


def test_files_of_one_name_are_self_describing(hugging_face_model: Path, tmp_path: Path):
    paths = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        paths.append(written(tmp_path / folder / "a.csv", "text,label\na fox,x\na dog,y\n"))
    report = doctor("classify", paths[0], dev=paths[1], model=hugging_face_model, estimate=False)
    assert report.files == tuple(map(str, paths))
    assert found(report) == {"leakage": 2}


def test_published_counts_of_real_data(real_data: Path, minilm: Path):
    report = doctor("qa", real_data / "qa/cmrc2018/cmrc2018_dev.json", model=minilm, estimate=False)
    assert found(report)["answers_nowhere"] == 193
    assert found(report)["answers_moved"] == 7
    assert report.facts["questions"] == 3219
    files = [real_data / f"ner/wnut17/{name}.conll" for name in ("train", "dev")]
    entities = doctor("tag", files[0], dev=files[1], model=minilm, estimate=False)
    counts = entities.facts["labels"].values()
    assert [sum(one[file] for one in counts) for file in ("train.conll", "dev.conll")] == [1975, 836]
    assert entities.facts["texts"] == {"train.conll": 3394, "dev.conll": 1009}
