"""`spanbert convert`: a model from one layout of files to another, or an annotated file from one format to another."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from spanbert.apps.cli.completion import layouts, read_formats
from spanbert.apps.cli.options import JsonOption, OverwriteOption, SafeCellsOption, examples, print_json, say
from spanbert.core.errors import InputError
from spanbert.corpus.io.formulas import check_table

EXAMPLES = examples(
    ("Encoder and MLM head alone, for other programs", "spanbert convert bundle/ plain/ --to hugging-face"),
    ("One task of several", "spanbert convert both/ sentiment/ --to hugging-face --task sent"),
    ("With the SBO head, as the authors of SpanBERT released theirs", "spanbert convert bundle/ heads/ --to head-checkpoint"),  # noqa: E501
    ("The same model in half the bytes", "spanbert convert bundle/ small/ --to bundle --precision float16"),
    ("And back: a model with its heads to a bundle", "spanbert convert heads/ bundle/ --to bundle"),
    ("Annotations: columns of tags to JSON lines with spans", "spanbert convert train.conll train.jsonl --to jsonl"),
    ("Clusters: CoNLL-2012 to JSON lines", "spanbert convert train.conll train.jsonl --to coref-jsonl"),
    ("Relations: SemEval's text to TACRED's JSON", "spanbert convert TRAIN_FILE.TXT train.json --to tacred"),
    ("Translations: a memory to two files line by line", "spanbert convert memory.tmx texts.en --to aligned --target texts.de"),  # noqa: E501
    ("A folder of brat's to a file of spaCy's", "spanbert convert letters/ train.spacy --to spacy"),
    ("Tags: a data set of the hub to columns", "spanbert convert hf:wnut_17:train train.conll --to columns"),
    ("Spans: an export of Prodigy to GLiNER's JSON", "spanbert convert annotations.jsonl train.json --to gliner"),
    ("An export of Label Studio to columns of BIOES tags", "spanbert convert export.json train.conll --to columns --scheme BIOES"),  # noqa: E501
)  # fmt: skip

_SAID = {"columns": "tags of words"}


def command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="A model: bundle, Hugging Face directory or hub id. Or an annotated file, or hf:NAME:SPLIT.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The directory or file to make.")],
    to: Annotated[
        str,
        typer.Option(
            help="Models: bundle, hugging-face or head-checkpoint. Annotations: columns, jsonl, hf-tokens, word-table, "
            "brat, doccano, gliner, label-studio, label-studio-min, prodigy, spacy, spacy-json, webanno, squad or "
            "qa-jsonl; conll2012, corefud, coref-jsonl or gap; tacred, semeval, relation-jsonl, doccano-relations or "
            "prodigy-relations; labelled or prodigy-labels; parallel, aligned or tmx.",
            autocompletion=layouts,
        ),
    ],
    task: Annotated[
        str | None, typer.Option(help="Models: the task whose head is written, with hugging-face.", show_default=False)
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Models: store weights as float32, float16 or bfloat16.  [default: as they are]", show_default=False
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Annotations: the format of IN.  [default: looks]",
            show_default=False,
            autocompletion=read_formats,
        ),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(help="Tags: write BIO, IOB1, BIOES, BMES or BILOU.  [default: as read]", show_default=False),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Tags: read ner, upos or xpos.  [default: ner]", show_default=False)
    ] = None,
    nested: Annotated[bool, typer.Option("--nested", help="Columns: spans may lie in one another.")] = False,
    target: Annotated[
        Path | None,
        typer.Option(
            help="Translations: the second of two files line by line, of OUT with --to aligned, else of IN.",
            show_default=False,
        ),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(help="Tables and lists: column of the text or words, or its language.", show_default=False),
    ] = None,
    target_column: Annotated[
        str | None, typer.Option(help="Translations: column or language of the translation.", show_default=False)
    ] = None,
    pair_column: Annotated[
        str | None, typer.Option(help="Labelled texts: column of the second text.", show_default=False)
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Labelled texts and words: column of the labels or tags.", show_default=False)
    ] = None,
    label_names: Annotated[
        str | None,
        typer.Option(
            help="Tags that are numbers: O,B-PER,I-PER or a file with a name a line, from 0.", show_default=False
        ),
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="Labelled texts: between several labels of a cell.", show_default=False)
    ] = None,
    safe_cells: SafeCellsOption = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Writes a model in another layout, its weights as they are; or an annotated file in another format."""
    from spanbert.corpus.formats.registry import WRITTEN

    given = {"--from": from_, "--scheme": scheme, "--column": column, "--nested": nested or None, "--target": target}
    names = {"text_column": text_column, "target_column": target_column, "pair_column": pair_column}
    names |= {"label_column": label_column, "label_names": label_names, "separator": separator}
    given |= {f"--{name.replace('_', '-')}": value for name, value in names.items()}
    if Path(source).is_file() or to in WRITTEN:
        if task is not None:
            raise InputError("files of annotations have no tasks", where="--task", got=task)
        if precision is not None:
            raise InputError("files of annotations have no weights", where="--precision", got=precision)
        own = {"from_": from_, "scheme": scheme, "column": column or "ner", "nested": nested, "overwrite": overwrite}
        _convert_data(source, out, to, {**own, "target": target, **names}, as_json, safe_cells=safe_cells)
        return
    for option, value in given.items():
        if value is not None:
            raise InputError("an option for files of annotations", where=option, got=f"--to {to}")
    _convert_model(source, out, to, {"task": task, "precision": precision, "overwrite": overwrite}, as_json)


def _convert_data(source: str, out: Path, to: str, options: dict[str, Any], as_json: bool, *, safe_cells: bool) -> None:
    from spanbert.pipelines.convert.data import convert_data

    done = convert_data(source, out, to=to, **options)
    remark = check_table(done.path, quote=safe_cells) if done.path.is_file() else None
    if remark is not None:
        typer.echo(remark, err=True)
    if as_json:
        print_json({**asdict(done), "path": str(done.path)})
        return
    names = ("spans", "questions", "clusters", "mentions", "relations", "translations", "labels")
    counted = {name: getattr(done, name) for name in names}
    parts = [f"{done.documents:,} documents", f"{done.words:,} words"]
    parts += [f"{count:,} {name}" for name, count in counted.items() if count or name == "spans"]
    say(f"wrote {done.path}: {', '.join(parts)}, from {done.read_as}")
    if done.left_out:
        said = ", ".join(f"{count:,} {_SAID.get(what, what)}" for what, count in done.left_out.items())
        say(f"left out: {said}")
    if done.moved or done.lost:
        say(f"answers that were elsewhere in their text: {done.moved:,}; not in it, and left out: {done.lost:,}")


def _convert_model(source: str, out: Path, to: str, options: dict[str, Any], as_json: bool) -> None:
    from spanbert.pipelines.convert.models import convert

    result = convert(source, out, to=to, **options)
    if as_json:
        print_json({"path": str(result.path), "tensors": result.tensors, "left_out": result.left_out})
        return
    say(f"wrote {result.path}: {result.tensors} tensors")
    if result.left_out:
        say(f"left out, because this layout has no place for them: {', '.join(result.left_out)}")
