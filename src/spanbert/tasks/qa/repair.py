"""Repaired copies of SQuAD's JSON: answers at their real place; those found nowhere are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import read_json, write_json
from spanbert.core.types import Facts, Record
from spanbert.tasks.survey import Survey

_MENDED = "squad"


def repair_questions(survey: Survey[Any], target: Path) -> Counter[str]:
    """Patches the JSON itself, so that fields that are not interpreted stay.

    Args:
        survey: Of the file.
        target: The copy.

    Returns:
        How often each thing was done.

    Raises:
        InputError: A file in another format.
    """
    if survey.data.format.name != _MENDED:
        raise InputError(
            "copies are made of SQuAD's JSON alone",
            where=str(survey.path),
            got=survey.data.format.title,
            remedy="Turn it into that: spanbert convert IN OUT --to squad, which mends the places of answers too",
        )
    content = read_json(survey.path)
    paragraphs = (paragraph for article in content["data"] for paragraph in article["paragraphs"])
    done: Counter[str] = Counter()
    for paragraph, document in zip(paragraphs, survey.read(), strict=True):
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


def _mended(record: Facts, found: Mapping[tuple[str, str, int], int | None], done: Counter[str]) -> Iterator[Record]:
    for answer in record.get("answers") or []:
        stated = answer["answer_start"]
        start = found.get((str(record["id"]), answer["text"], stated), stated)
        if start is None:
            done["answers that are not in their text left out"] += 1
            continue
        done["answers moved to the place where they are"] += start != stated
        yield {**answer, "answer_start": start}
