"""One kind of call as a row of a table: how it is asked, and what each status means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from domain.effects import PartnerAnswer, PartnerCall

C = TypeVar("C", bound=PartnerCall)


class Body(msgspec.Struct, omit_defaults=True):
    """What is sent, its fields in their order; one that is None is left out, never sent as null."""


class GarbledError(Exception):
    """An answer that no partner should give; the message says what was expected, and what came."""


class FailedError(Exception):
    """An answer in good order that says it could not be done."""


@dataclass(frozen=True, slots=True)
class Exchange(Generic[C]):
    """`path` may depend on the call; `body` None is a GET. `success` reads any 2xx.

    The readers get the answer's body and the call. They raise GarbledError or FailedError.
    """

    path: str | Callable[[C], str]
    body: Callable[[C], Body] | None
    success: Callable[[bytes, C], PartnerAnswer]
    refusals: Mapping[int, Callable[[bytes, C], PartnerAnswer]] = field(default_factory=dict)

    def path_of(self, call: C) -> str:
        """The path below the partner's base address."""
        return self.path if isinstance(self.path, str) else self.path(call)

    def reader(self, status: int) -> Callable[[bytes, C], PartnerAnswer] | None:
        """What reads an answer with this status; None when it has no meaning here."""
        return self.success if 200 <= status < 300 else self.refusals.get(status)
