"""`spanbert doctor`: labelled files and a model in, a report out; texts are streamed, hashes and counts are kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from spanbert.apps.doctor import lengths
from spanbert.apps.doctor.compare import tell_labels, tell_leakage
from spanbert.apps.doctor.repair import check_target, repair
from spanbert.apps.doctor.report import Report
from spanbert.apps.doctor.sample import WindowSample
from spanbert.checkpoint.bundle import BundleFiles, open_bundle
from spanbert.core.device import DeviceLike, device_name
from spanbert.core.errors import InputError
from spanbert.core.findings import SEVERITIES, Ledger, Rule
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.texts import require_path
from spanbert.core.types import Document, Facts
from spanbert.corpus.data import local_file
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.held_out import HeldOut
from spanbert.corpus.io.files import require_data
from spanbert.encoder.config import EncoderConfig
from spanbert.inference.loading import stored_tokenizer
from spanbert.tasks.base import TextTaskBase
from spanbert.tasks.opening import open_own
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.registry import kind_meant, spec_of
from spanbert.tasks.spec import TaskSpec
from spanbert.tasks.survey import Survey, leave_out
from spanbert.tokens.pieces import read_pieces
from spanbert.tokens.tokenizer import TokenizerAdapter
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.usual import FEW_STEPS, LEAST_STEPS, planned_steps

_DOCUMENTS_AT_ONCE = 512
_TIMED_STEPS = 3
_FEW_STEPS = Rule(
    severity="warning",
    name="few_steps",
    what="",
    remedy=f"Leave the budget out, which makes {LEAST_STEPS} at least, or set another: --budget {LEAST_STEPS}steps",
)
_TOKENS_AN_EXAMPLE = 32  # of steps that are counted in tokens, where nothing is known yet


@shows_progress
def doctor(
    kind: str,
    data: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    dev: str | os.PathLike[str] | None = None,
    dev_target: str | os.PathLike[str] | None = None,
    config: FinetuneConfig | Facts | None = None,
    device: DeviceLike | None = None,
    fix: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    estimate: bool = True,
    reporter: Reporter | None = None,
) -> Report:
    """Looks for what would make fine-tuning fail or learn something wrong, and reports what it would cost.

    Memory grows by 16 bytes a text (32 a question), labels and lengths, in addition to what the format's reader holds.

    Args:
        kind: One of `tasks.registry.kinds`.
        data: The file to train on, or `hf:NAME[@CONFIG][:SPLIT]`, a data set of the hub.
        model: Bundle, Hugging Face directory or hub id to start from.
        target: The file with the other side of each line of `data`, for translation.
        dev: The file by which the best weights would be chosen.
        dev_target: The same of `dev`.
        config: Settings of fine-tuning; those of the kind say how files are read.
        device: What the steps of the estimate are measured on; see `finetune`.
        fix: Where to write a repaired copy of `data`, in the same format.
        overwrite: Replace a file that is there.
        estimate: Run a few steps of training to measure time and memory.
        reporter: Receives what is being done.

    Returns:
        The report; its `facts` are `read_as`, `texts`, `labels` and `numbers` (of a regression) by file, `pieces`
        (lengths), `window`, `windows`, `texts_in_windows`, and the further counts of the kind's survey (`counts`).

    Raises:
        InputError: A file that cannot be read at all, no such kind, or a `fix` that cannot be written to.
    """
    kind, asked = kind_meant(kind)
    require_path(data, "data")
    require_path(model, "model")
    if HeldOut.parse(dev, where="--dev") is not None:
        raise InputError(
            "doctor reads dev data from a file",
            where="--dev",
            got=str(dev),
            remedy="Leave it out: the dev data that finetune holds out shares no text with the rest",
        )
    for name, path in (("target", target), ("dev", dev), ("dev_target", dev_target), ("fix", fix)):
        if path is not None:
            require_path(path, name)
    reporter, source = reporter or SilentReporter(), local_file(data)
    config = FinetuneConfig.of(config).with_kind(kind, asked)
    if device is not None:
        config = config.with_train(device=device_name(device))
    held_out = None if dev is None else local_file(dev)
    paths = [path for path in (source, held_out) if path is not None]
    for path in paths:
        require_data(path)
    alike = len({path.name for path in paths}) < len(paths)
    names = [str(path) if alike else path.name for path in paths]
    companion, dev_companion = (None if one is None else Path(one) for one in (target, dev_target))
    if fix is not None:
        read = [data, target, dev, dev_target, model]
        check_target(source, Path(fix), read=read, overwrite=overwrite, one_file=companion is None)
    files = open_bundle(os.fspath(model))
    tokenizer = stored_tokenizer(files)
    options = config.of_kind(kind)
    spec = spec_of(kind, options.model_dump())
    made = spec.check_class()
    problems = Ledger(names[0])
    opened = _opened(spec, source, companion, options)
    task = _task(spec, opened, files, tokenizer, config, problems)
    tokens = config.batch.tokens_of(kind)
    a_step = config.batch.examples_of(kind) if tokens is None else max(1, tokens // _TOKENS_AN_EXAMPLE)
    sample = WindowSample(size=_TIMED_STEPS * a_step, longest=a_step)
    reporter.say(f"reading {source}")
    train = made(opened, options, tokenizer, task, name=names[0])
    _run(train, sample)
    surveys = [train]
    if held_out is not None:
        reporter.say(f"reading {held_out}")
        dev_options = task.config if task else options
        surveys.append(
            made(_opened(spec, held_out, dev_companion, dev_options), dev_options, tokenizer, task, name=names[1])
        )
        _run(surveys[1], None)
        tell_leakage(train, surveys[1])
    tell_labels(train, surveys[1] if held_out is not None else None)
    repeats = [survey.tell() for survey in surveys]
    if task is not None and sample.count:
        an_example = sample.tokens / sample.count
        usual = config.batch.examples_of(kind, an_example) if tokens is None else max(1, int(tokens / an_example))
        steps = planned_steps(config, usual_epochs=spec.epochs, steps_an_epoch=sample.count / usual)
        if steps is not None and steps < FEW_STEPS:
            problems.add(replace(_FEW_STEPS, what=f"a run of {steps:,} steps: too few for most tasks"))
    measured = None
    if estimate and task is not None and sample.count:
        from spanbert.apps.doctor.estimate import estimate as measure

        reporter.say("measuring a few steps of training")
        measured = measure(sample, task, files, config, reporter)
    found = [finding for ledger in (problems, *(one.ledger for one in surveys)) for finding in ledger.findings()]
    return Report(
        kind=kind,
        files=tuple(survey.name for survey in surveys),
        model=os.fspath(model),
        facts={"read_as": opened.description, **_facts(surveys, task)},
        fact_lines=tuple(train.fact_lines()),
        findings=tuple(sorted(found, key=lambda one: SEVERITIES.index(one.rule.severity))),
        estimate=measured,
        repairs=() if fix is None else repair(train, repeats[0], Path(fix)),
    )


def _opened(spec: TaskSpec, path: Path, companion: Path | None, options: Any) -> DataFile:
    """A file as tasks of the kind read it; the survey reports what they would refuse in its documents."""
    return replace(open_own(spec.task_class(), options, path, companion=companion), check=None)


def _task(
    spec: TaskSpec,
    data: DataFile,
    files: BundleFiles,
    tokenizer: TokenizerAdapter,
    config: FinetuneConfig,
    problems: Ledger,
) -> TextTaskBase | None:
    """The task that the file defines; None, and a finding, if it defines none."""
    shape = EncoderConfig.of_bundle(files)
    own = config.of_kind(spec.kind)
    try:
        return spec.task_class().from_training(
            spec.kind,
            data.documents(leave_out),
            config=own,
            window=config.window,
            tokenizer=tokenizer,
            positions=shape.longest_segment,
        )
    except InputError as error:
        got = f"; got {error.got}" if error.got is not None else ""
        what = error.what.removeprefix(f"task {spec.kind}: ") + got
        problems.add(Rule(severity="error", name="no_task", what=what, remedy=error.remedy or ""))
        return None


def _run(survey: Survey[Any], sample: WindowSample | None) -> None:
    """One pass over a file."""
    for chunk in _chunks(map(survey.first_look, survey.documents())):
        for windowed in _readings(survey, chunk):
            survey.take(windowed)
            if sample is not None and survey.task is not None:
                sample.take(survey.task.examples(windowed))
    survey.finish()


def _readings(survey: Survey[Any], chunk: list[Document]) -> list[WindowedDocument]:
    """As the encoder would read them; without a task, in no windows."""
    if survey.task is not None:
        tokenized: list[WindowedDocument] = survey.task.tokenize(chunk)
        return tokenized
    read = zip(chunk, read_pieces(survey.tokenizer, chunk), strict=True)
    return [WindowedDocument(document=document, pieces=pieces, windows=[]) for document, pieces in read]


def _chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    stream = iter(documents)
    while chunk := list(islice(stream, _DOCUMENTS_AT_ONCE)):
        yield chunk


def _facts(surveys: list[Survey[Any]], task: Any) -> dict[str, Any]:
    train = surveys[0]
    facts: dict[str, Any] = {
        "texts": {survey.name: survey.texts for survey in surveys},
        "labels": {
            label: {survey.name: survey.labels[label] for survey in surveys}
            for label in sorted({*surveys[0].labels, *surveys[-1].labels}, key=lambda one: (-train.labels[one], one))
        },
    }
    if train.numbers():
        facts["numbers"] = {survey.name: survey.numbers() for survey in surveys}
    if train.texts:
        facts["pieces"] = lengths.summary(train.lengths)
    if task is not None:
        facts |= {"window": task.window[0], "windows": train.windows, "texts_in_windows": train.cut}
    return {**facts, **train.counts()}
