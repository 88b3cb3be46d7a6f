"""`spanbert explain` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.labelled import tiny


@pytest.fixture(scope="module")
def bundle(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("joint", hugging_face_model, tmp_path_factory.getbasetemp())[0].path


def test_words_and_what_they_moved(cli, bundle: Path):
    code, out, err = cli("explain", bundle, "the fox runs", "--task", "kind")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == ["the fox runs", "", "kind: animal"]
    assert lines[3].startswith("  log odds of the label: ")
    assert lines[4].split()[1] == "fox"
    assert "the words add up to the score within" in lines[-1]


def test_json_has_every_word(cli, bundle: Path):
    code, out, _ = cli("explain", bundle, "the king and the red fox", "--task", "ner", "--json")
    assert code == 0
    record = json.loads(out.splitlines()[-1])
    assert [(one["label"], one["places"][0]["text"]) for one in record["explanations"]] == [
        ("PER", "king"), ("ANI", "red fox"),
    ]  # fmt: skip
    for one in record["explanations"]:
        total = sum(word["score"] for word in one["words"])
        assert total == pytest.approx(one["score"] - one["baseline_score"] + one["delta"], abs=1e-4)
        assert one["converged"]
    code, out, _ = cli("explain", bundle, "the king", "--task", "ner", "--of", "0:3", "--label", "ANI", "--json")
    [one] = json.loads(out)["explanations"]
    assert (one["places"][0]["text"], one["label"]) == ("the", "ANI")


def test_a_line_of_json_as_predict_reads_it(cli, bundle: Path):
    asked = json.dumps({"id": "a", "question": "who sees it?", "context": "the old king sleeps"})
    code, out, _ = cli("explain", bundle, asked, "--json")
    record = json.loads(out)
    assert (code, record["id"], record["second"], record["task"]) == (0, "a", "who sees it?", "who")
    assert record["explanations"][0]["places"][0]["text"] == "king"
    assert [word["text"] for word in record["explanations"][0]["second_words"]] == ["who", "sees", "it", "?"]


def test_a_page_and_a_view_of_attention(cli, bundle: Path, tmp_path: Path):
    why, heads = tmp_path / "why.html", tmp_path / "heads.html"
    assert cli("explain", bundle, "the fox runs", "--task", "kind", "--out", why)[0] == 0
    assert "sb-for" in why.read_text()
    assert cli("explain", bundle, "the fox runs", "--attention", "--out", heads)[0] == 0
    assert heads.read_text().count("<svg") == 2 * 4
    code, out, _ = cli("explain", bundle, "the fox", "--attention", "--json")
    assert code == 0
    assert [one["text"] for one in json.loads(out)["tokens"]] == ["[CLS]", "the", "fox", "[SEP]"]
    asked = json.dumps({"question": "who?", "context": "the fox"})
    _, out, _ = cli("explain", bundle, asked, "--attention", "--json")
    assert [one["text"] for one in json.loads(out)["tokens"]][-3:] == ["the", "fox", "[SEP]"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["the fox", "--task", "nr"], "no task 'nr'"),
        (["the fox"], "several tasks read this text; got kind, ner, pos. Name one: task='kind' (--task kind)"),
        (["the fox", "--task", "kind", "--label", "anmal"], "no label 'anmal'; did you mean 'animal'?"),
        (["the fox", "--task", "ner", "--of", "dog"], "of: words that are not in the text; got 'dog'"),
        (["the fox", "--task", "ner", "--of", "3:99"], "not a place in the text; got 3:99; expected within 0:7"),
        (["", "--task", "kind"], "TEXT: not one text; got nothing"),
        (["{", "--task", "who"], "no task that reads texts"),
        (['{"text": 1}', "--task", "kind"], "TEXT:1: no text"),
        (['{"text": "a"}\n{"text": "b"}', "--task", "kind"], "TEXT: not one text; got 2 of them"),
        (["the fox", "--task", "kind", "--baseline", "none"], "no such baseline; got 'none'"),
        (["the fox", "--attention"], "--attention: pictures, which a terminal cannot show. Pass --out page.html"),
        (["the fox", "--attention", "--json", "--task", "kind"], "a view of the encoder, which knows no tasks; got --task"),
        (["the fox " * 40, "--attention", "--json"], "a text too long for a view of attention"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_code_2(cli, bundle: Path, arguments: list[str], message: str):
    code, out, err = cli("explain", bundle, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_pages_are_not_lost(cli, bundle: Path, tmp_path: Path):
    """What exists is kept, and nothing is begun where something is wrong."""
    page = tmp_path / "why.html"
    page.write_text("mine")
    code, _, err = cli("explain", bundle, "the fox", "--task", "kind", "--out", page)
    assert (code, page.read_text()) == (2, "mine")
    assert "the file exists already" in err
    assert cli("explain", bundle, "the fox", "--task", "ner", "--out", tmp_path / "new.html", "--of", "dog")[0] == 2
    assert sorted(one.name for one in tmp_path.iterdir()) == ["why.html"]
    assert cli("explain", bundle, "the fox", "--task", "kind", "--out", page, "--overwrite")[0] == 0
    assert "sb-for" in page.read_text()


def test_help_needs_no_torch():
    code = (
        "import sys; from spanbert.apps.cli.main import main\n"
        "sys.argv = ['spanbert', 'explain', '--help']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'numpy', 'captum', 'tokenizers'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--attention" in done.stdout
