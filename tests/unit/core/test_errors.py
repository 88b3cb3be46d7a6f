"""Messages are one line, whatever they quote."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spanbert.core.errors import InputError, in_one_line


def test_the_parts_make_a_sentence():
    error = InputError("no text", where="a.txt:3", got="'x'", expected="a text", remedy="Write one")
    assert str(error) == "a.txt:3: no text; got 'x'; expected a text. Write one"
    assert (error.what, error.where, error.got, error.expected, error.remedy) == (
        "no text", "a.txt:3", "'x'", "a text", "Write one",
    )  # fmt: skip
    assert str(InputError("no text")) == "no text"


@pytest.mark.parametrize(
    ("quoted", "shown"),
    [
        ("a\nb\r\n", r"a\nb\r\n"),
        ("a\u2028b\x85\x0b", r"a\u2028b\x85\x0b"),
        ("\ud800", r"\ud800"),
        ("\x1b[31m\0", r"\x1b[31m\x00"),
        ("城市 'é' 😀", "城市 'é' 😀"),
    ],
)
def test_what_cannot_stand_in_a_line_is_escaped(quoted: str, shown: str):
    assert in_one_line(quoted) == shown
    message = str(InputError("wrong", where=quoted, got=quoted))
    assert message == f"{shown}: wrong; got {shown}"
    assert len(message.splitlines()) == 1


def test_the_middle_of_a_long_part_is_left_out():
    assert in_one_line("x" * 300) == "x" * 300
    assert in_one_line("a" * 5000 + "b" * 60) == "a" * 235 + " ... " + "b" * 60
    assert len(str(InputError("w" * 9999, got="g" * 9999))) < 700


@pytest.mark.parametrize(
    ("program", "begins"),
    [
        (
            "import runpy; runpy.run_module('spanbert', run_name='__main__')",
            "spanbert: error: spanbert does not run on",
        ),
        ("import spanbert; spanbert.load", "ImportError: spanbert does not run on"),
    ],
)
def test_a_system_without_locks_is_named_in_one_line(program: str, begins: str):
    """That is Windows."""
    hidden = f"import sys; sys.modules['fcntl'] = None; {program}"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(begins)
    assert len(done.stderr.splitlines()) == 1 or "import spanbert" in program
