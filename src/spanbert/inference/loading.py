"""The tasks of a bundle or a plain Hugging Face directory: from manifest to tasks, without torch."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from spanbert.checkpoint import names
from spanbert.checkpoint.bundle import MANIFEST, BundleFiles
from spanbert.core.errors import InputError
from spanbert.core.schema import checked, misfit
from spanbert.core.types import Facts, Record
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.base import TextTaskBase, changed_config
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.registry import kind_meant, kinds, spec_of, spec_of_slug
from spanbert.tasks.spec import TaskSpec
from spanbert.tokens.tokenizer import TokenizerAdapter, load_tokenizer

Entry = Record  # a manifest's entry for a task


def task_entries(files: BundleFiles) -> dict[str, Entry]:
    """A bundle's entries for its tasks on labelled texts, by name; for a Hugging Face directory, its one task.

    Raises:
        InputError: An entry that lacks something, or states what cannot be.
    """
    if files.manifest:
        known, where = kinds(), str(files.path / MANIFEST)
        found = {name: entry for name, entry in files.tasks.items() if entry["kind"] in known}
        for name, entry in found.items():
            _require_entry(entry, f"tasks.{name}", where)
        return found
    slug = names.slug_of(files.config.get("architectures"))
    if slug is None:
        return {}
    spec = spec_of_slug(slug)
    return {spec.kind: {"kind": spec.kind, "named": True, **spec.task_class().foreign_entry(files.config)}}


def _require_entry(entry: Entry, key: str, where: str) -> None:
    """Refuses an entry that its kind could not be built from.

    Raises:
        InputError: It is one; names the key.
    """
    spec = spec_of(entry["kind"], entry)
    checked(spec.entry, entry, where, key=key)


def stored_tokenizer(files: BundleFiles) -> TokenizerAdapter:
    """The tokenizer of a bundle or a Hugging Face directory.

    Raises:
        InputError: There is none, it cannot be used, or it gives ids that the model has no embedding for.
    """
    tokenizer = load_tokenizer(files.path)
    pieces = EncoderConfig.of_bundle(files).vocab_size
    if tokenizer.vocab_size > pieces:
        raise InputError(
            "the tokenizer is not that of the model",
            where=tokenizer.name,
            got=f"ids up to {tokenizer.vocab_size - 1:,}",
            expected=f"at most {pieces - 1:,}, by vocab_size in config.json",
        )
    return tokenizer


_OPTIONS = '{"KIND": {"SETTING": VALUE}}'


def task_to_go_on_with(files: BundleFiles, name: str, spec: TaskSpec, head: Facts | None = None) -> str | None:
    """The task of a bundle that a new one of the same kind goes on from: that of its name, else the first.

    Args:
        files: The bundle.
        name: The new task's.
        spec: Its kind.
        head: Its entry for a manifest, if the head is to go on too: then the earlier one must agree in what the head
            depends on, such as the labels.
    """
    fitting = [
        one
        for one, entry in task_entries(files).items()
        if spec_of(entry["kind"], entry) is spec
        and (head is None or all(entry.get(key) == head.get(key) for key in spec.same_head))
    ]
    return name if name in fitting else next(iter(fitting), None)


def stored_tasks(
    files: BundleFiles, tokenizer: TokenizerAdapter, options: Mapping[str, Facts] | None = None
) -> dict[str, TextTask]:
    """The tasks of a bundle or a Hugging Face directory, by name.

    Args:
        files: The bundle.
        tokenizer: Its tokenizer.
        options: By kind of task, settings in place of those that it was trained with.

    Raises:
        InputError: A setting that the kind does not have, or a kind that the bundle has no task of.
    """
    entries, given = task_entries(files), dict[str, Facts]()
    if options is not None and not isinstance(options, Mapping):
        raise InputError("not settings by kind of task", where="options", got=type(options).__name__, expected=_OPTIONS)
    for name, changes in (options or {}).items():
        if not isinstance(changes, Mapping):
            raise InputError("not settings", where=f"options[{name!r}]", got=repr(changes), expected=_OPTIONS)
        given[kind_meant(name, where="options").kind] = changes
    for kind in given.keys() - {entry["kind"] for entry in entries.values()}:
        present = ", ".join(sorted({entry["kind"] for entry in entries.values()})) or "no fine-tuned task"
        raise InputError(f"a setting of {kind}, which this bundle has no task of", where=str(files.path), got=present)
    found: dict[str, TextTask] = {}
    for name, entry in entries.items():
        made = spec_of(entry["kind"], entry).task_class()
        task = _made(made, name, entry, files, tokenizer)
        if entry["kind"] in given:
            changed = changed_config(made, task.config.model_dump(), given[entry["kind"]])
            entry = {**entry, "options": changed.model_dump()}
            task = _made(made, name, entry, files, tokenizer)
        task.assets = files.assets(name)
        found[name] = task
    return found


def _made(
    made: type[TextTaskBase], name: str, entry: Entry, files: BundleFiles, tokenizer: TokenizerAdapter
) -> TextTask:
    """A task from its entry.

    Raises:
        InputError: A setting that its kind cannot have; names the key.
    """
    positions = EncoderConfig.of_bundle(files).longest_segment
    try:
        return made.from_manifest(name, entry, tokenizer=tokenizer, positions=positions)
    except ValidationError as error:
        raise misfit(error, str(files.path / MANIFEST), key=f"tasks.{name}.options") from None
