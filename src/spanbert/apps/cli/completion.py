"""What shells can complete: kinds of tasks, formats, sizes, keys of settings. Install it with --install-completion."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from spanbert.tasks.registry import kinds, spec_of

Found = list[tuple[str, str]]  # what may stand there, and what it is


def kinds_of_tasks(incomplete: str) -> Found:
    """Kinds of tasks."""
    return [(kind, spec_of(kind).title) for kind in kinds() if kind.startswith(incomplete)]


def kinds_or(*others: tuple[str, str]) -> Callable[[str], Found]:
    """Kinds of tasks, and what else may stand in their place."""
    return lambda incomplete: [
        *kinds_of_tasks(incomplete),
        *(other for other in others if other[0].startswith(incomplete)),
    ]


def one_of(names: Iterable[str]) -> Callable[[str], list[str]]:
    """Some fixed names."""
    return lambda incomplete: [name for name in names if name.startswith(incomplete)]


def layouts(incomplete: str) -> list[str]:
    """Layouts of models, and formats of annotations that can be written."""
    from spanbert.corpus.formats.registry import WRITTEN

    return one_of(("bundle", "hugging-face", "head-checkpoint", *WRITTEN))(incomplete)


def read_formats(incomplete: str) -> list[str]:
    """Formats of annotations."""
    from spanbert.corpus.formats.registry import FORMATS

    return one_of(one.name for one in FORMATS)(incomplete)


def finetune_keys(incomplete: str) -> list[str]:
    """Settings of fine-tuning, with the sign that their value follows."""
    from spanbert.train.finetune_config import FinetuneConfig

    return _keys(FinetuneConfig.dotted_keys(), incomplete)


def pretrain_keys(incomplete: str) -> list[str]:
    """Settings of pre-training."""
    from spanbert.train.pretrain_config import PretrainConfig

    return _keys(PretrainConfig.dotted_keys(), incomplete)


def kind_keys(incomplete: str) -> list[str]:
    """Settings of kinds of tasks."""
    return _keys([f"{kind}.{key}" for kind in kinds() for key in spec_of(kind).config.dotted_keys()], incomplete)


def _keys(known: Iterable[str], incomplete: str) -> list[str]:
    return [f"{key}=" for key in known if key.startswith(incomplete)]
