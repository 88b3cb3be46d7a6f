"""Collects a finished pre-training run on enwiki_core: held-out curves, picture, ten fills.

M=$(python -c "from spanbert.apps.quickstart.build import packaged_minilm as m; print(m())")
spanbert prepare "$SPANBERT_DATA/pretrain/enwiki_core/part-*.txt" --tokenizer $M --out store --held-out 1%
spanbert pretrain store --model $M --out bundle --budget 25m \\
        --set train.evaluate_every=10% --set train.evaluate_tokens=65536
python benchmarks/pretrain_enwiki.py bundle
"""

from __future__ import annotations

import sys
from pathlib import Path

from common import pretraining_run, write_result

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


if __name__ == "__main__":
    write_result("pretrain_enwiki", pretraining_run(Path(sys.argv[1]), TEXTS, picture="pretrain_enwiki"))
