"""What a service serves, and within which limits."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from spanbert.core.config import Config
from spanbert.core.device import AUTO
from spanbert.core.errors import InputError

_MEBIBYTE = 2**20


class ServeConfig(Config):
    """Limits of a service; each is of one worker process.

    Attributes:
        max_body: Mebibytes of a request's body.
        max_inputs: Inputs of a request; NDJSON may have any number of lines.
        max_length: Characters of an input; texts are never cut off.
        max_explained: Characters of an input that is explained, which may take some 300 times as long as reading it.
        max_work: Tokens that an input with blanks, or one that is explained, may take in all readings of it, about.
        batch_tokens: What is computed at once, in tokens, about.
        queue_tokens: What may wait, in tokens, about; more is answered with 429.
        queue_inputs: How many inputs may wait.
        time_limit: Seconds from the end of a request's body to its answer.
        header_time: Seconds that the headers of a request may take to arrive.
        body_time: Seconds that the body of a request may take to arrive, and a part of its answer to be taken up.
        drain_time: Seconds that requests have to be answered when the service ends.
        connections: Connections at once; more are answered with 503.
    """

    max_body: int = Field(default=16, ge=1)
    max_inputs: int = Field(default=1024, ge=1)
    max_length: int = Field(default=200_000, ge=1)
    max_explained: int = Field(default=1000, ge=1)
    max_work: int = Field(default=262_144, ge=1)
    batch_tokens: int = Field(default=8192, ge=1)
    queue_tokens: int = Field(default=262_144, ge=1)
    queue_inputs: int = Field(default=16_384, ge=1)
    time_limit: float = Field(default=60.0, gt=0)
    header_time: float = Field(default=10.0, gt=0)
    body_time: float = Field(default=30.0, gt=0)
    drain_time: float = Field(default=60.0, gt=0)
    connections: int = Field(default=1024, ge=1)

    @property
    def body_bytes(self) -> int:
        """Bytes of a request's body at most."""
        return self.max_body * _MEBIBYTE


class ModelPlace(BaseModel):
    """A bundle that is served.

    Attributes:
        name: What it is called in addresses.
        path: Where it lies, or its id on the hub.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    path: str


class ServePlan(BaseModel):
    """All that a worker process has to know.

    Attributes:
        models: What is served.
        limits: Within which limits.
        device: What computes, as `core.device` names it.
        precision: Of the models' products.
        threads: Of the processor, for each worker; None: as torch chooses.
        keys: File of the keys that clients must have; None: everybody may ask.
        origins: Whose pages may ask from a browser (CORS).
    """

    model_config = ConfigDict(frozen=True)
    models: tuple[ModelPlace, ...]
    limits: ServeConfig = ServeConfig()
    device: str = AUTO
    precision: str = "auto"
    threads: int | None = None
    keys: Path | None = None
    origins: tuple[str, ...] = ()


def model_places(stated: list[str]) -> tuple[ModelPlace, ...]:
    """Bundles as they are named on the command line: `PATH`, called like its folder, or `NAME=PATH`.

    Raises:
        InputError: A name that addresses cannot have, or one of two bundles.
    """
    places = tuple(_place(one) for one in stated)
    names = [place.name for place in places]
    for place in places:
        if not place.name.replace("-", "").replace("_", "").replace(".", "").isalnum() or not place.name.isascii():
            raise InputError(
                "a name that cannot stand in an address",
                where=place.path,
                got=repr(place.name),
                expected="letters, digits, '-', '_' and '.'",
                remedy="Give it one: NAME=PATH",
            )
        if names.count(place.name) > 1:
            raise InputError("two bundles of the same name", got=repr(place.name), remedy="Give one another: NAME=PATH")
    return places


def _place(stated: str) -> ModelPlace:
    name, equals, path = stated.partition("=")
    if equals and "/" not in name and not Path(stated).exists():
        return ModelPlace(name=name, path=path)
    return ModelPlace(name=Path(stated).resolve().name, path=stated)
