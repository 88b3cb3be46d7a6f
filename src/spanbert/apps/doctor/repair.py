"""`--fix`: a repaired copy in the same format, whole or not at all; what was done is said, with counts.

classify   rows that cannot be used, repeats and contradictions are left out; all other rows stay byte for byte
tag        illegal tags are written as they are read; spans are widened to words, reduced where they overlap
qa         answers get the place where they were found; answers and questions without one are left out
coref      texts that cannot be read are left out; a mention in two clusters stays in the first
relation   texts that cannot be read are left out; of pairs that stand twice in the same text the first is kept
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from spanbert.apps.doctor.classify import ClassifySurvey
from spanbert.apps.doctor.coref import CorefSurvey
from spanbert.apps.doctor.hashes import Repeats
from spanbert.apps.doctor.qa import QASurvey
from spanbert.apps.doctor.relation import RelationSurvey, pair_key
from spanbert.apps.doctor.repair_rows import repair_rows
from spanbert.apps.doctor.repair_words import repair_words
from spanbert.apps.doctor.survey import Survey
from spanbert.apps.doctor.tag import TagSurvey
from spanbert.core.errors import InputError
from spanbert.core.files import read_json, write_json
from spanbert.core.types import Document
from spanbert.corpus.clusters import in_first_cluster, repeated_mentions
from spanbert.corpus.coref import coref_format, write_coref
from spanbert.corpus.files import SourceFile, require_plain
from spanbert.corpus.relations import relation_format, write_relations


def check_target(source: Path, target: Path) -> None:
    """Refuses a place for the repaired copy before any work is done.

    Raises:
        InputError: The file itself, another kind of file, or a compressed one.
    """
    where = f"--fix {target}"
    if target.resolve() == source.resolve():
        raise InputError("the copy would replace the data", where=where, remedy="Name another file")
    require_plain(target, option="--fix ")
    kinds = [SourceFile(path=path, name=path.name).kind for path in (source, target)]
    if kinds[0] != kinds[1]:
        raise InputError("the copy is in the same format", where=where, got=kinds[1] or "no suffix", expected=kinds[0])


def repair(survey: Survey[Any], repeats: Repeats, target: Path) -> tuple[str, ...]:
    """Writes a repaired copy of a file.

    Args:
        survey: Of the file; finished.
        repeats: What comes again in it.
        target: The copy.

    Returns:
        What was done, a line each.

    Raises:
        InputError: Something that only a person can mend.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(survey, ClassifySurvey):
        done: Mapping[str, int] = repair_rows(survey, repeats, target)
    elif isinstance(survey, TagSurvey):
        done = repair_words(survey, target)
    elif isinstance(survey, CorefSurvey):
        done = _repair_clusters(survey, target)
    elif isinstance(survey, RelationSurvey):
        done = _repair_pairs(survey, target)
    else:
        assert isinstance(survey, QASurvey)
        done = _repair_questions(survey, target)
    return tuple(f"{what}: {count:,}" for what, count in done.items() if count) or ("nothing to mend: a plain copy",)


def _repair_clusters(survey: CorefSurvey, target: Path) -> Counter[str]:
    done = _left_out(survey)

    def mended() -> Iterator[Document]:
        for document in survey.read(survey.path, survey.options):
            repeated = repeated_mentions(document)
            done["mentions in two clusters left in the first"] += len(repeated)
            yield replace(document, clusters=in_first_cluster(document)) if repeated else document

    write_coref(mended(), target, to=coref_format(survey.path))
    return done


def _repair_pairs(survey: RelationSurvey, target: Path) -> Counter[str]:
    done = _left_out(survey)
    seen = set()

    def mended() -> Iterator[Document]:
        for document in survey.read(survey.path, survey.options):
            kept = []
            for relation in document.relations or ():
                key = hashlib.sha256(pair_key(document, relation).encode()).digest()
                if relation.label and key in seen:
                    done["pairs that stand twice left out"] += 1
                    continue
                if relation.label:
                    seen.add(key)
                kept.append(relation)
            if len(kept) == len(document.relations or ()):
                yield document
            elif kept:
                yield replace(document, relations=tuple(kept))

    write_relations(mended(), target, to=relation_format(survey.path))
    return done


def _left_out(survey: Survey[Any]) -> Counter[str]:
    return Counter({"texts that cannot be read left out": survey.ledger.count(survey.unusable)})


def _repair_questions(survey: QASurvey, target: Path) -> Counter[str]:
    """Patches the JSON itself, so that fields that nobody interprets stay."""
    content = read_json(survey.path)
    paragraphs = (paragraph for article in content["data"] for paragraph in article["paragraphs"])
    done: Counter[str] = Counter()
    for paragraph, document in zip(paragraphs, survey.read(survey.path, survey.options), strict=True):
        found = {
            (question.id, one.text, one.stated): one.found
            for question in document.questions or ()
            for one in question.misplaced
        }
        kept = []
        for record in paragraph["qas"]:
            answers = list(_mended(record, found, done))
            if not answers and not record.get("is_impossible", False):
                done["questions without an answer left out"] += 1
                continue
            kept.append({**record, "answers": answers} if "answers" in record else record)
        paragraph["qas"] = kept
    write_json(target, content)
    return done


def _mended(
    record: Mapping[str, Any], found: Mapping[tuple[str, str, int], int | None], done: Counter[str]
) -> Iterator[dict[str, Any]]:
    for answer in record.get("answers") or []:
        stated = answer["answer_start"]
        start = found.get((str(record["id"]), answer["text"], stated), stated)
        if start is None:
            done["answers that stand nowhere left out"] += 1
            continue
        done["answers given the place where they stand"] += start != stated
        yield {**answer, "answer_start": start}
