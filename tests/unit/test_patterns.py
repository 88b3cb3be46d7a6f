"""Regular expressions take time that is linear in the text, whatever somebody puts into it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.patterns import modules, patterns_of

SECONDS = 60  # of the processor, for all texts of a room; one pattern that is not linear takes minutes for one text
ROOMS = sorted({name.split(".")[1] for name in modules()} - {"__main__", "__init__"})
RUN = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
from tests.patterns import apply, modules, patterns_of, worst_texts
for module in modules():
    if module.split(".")[1] == "{room}":
        for pattern in patterns_of(module)[0]:
            print(pattern.module, pattern.place, ascii(pattern.compiled.pattern), flush=True)
            for text in worst_texts(pattern.compiled):
                apply(pattern.compiled, pattern.methods, text)
print("linear")
"""


def test_every_pattern_is_seen():
    seen, unseen = zip(*map(patterns_of, modules()), strict=True)
    places = {f"{one.module.removeprefix('spanbert.')}.{one.place}" for found in seen for one in found}
    assert {"core.model_path._HUB_ID", "scores.qa._UNIT", "corpus.formats.conll2012._BEGIN"} <= places
    made_at_run_time = [place for found in unseen for place in found]
    assert made_at_run_time == [], "a pattern that a function puts together cannot be tried: name it in its module"


@pytest.mark.parametrize("room", ROOMS)
def test_patterns_are_linear(room: str):
    """Each is given 100,000 of its worst characters; the processor's time is limited by the system."""
    code = RUN.format(seconds=SECONDS, room=room)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("linear\n"), f"not linear: {done.stdout.splitlines()[-1:]}{done.stderr[-500:]}"


def test_what_a_pattern_that_is_not_linear_comes_to():
    """The one by which a line of `==` and spaces hung `prepare`, before it was mended."""
    code = (
        "import re, resource; resource.setrlimit(resource.RLIMIT_CPU, (2, 2)); from tests.patterns import apply, worst_texts\n"
        r"pattern = re.compile(r'^=+\s*(.*?)\s*=+$')"
        "\nfor text in worst_texts(pattern): apply(pattern, frozenset({'sub'}), text)\nprint('linear')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "linear" not in done.stdout
    assert done.returncode < 0, "ended by the limit of the processor's time"
