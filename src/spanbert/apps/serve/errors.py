"""What is answered where there is no answer: a status, and `{"error", "error_type", "request_id"}`.

| status | error_type | meaning |
|---|---|---|
| 400 | malformed, empty | no HTTP, no JSON, or no inputs |
| 401 | unauthorized | no key, or an unknown one |
| 404, 405 | not_found, not_allowed | no such address, model or task |
| 408 | slow | its headers or its body did not come in time |
| 413 | too_large | body, number of inputs, a text, or what it takes to compute over its limit |
| 422 | unprocessable | JSON that is no such request, or inputs that no task reads |
| 429 | overloaded | the queue is full; `Retry-After` says when to come again |
| 500 | internal | a fault of the service |
| 503 | unavailable | it is starting or ending, or has too many connections |
| 503 | timed_out | the time limit of the request is over |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel
from starlette.exceptions import HTTPException

from spanbert.core.errors import InputError, in_one_line
from spanbert.core.types import Record

ErrorType = Literal[
    "malformed", "empty", "unauthorized", "not_found", "not_allowed", "slow", "too_large", "unprocessable",
    "overloaded", "internal", "unavailable", "timed_out",
]  # fmt: skip
STATUS: dict[ErrorType, int] = {
    "malformed": 400, "empty": 400, "unauthorized": 401, "not_found": 404, "not_allowed": 405, "slow": 408,
    "too_large": 413, "unprocessable": 422, "overloaded": 429, "internal": 500, "unavailable": 503, "timed_out": 503,
}  # fmt: skip
GONE = 499  # the client went away; nobody reads the answer
_MOST_FAULTS = 3  # of a body, that are told
_OTHER_TYPE = frozenset({"string_type", "list_type", "model_type", "model_attributes_type", "dict_type"})
_INPUT = re.compile(r"[a-z ]{0,40}\binputs(?:\[\d{1,9}\])?")  # `text of inputs[3]`, as operations name places
_NAME = re.compile(r"[a-z_0-9]{1,64}")


class ErrorBody(BaseModel):
    """Why there is no answer."""

    error: str
    error_type: ErrorType
    request_id: str


class ServiceError(HTTPException):
    """A request that is not answered.

    Args:
        error_type: Which decides the status.
        message: What is wrong and what to do, for the client.
        retry_after: Seconds after which it may be sent again; None: that is not said.
        closes: Ends the connection with this answer.
    """

    def __init__(
        self, error_type: ErrorType, message: str, *, retry_after: int | None = None, closes: bool = False
    ) -> None:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if error_type == "unauthorized":
            headers["WWW-Authenticate"] = "Bearer"
        if closes:
            headers["Connection"] = "close"
        super().__init__(STATUS[error_type], message, headers or None)
        self.error_type = error_type

    def body(self, request_id: str) -> Record:
        """What is answered."""
        return {"error": self.detail, "error_type": self.error_type, "request_id": request_id}


def internal() -> ServiceError:
    """What a client is told of a fault; what it was stands in the log alone."""
    return ServiceError("internal", "a fault of the service; its log says more")


def ending() -> ServiceError:
    """What a client is told whose answer is not there when the service ends."""
    return ServiceError("unavailable", "the service is ending", retry_after=1, closes=True)


def of_status(status: int, detail: str) -> ServiceError:
    """The error of a status that the framework chose."""
    kinds: dict[int, ErrorType] = {400: "malformed", 404: "not_found", 405: "not_allowed"}
    return ServiceError(kinds.get(status, "internal"), detail)


def of_input(error: InputError) -> ServiceError:
    """What a client is told of an input that cannot be read: never where something lies on this machine."""
    place = error.where if error.where is not None and _INPUT.fullmatch(error.where) else None
    said = InputError(error.what, where=place, got=error.got, expected=error.expected)
    return ServiceError("unprocessable", str(said))


def of_faults(faults: Sequence[Any]) -> ServiceError:
    """What a client is told of a body that does not fit, from pydantic's list of faults."""
    if any(fault["type"] == "json_invalid" for fault in faults):
        return ServiceError("malformed", "the body is not JSON")
    deeper = [fault for fault in faults if fault["type"] not in _OTHER_TYPE] or faults  # one form of several was meant
    said = list(dict.fromkeys(f"{_place(fault['loc'])}: {_in_words(fault)}" for fault in deeper))
    more = f"; and {len(said) - _MOST_FAULTS} more" if len(said) > _MOST_FAULTS else ""
    return ServiceError("unprocessable", in_one_line("; ".join(said[:_MOST_FAULTS])) + more)


def _place(location: Sequence[object]) -> str:
    """Names and numbers of a place; what pydantic calls the types on the way is left out."""
    parts = (str(part) for part in location if isinstance(part, int) or _NAME.fullmatch(str(part)))
    return ".".join(part for part in parts if part not in ("body", "str")) or "body"


def _in_words(fault: Any) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses as FastAPI documents them."""
    kinds = {status: [one for one in get_args(ErrorType) if STATUS[one] == status] for status in statuses}
    return {status: {"model": ErrorBody, "description": ", ".join(kinds[status])} for status in statuses}
