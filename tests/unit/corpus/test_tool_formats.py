"""Files of other annotation tools are known by their content; what only looks like them is refused or read as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spanbert.core.errors import InputError
from spanbert.corpus.formats.registry import family_of, open_data
from tests.tool_samples import put


@pytest.mark.parametrize(
    ("among", "content", "name"),
    [
        ("columns", '{"text": "Ann", "spans": [[0, 3, "PER"]], "tokens": [{"id": 0, "start": 0, "end": 3, "text": "Ann"}]}', "prodigy"),
        ("columns", "T1 B-PER\nleft O\n", "columns"),
        ("columns", "#\tO\nAnn\tB-PER\n", "columns"),
        ("columns", "*\tO\nA1\tB-PER\n", "columns"),
        ("columns", "# text = x\n1\tAnn\t_\t_\t_\t_\t_\t_\t_\tNER=B-PER\n", "columns"),
        ("columns", "x\x9c\tB-PER\n", "columns"),
        ("conll2012", '{"text": "Ann", "clusters": []}', "coref-jsonl"),
        ("tacred", [{"token": ["a", "b"], "subj_start": 0, "subj_end": 0, "obj_start": 1, "obj_end": 1}], "tacred"),
    ],
)  # fmt: skip
def test_what_only_looks_like_them_is_not_taken(tmp_path: Path, among: str, content: Any, name: str):
    assert open_data(put(tmp_path / "sample", content), among=family_of(among)).format.name == name


@pytest.mark.parametrize(
    ("among", "content", "message"),
    [
        ("columns", [["a", 1]], "JSON, but no annotations; got a list"),
        ("columns", [{"text": "a"}], "JSON, but no annotations; got a list"),
        ("conll2012", "# text = x\n1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n", "no file of coreference"),
        ("columns", "#FORMAT=WebAnno TSV 2.1\n\n", r"another format; got '#FORMAT=WebAnno TSV 2\.1'; expected #FORMAT=WebAnno TSV 3"),
    ],
)  # fmt: skip
def test_look_alikes_are_refused_in_one_line(tmp_path: Path, among: str, content: Any, message: str):
    path = put(tmp_path / "sample", content)
    with pytest.raises(InputError, match=message) as raised:
        list(open_data(path, among=family_of(among)).documents())
    assert "\n" not in str(raised.value)
