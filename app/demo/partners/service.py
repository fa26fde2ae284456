"""The shape of a stand-in service: named calls that turn a body into an answer, without any I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

Json: TypeAlias = dict[str, Any]


class Answer(NamedTuple):
    """What a service says, and whether the world is another one because of it."""

    status: int
    payload: Json
    effect: bool = False


class Call(NamedTuple):
    """A call that the service knows: its name in ledger and faults, and what answers it.

    `answer` gets the body and the id from the path ("" when the path has none).
    """

    name: str
    answer: Callable[[Json, str], Answer]


class Service(Protocol):
    """One partner's books and the rules by which they change."""

    def route(self, method: str, path: str) -> tuple[Call, str] | None:
        """The call behind a path and the id inside it; None when there is none."""
        ...

    def configure(self, path: str, settings: Json) -> None:
        """Take an admin's `PUT <path>`; KeyError, TypeError or ValueError when it is wrong."""
        ...

    def state(self) -> Json:
        """What stands: holds, intents, refunds."""
        ...


def refused(status: int, code: str, detail: str) -> Answer:
    """A refusal in the form that all three services share."""
    return Answer(status, {"error": code, "detail": detail})
