"""Fine-tuning and prediction against a plain `transformers` loop, into results/bench_finetune.json.

SPANBERT_DATA=... python benchmarks/finetune.py [--quick]      # the same as `spanbert bench finetune`
"""

from __future__ import annotations

import sys

from common import real_data, write_result

from benchmarks.bench.finetune import run
from spanbert.apps.console import make_reporter

if __name__ == "__main__":
    with make_reporter() as reporter:
        result = run(real_data(), quick="--quick" in sys.argv[1:], reporter=reporter)
    write_result("bench_finetune", result)
