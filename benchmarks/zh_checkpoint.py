"""Collects what `make zh-checkpoint` trained: held-out curves, picture, masked words in real sentences, fills.

python benchmarks/zh_checkpoint.py STORE BUNDLE
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

from common import pretraining_run, real_data, write_result

from spanbert.batches.masking import SpanMasker
from spanbert.core.seeding import keyed_generator
from spanbert.corpus.raw.readers import DocumentReader
from spanbert.tokens.store import TokenStore

TEXTS = (
    "北京是中华人民共和国的[MASK:1-2]。",
    "他出生于[MASK]国的一个小镇。",
    "第二次世界大[MASK]于1945年结束。",
    "這部電影由[MASK:2-3]執導。",
    "該市位於[MASK:1-3]省的北部。",
    "水由[MASK]和氧组成。",
    "这本书是他最著名的[MASK:2]。",
    "公司的总部设在[MASK:2]。",
)
SENTENCES, EVERY = 6, 300


def masked_sentences(store: TokenStore) -> list[str]:
    """First sentences of every 300th document, cut into words by / and with the masked spans in brackets."""
    tokenizer = store.tokenizer()
    masker = SpanMasker(tokenizer)
    texts = [
        document.text.split("\n", 1)[-1].split("。")[0] + "。"
        for document in islice(
            DocumentReader(sorted((real_data() / "pretrain" / "zhwiki").glob("part-*.txt"))),
            1,
            EVERY * SENTENCES,
            EVERY,
        )
    ]
    shown = []
    for number, (ids, starts) in enumerate(tokenizer.encode_batch(texts)):
        masked = masker.mask(ids, starts, keyed_generator(0, "sentence", number))
        opens, closes = ({bound[side] for bound in masked.spans} for side in (0, 1))
        line = ""
        for position, piece in enumerate(map(tokenizer.backend.id_to_token, ids.tolist())):
            line += "】" if position in closes else ""
            line += "/" if position and starts[position] else ""
            line += ("【" if position in opens else "") + str(piece).removeprefix("##")
        shown.append(line + ("】" if len(ids) in closes else ""))
    return shown


if __name__ == "__main__":
    path, bundle = map(Path, sys.argv[1:3])
    run = pretraining_run(bundle, TEXTS, picture="zh_checkpoint")
    write_result("zh_checkpoint", {**run, "masked": masked_sentences(TokenStore(path))})
