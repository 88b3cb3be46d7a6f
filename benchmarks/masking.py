"""Span masking on real segments: what is masked, and how long the spans are (speed: `spanbert bench masking`).

SPANBERT_DATA=... python benchmarks/masking.py      # 10,000 segments of enwiki_core at n = 126 and 510
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from common import real_data, write_result

from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.batches.masking import MaskingConfig, SpanMasker, length_law
from spanbert.core.seeding import keyed_generator
from spanbert.tokens.tokenizer import load_tokenizer
from tests.reference import span_masking

SEGMENTS = 10_000


def shares(lengths: list[int]) -> list[float]:
    counted = Counter(lengths)
    return [round(counted[words] / len(lengths), 4) for words in range(1, 11)]


def main() -> None:
    tokenizer = load_tokenizer(packaged_minilm())
    documents = []
    for file in sorted((real_data() / "pretrain" / "enwiki_core").glob("part-*.txt")):
        documents += tokenizer.encode_batch(file.read_text().split("\n\n"))
    result: dict[str, object] = {"law": [round(float(share), 4) for share in length_law(MaskingConfig())]}
    for n in (126, 510):
        segments = [
            (ids[first : first + n], starts[first : first + n])
            for ids, starts in documents for first in range(0, len(ids) - n + 1, n)
        ][:SEGMENTS]  # fmt: skip
        assert len(segments) == SEGMENTS
        masker = SpanMasker(tokenizer)
        masked = [masker.mask(ids, starts, keyed_generator(0, "mask", k)) for k, (ids, starts) in enumerate(segments)]
        reference = [span_masking(starts.tolist(), keyed_generator(1, k)) for k, (_, starts) in enumerate(segments)]
        fates = Counter(fate for one in masked for fate in one.replacements)
        spans = sum(fates.values())
        broken = touching = 0
        for (_, starts), one in zip(segments, masked, strict=True):
            bounds = {0, *np.flatnonzero(starts).tolist(), n}
            broken += sum(start not in bounds or end not in bounds for start, end in one.spans)
            touching += sum(b[0] <= a[1] for a, b in zip(one.spans, one.spans[1:], strict=False))
        realised = [words for one in masked for words in one.span_words]
        slow = [words for one in reference for _, words in one]
        result[str(n)] = {
            "segments": SEGMENTS,
            "share_masked": round(sum(end - start for one in masked for start, end in one.spans) / (n * SEGMENTS), 4),
            "fates": {fate: round(count / spans, 4) for fate, count in sorted(fates.items())},
            "broken_words": broken,
            "touching_spans": touching,
            "drawn": shares([words for one in masked for words in one.drawn_words]),
            "realised": shares(realised),
            "reference": shares(slow),
            "mean_realised": round(float(np.mean(realised)), 3),
            "mean_reference": round(float(np.mean(slow)), 3),
        }  # fmt: skip
    write_result("masking", result)


if __name__ == "__main__":
    main()
