"""Relations for people and programs."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from spanbert.core.html.style import Palette, escaped, words
from spanbert.core.html.text import link_row, linked, marked_text
from spanbert.core.predictions import RelationExtraction
from spanbert.core.types import Facts, Record, Relation, Span
from spanbert.scores.relations import relates
from spanbert.tasks.render import TaskRender, span_record


class RelationRender(TaskRender[RelationExtraction]):
    """The entities marked in the text, and a row for each pair that is related."""

    shows_text = True
    units = ("pairs",)

    @override
    def record(self, text: str, result: RelationExtraction) -> Record:
        """`relations`: all that the result has; `pairs_left_out`: how many pairs were not judged, if any."""
        relations = [
            {
                "head": span_record(text, one.head),
                "tail": span_record(text, one.tail),
                "label": one.label,
                "score": one.score,
            }
            for one in result.relations
        ]
        return {"relations": relations} | ({} if result.left_out is None else {"pairs_left_out": result.left_out})

    @override
    def cells(self, text: str, result: RelationExtraction) -> Record:
        """`relations` as `Ann founded Acme`, those alone that relate."""
        said = (
            f"{text[one.head.start : one.head.end]} [{one.label}] {text[one.tail.start : one.tail.end]}"
            for one in result.relations
            if relates(one.label)
        )
        return {"relations": "; ".join(said)}

    @override
    def places(self, result: RelationExtraction) -> Iterator[Span]:
        yield from (end for relation in result.relations for end in (relation.head, relation.tail))

    @override
    def html(self, text: str, result: RelationExtraction, palette: Palette) -> str:
        """Entities marked, and an arc and a row for each pair that is related."""
        ends = {(end.start, end.end): end for one in result.relations for end in (one.head, one.tail)}
        marks = [Span(start=end.start, end=end.end, label=end.label or "entity") for end in ends.values()]
        untyped = [mark for mark, end in zip(marks, ends.values(), strict=True) if not end.label]
        badges = dict.fromkeys(map(id, untyped), words("entity", "实体"))
        titles = dict.fromkeys(map(id, untyped), ("entity", "实体"))
        names = {id(mark): _name(mark) for mark in marks}
        rows = "".join(_row(text, one) for one in result.relations if relates(one.label))
        body = marked_text(text, marks, palette, names=names, badges=badges, titles=titles)
        if result.left_out is not None:
            english = f"{result.left_out:,} pairs of entities, the farthest apart, were not judged"
            body += f'<p class="sb-note">{words(english, f"{result.left_out:,} 对相距最远的实体没有判断")}</p>'
        if not rows:
            return f'{body}<p class="sb-note">{words("no relations", "没有关系")}</p>'
        heads = (("head", "头实体"), ("relation", "关系"), ("tail", "尾实体"), ("score", "得分"))
        columns = "".join(f'<th scope="col">{words(*one)}</th>' for one in heads)
        table = f'<table class="sb-table"><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>'
        return linked(body + table)

    @override
    def in_words(self, entry: Facts) -> str:
        return f"relation extraction: one of {len(entry['labels'])} labels a pair of entities"

    @override
    def intended(self, entry: Facts) -> str:
        return "It says how two marked entities of a text are related, by the labels below."

    @override
    def limits(self, entry: Facts) -> list[str]:
        return ["It needs the entities: mark them, or let another model of the bundle find them first."]

    @override
    def python_input(self, entry: Facts) -> list[str]:
        """Two entities by their characters, of types that the task knows."""
        types = next(iter(entry["type_pairs"]), (None, None))
        spans = ((0, 3, types[0]), (14, 18, types[1]))
        stated = (f"spanbert.Span(start={start}, end={end}, label={label!r})" for start, end, label in spans)
        return ['text = "Ann works for Acme."', f"entities = [{', '.join(stated)}]"]

    @override
    def python(self, entry: Facts) -> str:
        return "nlp.relate(text, entities)"


def _name(end: Span) -> str:
    return f"e{end.start}-{end.end}"


def _row(text: str, relation: Relation) -> str:
    head, tail = (escaped(text[end.start : end.end]) for end in (relation.head, relation.tail))
    score = "" if relation.score is None else f"{relation.score:.3f}"
    cells = (
        f'<th scope="row" dir="auto" lang="">{head}</th><td>{escaped(relation.label)}</td>'
        f'<td dir="auto" lang="">{tail}</td><td class="sb-number">{score}</td>'
    )
    return link_row(cells, [_name(relation.head), _name(relation.tail)], arc=relation.label)
