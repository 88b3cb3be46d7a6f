"""Collects a finished pre-training run on enwiki_core: held-out curves, picture, ten fills.

M=$(python -c "from spanbert.apps.quickstart import packaged_minilm as m; print(m())")
spanbert prepare "$SPANBERT_DATA/pretrain/enwiki_core/part-*.txt" --tokenizer $M --out store --held-out 1%
spanbert pretrain store --model $M --out bundle --budget 25m \\
        --set train.evaluate_every=10% --set train.evaluate_tokens=65536
python benchmarks/pretrain_enwiki.py bundle
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from common import ROOT, write_result

import spanbert
from spanbert.apps.curves import loss_curves
from spanbert.train.tracking import read_log

TEXTS = (
    "Paris is the capital of [MASK].",
    "The war began in [MASK] and ended in 1945.",
    "Water is made of hydrogen and [MASK:1-2].",
    "The capital of the [MASK:1-2] is Washington.",
    "He was elected President of the United [MASK] in 1860.",
    "The river flows into the [MASK:1-3] Sea.",
    "Albert Einstein was a German [MASK:1-2] who developed the theory of relativity.",
    "In mathematics, a prime [MASK] is a natural number greater than 1.",
    "The film was directed by [MASK:2-4].",
    "The city has a population of [MASK:1-3] people.",
)


def main(bundle: Path) -> None:
    before = json.loads((bundle / "before.json").read_text())
    evaluations = [{"step": 0, "tokens": 0, "seconds": 0.0, **before}, *read_log(bundle / "evaluations.jsonl")]
    metrics = read_log(bundle / "metrics.jsonl")
    picture = ROOT / "docs" / "images" / "pretrain_enwiki.png"
    picture.parent.mkdir(exist_ok=True)
    picture.write_bytes(loss_curves(metrics, evaluations, unigram_loss=before["unigram_loss"]))
    nlp = spanbert.load(bundle)
    fills = [
        {"text": text, "fillings": [{"text": f.text, "score": round(f.score, 3)} for f in nlp.fill(text, top_k=3)]}
        for text in TEXTS
    ]
    facts = spanbert.info(bundle)
    write_result(
        "pretrain_enwiki",
        {
            "pieces": facts["data"]["pieces"],
            "training": facts["training"],
            "minutes": round(metrics[-1]["seconds"] / 60, 1),
            "evaluations": evaluations,
            "fills": fills,
        },
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
