"""Memory of predicting many short texts: what the process holds after each twentieth of them.

python benchmarks/memory.py [--texts 50000] [--layers 6] [NAME=VALUE ...]    NAME=VALUE: of the environment

An encoder of MiniLM's width with random weights classifies texts of 1 to 200 words, most of them short.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import write_result

import spanbert
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.memory import resident_memory

POINTS = 20


def random_model(target: Path, layers: int) -> None:
    """A classifier of two labels as a Hugging Face directory."""
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(packaged_minilm())
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=384, num_hidden_layers=layers, num_attention_heads=12,
        intermediate_size=1536,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(target)
    tokenizer.save_pretrained(target)


def texts(count: int) -> Iterator[str]:
    """Texts of drawn words; lengths as in reviews and messages: a median of 12 words, the longest of 200."""
    generator = np.random.default_rng(0)
    syllables = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou"]
    for _ in range(count):
        words = int(min(200, max(1, generator.lognormal(2.5, 0.8))))
        drawn = generator.integers(0, len(syllables), (words, 3))
        yield " ".join("".join(syllables[one] for one in word[: 1 + word[0] % 3]) for word in drawn)


def curve(model: Path, count: int) -> list[dict[str, float]]:
    """Resident megabytes, after each twentieth."""
    nlp, rows = spanbert.load(model), []
    for number, _ in enumerate(nlp.pipe(texts(count)), start=1):
        if number % (count // POINTS) == 0:
            found = resident_memory()
            assert found is not None
            rows.append({"share": number / count, "megabytes": round(found[0] / 2**20, 1)})
            print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    """Each side in a process of its own, since libraries read their environment once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stated", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--texts", type=int, default=50_000)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.model is not None:
        curve(given.model, given.texts)
        return
    with tempfile.TemporaryDirectory() as folder:
        random_model(Path(folder), given.layers)
        call = [sys.executable, __file__, "--texts", str(given.texts), "--model", folder]
        stated = dict(one.split("=", 1) for one in given.stated)
        lines = []
        with subprocess.Popen(call, env={**os.environ, **stated}, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(json.loads(line))
    if process.returncode:
        sys.exit(process.returncode)
    name = "memory_texts" if not stated else "memory_texts_stated"
    write_result(name, {"texts": given.texts, "layers": given.layers, "stated": stated, "rows": lines})


if __name__ == "__main__":
    main()
