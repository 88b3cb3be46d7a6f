"""Samples of all formats with something odd in them are read, or refused in one line; never a traceback."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.corpus.formats.registry import family_of, marked_formats, open_data
from tests.format_samples import SAMPLES, put_sample

ODD = (None, 5, -1, 10**30, 1.5, "", "x", [], {}, [1], ["a"], {"a": 1}, [[]], [{}], True, [None], {"text": 5})
MARKS = ("\t", "|", "[", "]", "(", ")", "_", "->", "\\", "9", "-", "\n", ":", "*", "\x00", "#", "😀")
CASES = [(name, *sample) for name, samples in SAMPLES.items() for sample in samples if name != "spacy"]


def odd(value: object, random: Random) -> object:
    """The JSON value with another one somewhere in it."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        return {**value, key: odd(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.85:
        place = random.randrange(len(value))
        return [odd(one, random) if number == place else one for number, one in enumerate(value)]
    return random.choice(ODD)


def broken(content: str, random: Random) -> str:
    """The content with an odd value in its JSON, or with characters cut out or put in."""
    if content.startswith(("{", "[")):
        try:
            return json.dumps(odd(json.loads(content), random))
        except ValueError:
            records = list(map(json.loads, content.splitlines()))
            return "".join(json.dumps(odd(one, random) if random.random() < 0.5 else one) + "\n" for one in records)
    start = random.randrange(len(content) + 1)
    added, cut = random.choice([(random.choice(MARKS), 0), ("", random.randrange(12))])
    return content[:start] + added + content[start + cut :]


@given(st.sampled_from(CASES), st.integers(0, 2**32))
def test_no_sample_breaks_its_reader(case: tuple[str, str, str], seed: int):
    random = Random(seed)
    name, file, content = case
    with tempfile.TemporaryDirectory() as folder:
        path = put_sample(Path(folder), name, file, broken(content, random))
        told: list[InputError] = []
        for among in ([name], family_of(name)):
            try:
                data = open_data(path, among=among)
                assert data.description
                list(data.documents(told.append))
                list(data.documents())
            except InputError as error:
                told.append(error)
        assert not any("\n" in str(one) for one in told)
        marked_formats(path)
