"""`spanbert prepare`: raw text to a token store."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from spanbert.apps.cli.options import JsonOption, OverwriteOption, examples, parse_share, print_json, say
from spanbert.apps.console import make_reporter
from spanbert.core.errors import InputError
from spanbert.core.model_path import is_model
from spanbert.core.outputs import check_output_folder

EXAMPLES = examples(
    ("A folder of text files", "spanbert prepare texts/ --tokenizer bert-base-cased/ --out store/"),
    ("A custom vocabulary", "spanbert prepare zhwiki/ --train-tokenizer 12000 --out store/"),
    ("JSON lines, the text under another name", "spanbert prepare 'crawl/*.jsonl.gz' --text-field body --tokenizer X --out store/"),  # noqa: E501
    ("One document a file, repaired and without duplicates", "spanbert prepare novels/ --documents file --clean --deduplicate --tokenizer X --out store/"),  # noqa: E501
)  # fmt: skip


def command(
    texts: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...",
            help="Files, folders or globs: .txt, .jsonl, .csv, .tsv, .parquet, MediaWiki .xml dumps; plain, .gz, "
            ".bz2 or .zst. Or hf:NAME@CONFIG:SPLIT, a data set of the Hugging Face hub.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The token store to make.")],
    tokenizer: Annotated[
        str | None,
        typer.Option(help="Model directory, tokenizer.json, vocab.txt or hub id.", show_default=False),
    ] = None,
    train_tokenizer: Annotated[
        int | None,
        typer.Option(help="Instead: train a WordPiece vocabulary of this many pieces on the text.", show_default=False),
    ] = None,
    cased: Annotated[bool, typer.Option("--cased", help="With --train-tokenizer: keep case and accents.")] = False,
    held_out: Annotated[
        str, typer.Option(help="Share of the documents kept for evaluation; one at least, unless 0.")
    ] = "0.5%",
    documents: Annotated[
        str,
        typer.Option(help="What a document of a .txt file is: a line, what is between blank lines (blank), the file."),
    ] = "blank",
    text_field: Annotated[str, typer.Option(help="Field or column that holds the text.")] = "text",
    entities_field: Annotated[
        str | None, typer.Option(help="Field of a .jsonl line with [[start, end, label], ...].", show_default=False)
    ] = None,
    on_error: Annotated[str, typer.Option(help="What a broken line does: stop, or skip and count it.")] = "stop",
    longest_line: Annotated[
        str | None, typer.Option(help="A longer line is broken.", show_default="64MB, or SPANBERT_LONGEST_LINE")
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Repair mojibake, drop control characters, NFC.")] = False,
    deduplicate: Annotated[bool, typer.Option("--deduplicate", help="Leave out documents read before.")] = False,
    languages: Annotated[
        str | None,
        typer.Option(help="Keep documents that look written in these, e.g. en,zh. Nothing is guessed without it."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence and attribution of the text, for model cards.", show_default=False)
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Turns raw text into a token store: whole documents as pieces, memory-mapped, independent of sequence length.

    A killed run continues where it stopped when the same command is given again.
    """
    from spanbert.corpus.raw.readers import DocumentReader, ReadConfig
    from spanbert.tokens.prepare import prepare, summary_lines
    from spanbert.tokens.tokenizer import TokenizerAdapter
    from spanbert.tokens.training import train_wordpiece

    options = ReadConfig.assemble(
        base={
            "documents": documents,
            "text_field": text_field,
            "entities_field": entities_field,
            "on_error": on_error,
            "longest_line": longest_line,
            "clean": clean,
            "deduplicate": deduplicate,
            "languages": languages.split(",") if languages else (),
        }
    )
    if bool(tokenizer) == (train_tokenizer is not None):
        raise InputError("which tokenizer?", expected="either --tokenizer or --train-tokenizer")
    check_output_folder(out, inputs=[*texts, tokenizer], overwrite=overwrite)  # before a vocabulary is trained
    with make_reporter() as reporter:
        source: str | TokenizerAdapter = tokenizer or ""
        if train_tokenizer is not None:
            reporter.say(f"training a vocabulary of {train_tokenizer:,} pieces")
            stream = (document.text for document in DocumentReader(texts, options))
            source = train_wordpiece(stream, train_tokenizer, lowercase=not cased)
        result = prepare(
            texts, tokenizer=source, out=out, held_out=parse_share(held_out, "--held-out"), options=options,
            licence=licence, overwrite=overwrite, reporter=reporter,
        )  # fmt: skip
    for line in summary_lines(result):
        say(line)
    if as_json:
        print_json(asdict(result))
    else:
        start = f"--model {shlex.quote(tokenizer)}" if tokenizer and is_model(tokenizer) else "--size mini"
        say(f"next: spanbert pretrain {shlex.quote(str(out))} {start} --out BUNDLE --budget 10m")
