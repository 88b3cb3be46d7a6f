"""A finished bundle to the Hugging Face hub: what goes there, one commit, and what the hub's refusals mean."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spanbert import __version__
from spanbert.checkpoint.bundle import ASSETS, DEV, MANIFEST, BundleFiles, open_bundle
from spanbert.checkpoint.hub_facts import CARD, LICENCES, head_of, licence_facts, licence_id, with_head
from spanbert.core.errors import InputError, SpanbertError, nearest
from spanbert.core.model_path import LOG_IN
from spanbert.core.outputs import WEIGHTS

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*|code|multilingual")
_NAME = re.compile(r"[\w./-]+")
_DATASET = re.compile(r"[\w.-]+(/[\w.-]+)?")
_FINISHED = ("budget", "patience")


@dataclass(frozen=True, kw_only=True)
class Push:
    """What was uploaded, or would be.

    Attributes:
        repository: `user/name`.
        url: The commit; None: nothing was uploaded.
        files: Bytes by name.
        removed: Names of an earlier bundle's files in the repository that this one does not have.
        licence: What the card states.
    """

    repository: str
    url: str | None
    files: Mapping[str, int]
    removed: Sequence[str] = ()
    licence: str


def push(
    bundle: str | os.PathLike[str],
    repository: str,
    *,
    private: bool = False,
    licence: str | None = None,
    languages: Sequence[str] = (),
    datasets: Sequence[str] = (),
    message: str | None = None,
    dry_run: bool = False,
) -> Push:
    """Uploads a finished bundle in one commit, and makes the repository if there is none.

    The token is that of HF_TOKEN or of `hf auth login`. The card that is uploaded names the repository in its commands
    and has what is given here in its head; the bundle stays as it is.

    Args:
        bundle: Its directory.
        repository: `user/name`.
        private: Make the repository private.
        licence: Of the model, by one of the hub's names, or `other`; needed where the card states none.
        languages: ISO 639 codes of its texts.
        datasets: Hub ids of what it was trained on.
        message: Of the commit.
        dry_run: Only say what would be uploaded; asks no hub.

    Raises:
        InputError: Not a finished bundle, no licence, no such user, or no right to write there.
        SpanbertError: The hub cannot be reached, or fails.
    """
    if not _REPOSITORY.fullmatch(repository) or len(repository) > 96:
        raise InputError("not the name of a repository", got=repr(repository), expected="USER/NAME")
    files = _finished(bundle)
    changes = _stated(licence, languages, datasets)
    card = _card(files, repository, changes)
    said = _licence(head_of(card, CARD), files)
    names = sorted([*files.manifest["files"], MANIFEST])
    contents: dict[str, Path | bytes] = {**{name: files.path / name for name in names}, CARD: card.encode()}
    sizes = {name: len(one) if isinstance(one, bytes) else one.stat().st_size for name, one in contents.items()}
    if dry_run:
        return Push(repository=repository, url=None, files=sizes, licence=said)
    with _explained(repository):
        url, removed = _commit(repository, contents, private=private, message=message or _message(files))
    return Push(repository=repository, url=url, files=sizes, removed=removed, licence=said)


def _finished(bundle: str | os.PathLike[str]) -> BundleFiles:
    """The bundle, its files compared with their checksums.

    Raises:
        InputError: No bundle, damaged, or of a run that was interrupted.
    """
    place = Path(bundle)
    if not place.exists():
        raise InputError("no such directory", where=os.fspath(bundle))
    files = open_bundle(place)
    if not files.manifest:
        raise InputError(
            f"not a bundle (no {MANIFEST})",
            where=str(place),
            remedy=f"spanbert convert {place} OUT --to bundle makes one of a Hugging Face directory",
        )
    stopped_by = files.manifest.get("training", {}).get("stopped_by", _FINISHED[0])
    if stopped_by not in _FINISHED:
        raise InputError(
            "the run that makes this bundle has not ended",
            where=str(place),
            got=f"stopped by {stopped_by}",
            remedy="Continue it with --resume first",
        )
    if not (place / CARD).is_file():
        raise InputError("no model card", where=str(place / CARD), remedy="Write one, or train the bundle again")
    return files


def _stated(licence: str | None, languages: Sequence[str], datasets: Sequence[str]) -> dict[str, Any]:
    """What is given for the head of the card.

    Raises:
        InputError: No such licence, or no code of a language or name of a data set.
    """
    found: dict[str, Any] = {}
    if licence is not None:
        known = "other" if licence == "other" else licence_id(licence)
        if known is None:
            hint = nearest(licence.lower(), [*LICENCES, "other"])
            raise InputError(f"the hub knows no licence {licence!r}; {hint}", where="--license")
        found["license"] = known
    for option, key, given, form in (
        ("--language", "language", languages, _LANGUAGE),
        ("--dataset", "datasets", datasets, _DATASET),
    ):
        for one in given:
            if not form.fullmatch(one):
                expected = "an ISO 639 code such as en" if key == "language" else "a hub id such as user/name"
                raise InputError(f"not a {option.removeprefix('--')}", where=option, got=repr(one), expected=expected)
        if given:
            found[key] = list(given)
    return found


def _card(files: BundleFiles, repository: str, changes: Mapping[str, Any]) -> str:
    """The card for the hub: with other facts in its head, and commands that name the repository."""
    place = files.path / CARD
    try:
        card = place.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", where=str(place), got=f"byte {error.start}") from None
    before = head_of(card, str(place))
    if "license" not in before and "license" not in changes:
        changes = {**changes, **licence_facts(files.manifest.get("data", {}).get("licence"))}
    head = {**before, **changes}
    if head.get("license") != "other":
        head.pop("license_name", None)
        head.pop("license_link", None)
    title = re.search(r"^# (.+)$", card, flags=re.MULTILINE)
    card = with_head(card, head, str(place))
    return card if title is None else _with_commands_for(repository, card, title[1].strip())


def _with_commands_for(repository: str, card: str, title: str) -> str:
    """The card with the repository in place of the bundle's name in blocks of shell and Python."""
    lines = card.splitlines(keepends=True)
    inside = False
    for place, line in enumerate(lines):
        if line.startswith("```"):
            inside = line.rstrip() in ("```sh", "```python")
        elif inside:
            lines[place] = _NAME.sub(lambda name: repository if name[0] == title else name[0], line)
    return "".join(lines)


def _licence(head: Mapping[str, Any], files: BundleFiles) -> str:
    """The licence that a card states.

    Raises:
        InputError: None.
    """
    licence = head.get("license")
    if not licence:
        raise InputError(
            "no licence is known: nobody may use such a model",
            where=str(files.path / CARD),
            remedy="State the model's with --license, such as --license apache-2.0",
        )
    return str(head.get("license_name") or licence)


def _message(files: BundleFiles) -> str:
    return f"Upload {files.path.resolve().name} with spanbert {__version__}"


def _commit(
    repository: str, contents: Mapping[str, Path | bytes], *, private: bool, message: str
) -> tuple[str, list[str]]:
    """Makes the repository if need be, and uploads everything in one commit.

    Returns:
        The address of the commit, and what it removed.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi(library_name="spanbert", library_version=__version__)
    api.create_repo(repository, private=private or None, exist_ok=True)
    if private and not api.repo_info(repository).private:
        raise InputError(
            "the repository exists and is public",
            where=repository,
            expected="a private one",
            remedy="Make it private on its page, choose another name, or leave out --private",
        )
    removed = sorted(set(_left_from_before(api, repository)) - contents.keys())
    done = api.create_commit(
        repository,
        [
            *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=one) for name, one in contents.items()),
            *(CommitOperationDelete(path_in_repo=name) for name in removed),
        ],
        commit_message=message,
    )
    return str(done.commit_url), removed


def _left_from_before(api: HfApi, repository: str) -> Iterator[str]:
    """Files in a repository that would be read as a part of a bundle."""
    for name in api.list_repo_files(repository):
        if name in (*WEIGHTS, "heads.safetensors", "vocab.txt") or name.startswith((f"{ASSETS}/", f"{DEV}/")):
            yield name


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Turns the hub's refusals into errors for people.

    Raises:
        InputError: Something that the user can mend.
        SpanbertError: A hub that cannot be reached, or fails.
    """
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled
    from huggingface_hub.errors import HTTPError as TransportError  # type: ignore[attr-defined]  # httpx's or httpx2's

    user = repository.partition("/")[0]
    try:
        yield
    except LocalTokenNotFoundError:
        raise InputError("no token for the hub", where=repository, remedy=LOG_IN) from None
    except OfflineModeIsEnabled:
        raise InputError("HF_HUB_OFFLINE is set, and a push needs the hub", where=repository) from None
    except HfHubHTTPError as error:
        code = error.response.status_code
        said = f"{code} {error.server_message or ''}".strip()
        refusals = {
            400: ("the hub finds a mistake in the upload", None),
            401: ("the hub does not accept the token", f"{LOG_IN} to a token that may write"),
            403: (f"the token may not write to {user}", f"Choose a name of your own, or another token. {LOG_IN}"),
            404: (f"the hub has no user or organisation {user}, or no such repository", "Check USER/NAME"),
        }
        if code in refusals:
            what, remedy = refusals[code]
            raise InputError(what, where=repository, got=said, remedy=remedy) from None
        raise SpanbertError(f"{repository}: the hub fails; got {said}. Try again later") from None
    except TransportError as error:
        raise SpanbertError(
            f"{repository}: the hub cannot be reached; got {type(error).__name__}: {error}. Is there a network? "
            "Nothing was committed; run the same command again"
        ) from None
