"""The families of formats: the formats that must be distinguished from one another."""

from __future__ import annotations

from spanbert.corpus.formats.format import Family

LABELLED = Family(called="labelled texts", expected="a table, or an object with a text a line")
ANNOTATED = Family(
    called="annotations",
    expected="an object with a text or question a line, a list of Label Studio tasks, or SQuAD's object with data",
)
COREFERENCE = Family(
    called="coreference",
    expected="#begin document (NAME), an object with clusters a line, or GAP's header",
    needs="clusters",
    self_describing=True,
)
RELATIONS = Family(
    called="relations",
    expected='{"text": ..., "head": {"start": 0, "end": 3}, "tail": {...}, "label": ...}, or TACRED\'s token, '
    "subj_start ...",
    needs="relations",
    self_describing=True,
)
TRANSLATIONS = Family(
    called="texts with their translations",
    expected='a table of two columns, an object with "text" and "target" a line, TMX, or two files line by line',
    needs="target",
)
