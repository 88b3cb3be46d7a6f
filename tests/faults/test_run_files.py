"""Files of runs and stores are read through schemas: whatever stands in them is one line with the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanbert.batches.plan import PlanPosition
from spanbert.core.errors import InputError
from spanbert.core.schema import checked
from spanbert.tokens.store import TokenStore
from spanbert.train.budget import Progress
from spanbert.train.outcome import Best
from spanbert.train.run_directory import budget_of_run
from spanbert.train.run_schemas import BestFacts, LogLine, MetricsLine, StateFacts, TuningRecord
from spanbert.train.tracking import read_log
from spanbert.train.trial import Trial
from tests.faults.claims import ODD_VALUES, changed, copied, edit, places
from tests.faults.limits import MEBIBYTE, memory_limited

STATE = {
    "progress": {"step": 3, "tokens": 100, "seconds": 1.5},
    "position": {"epoch": 0, "shard_window": 0, "item": 3, "parts": [{"epoch": 1, "shard_window": 0, "item": 0, "parts": []}]},
    "last_scores": {"f1": 0.5}, "scored_at": None, "to_beat": 0.5, "without_gain": 0,
}  # fmt: skip
BEST = {"step": 3, "selection_score": 0.5, "scores": {"f1": 0.5}}
TUNING = {
    "best": None,
    "trials": [{"name": "1", "settings": {"optim.lr": 1e-4}, "scores": [{"share": 0.5, "step": 3, "score": 0.5}]}],
}


def _restore(facts: Any) -> None:
    """What a resumed run makes of a state."""
    checked(StateFacts, facts, "state.json")
    Progress(**facts["progress"])
    PlanPosition.of_state(facts["position"])
    assert {"last_scores", "scored_at", "to_beat", "without_gain"} <= facts.keys()


def _best(facts: Any) -> None:
    checked(BestFacts, facts, "state.json")
    Best.of_state(facts)


def _tuning(facts: Any) -> None:
    checked(TuningRecord, facts, "tuning.json")
    for one in facts["trials"]:
        _ = Trial.of_record(one).in_words


@pytest.mark.parametrize(("whole", "read"), [(STATE, _restore), (BEST, _best), (TUNING, _tuning)])
@given(data=st.data())
def test_a_state_is_restored_or_refused(whole: Any, read: Any, data: st.DataObject):
    read(whole)
    place = data.draw(st.sampled_from(list(places(whole))))
    odd = changed(whole, place, data.draw(st.sampled_from(ODD_VALUES)))
    try:
        read(odd)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 (both outcomes are right)


def test_states_of_earlier_versions_are_read():
    checked(BestFacts, {"step": 1, "goodness": 0.5, "scores": {}}, "x")
    checked(StateFacts, {**STATE, "position": {"epoch": 0, "window": 1, "pack": 2}}, "x")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", r"metrics\.jsonl:2: not a JSON object; got list"),
        ('{"loss": 1.0}', r"metrics\.jsonl:2: no 'step'"),
        ('{"step": "two"}', r"metrics\.jsonl:2: bad value for 'step'; got 'two'"),
        ('{"step": 2, "loss": []}', r"metrics\.jsonl:2: bad value for 'loss'; got \[\]"),
        ("{", r"metrics\.jsonl:2: not valid JSON"),
    ],
)
def test_a_line_of_a_log_is_named(tmp_path: Path, line: str, message: str):
    log = tmp_path / "metrics.jsonl"
    log.write_text(f'{{"step": 1, "loss": 2.0}}\n{line}\n{{"step": 3, "lo')
    with pytest.raises(InputError, match=message):
        read_log(log, MetricsLine)
    log.write_text('{"step": 1, "loss": 2}\n{"step": 3, "lo')
    assert read_log(log, LogLine) == [{"step": 1, "loss": 2}], "a last line that a kill cut short is left out"


@pytest.mark.parametrize(
    ("content", "message"),
    [("[]", "not a JSON object"), ("{}", "no 'settings'"), ('{"settings": []}', "bad value for 'settings'"),
     ('{"settings": {"train": 3}}', r"bad value for 'settings\.train'; got 3")],
)  # fmt: skip
def test_a_run_that_says_nothing_of_use(tmp_path: Path, content: str, message: str):
    (tmp_path / "out.run").mkdir()
    (tmp_path / "out.run" / "run.json").write_text(content)
    with pytest.raises(InputError, match=rf"run\.json: {message}"):
        budget_of_run(tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda index: index.pop("files"), "no 'files'"),
        (lambda index: index.update(shards={}), "bad value for 'shards'"),
        (lambda index: index["shards"][0].update(file="../../x.arrow"), "stays inside"),
        (lambda index: index["files"].pop("unigram.npy"), "its list does not name; got unigram.npy"),
        (lambda index: index["tokenizer"].update(vocab_size=10**9), r"not counts of pieces|vocab_size"),
        (lambda index: index["tokenizer"].pop("fingerprint"), r"no 'tokenizer\.fingerprint'"),
        (lambda index: index["files"]["unigram.npy"].update(bytes="7"), r"bad value for 'files\.unigram\.npy\.bytes'"),
    ],
)
def test_the_index_of_a_store(store_path: Path, tmp_path: Path, change: Any, message: str):
    store = copied(store_path, tmp_path / "store")
    edit(store / "index.json", change)
    with memory_limited(256 * MEBIBYTE), pytest.raises(InputError, match=message):
        TokenStore(store).unigram_counts()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_an_index(store_path: Path, tmp_path: Path, data: st.DataObject):
    store = copied(store_path, tmp_path / "store")
    content = json.loads((store / "index.json").read_text())
    place = data.draw(st.sampled_from(list(places(content))))
    (store / "index.json").write_text(json.dumps(changed(content, place, data.draw(st.sampled_from(ODD_VALUES)))))
    try:
        opened = TokenStore(store)
        opened.unigram_counts()
        for split in ("train", "held_out"):
            assert all(len(document.ids) for document in opened.documents(split))
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 (both outcomes are right)
