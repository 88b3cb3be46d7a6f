"""Clusters of mentions for people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from typing_extensions import override

from spanbert.core.html.style import Palette, escaped, words
from spanbert.core.html.text import link_row, linked, marked_text
from spanbert.core.predictions import Coreference
from spanbert.core.types import Document, Facts, Record, Span
from spanbert.corpus.formats.conll2012 import conll2012_lines
from spanbert.corpus.formats.corefud_origin import CorefudOrigin
from spanbert.corpus.formats.corefud_writing import predicted_corefud_lines
from spanbert.corpus.text.sentences import sentence_ranges
from spanbert.tasks.render import Figure, TaskRender, span_record

_MOST_NAMES = 8


class CorefRender(TaskRender[Coreference]):
    """The mentions of each cluster in one colour, and a table of clusters; columns are CoNLL-2012 or CorefUD."""

    shows_text = True
    in_columns = "clusters"
    columns_of = "one of coreference"
    units = ("documents", "pronouns")
    figures: ClassVar = {
        "conll_f1": Figure("CoNLL F1", "mean F1 of MUC, B-cubed and CEAF", "f1"),
        "muc_f1": Figure("MUC F1", "links between mentions"),
        "b_cubed_f1": Figure("B-cubed F1", "how much of each mention's cluster is right"),
        "ceaf_f1": Figure("CEAF F1", "clusters aligned one to one, by phi4"),
        "lea_f1": Figure("LEA F1", "links of each cluster, large clusters weigh more"),
        "mention_f1": Figure("mention F1", "mentions that were found, whatever their cluster"),
        "head_conll_f1": Figure("CoNLL F1 by heads", "the same, where mentions with the same head word are the same"),
    }

    @override
    def record(self, text: str, result: Coreference) -> Record:
        """`clusters`, each with its head and mentions, and `links`."""
        clusters = zip(result.heads, result.clusters, strict=True)
        return {
            "clusters": [
                {"head": span_record(text, head), "mentions": [span_record(text, mention) for mention in cluster]}
                for head, cluster in clusters
            ],
            "links": [
                {"mention": _place(link.mention), "antecedent": _place(link.antecedent), "score": link.score}
                for link in result.links
            ],
        }

    @override
    def cells(self, text: str, result: Coreference) -> Record:
        """`clusters` as `Ann, she; the old house, it`."""
        said = (", ".join(text[one.start : one.end] for one in cluster) for cluster in result.clusters)
        return {"clusters": "; ".join(said)}

    @override
    def places(self, result: Coreference) -> Iterator[Span]:
        yield from (*result.words, *result.heads, *(mention for cluster in result.clusters for mention in cluster))

    @override
    def html(self, text: str, result: Coreference, palette: Palette) -> str:
        """All mentions of a cluster light up together."""
        sure = {(link.mention.start, link.mention.end): link for link in result.links}
        marks, names, titles = [], {}, {}
        for number, (cluster, head) in enumerate(zip(result.clusters, result.heads, strict=True), start=1):
            name = text[head.start : head.end]
            for mention in cluster:
                mark = Span(start=mention.start, end=mention.end, label=str(number))
                marks.append(mark)
                names[id(mark)] = f"c{number}"
                link = sure.get((mention.start, mention.end))
                said, chinese = "", ""
                if link is not None:
                    antecedent = text[link.antecedent.start : link.antecedent.end]
                    said = f", refers to {antecedent} {link.score:.3f}"
                    chinese = f"，指代 {antecedent} {link.score:.3f}"
                titles[id(mark)] = f"{number}: {name}{said}", f"{number}: {name}{chinese}"
        shown = marked_text(text, marks, palette, names=names, titles=titles)
        if not result.clusters:
            return f'{shown}<p class="sb-note">{words("no clusters", "没有共指簇")}</p>'
        return linked(shown + _table(text, result))

    @override
    def lines(self, document: Document, result: Coreference) -> Iterator[str]:
        """CoNLL-2012, or CorefUD where the text came so; with the lines that it came in."""
        came = document
        if came.words != result.words:
            came = Document(id=document.id, text=document.text, words=result.words)
        sentences = came.sentences or sentence_ranges(document.text, result.words)
        found = replace(came, clusters=result.clusters, sentences=sentences)
        is_corefud = isinstance(found.origin, CorefudOrigin)
        return predicted_corefud_lines(found) if is_corefud else conll2012_lines([found])

    @override
    def in_words(self, entry: Facts) -> str:
        what = "clusters, those of one mention too" if entry["singletons"] else "clusters of two mentions or more"
        return f"coreference resolution: {what}"

    @override
    def intended(self, entry: Facts) -> str:
        return "It finds the words of a text that speak of the same person or thing, in texts of any length."

    @override
    def limits(self, entry: Facts) -> list[str]:
        return ["It says which mentions belong together, not who or what they are in the world."]

    @override
    def python(self, entry: Facts) -> str:
        return "nlp(text).clusters"


def _table(text: str, result: Coreference) -> str:
    rows = "".join(
        link_row(
            f'<th scope="row" dir="auto" lang="">{number}: {escaped(text[head.start : head.end])}</th>'
            f'<td dir="auto" lang="">{_others(text, cluster, head)}</td><td class="sb-number">{len(cluster)}</td>',
            [f"c{number}"],
        )
        for number, (cluster, head) in enumerate(zip(result.clusters, result.heads, strict=True), start=1)
    )
    return (
        f'<table class="sb-table"><thead><tr><th scope="col">{words("cluster", "共指簇")}</th>'
        f'<th scope="col">{words("also called", "其他指称")}</th>'
        f'<th scope="col">{words("mentions", "提及数")}</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _others(text: str, cluster: Sequence[Span], head: Span) -> str:
    """What else a thing is called, each once, and not all of very many."""
    said = dict.fromkeys(text[one.start : one.end] for one in cluster)
    said.pop(text[head.start : head.end], None)
    shown = ", ".join(map(escaped, list(said)[:_MOST_NAMES]))
    return shown + (" …" if len(said) > _MOST_NAMES else "")


def _place(span: Span) -> list[int]:
    return [span.start, span.end]
