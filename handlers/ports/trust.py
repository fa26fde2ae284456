"""Who stands behind a record: clients by their tokens, the service by its own signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.principal import Principal
from domain.refusal import Refusal
from handlers.ports.log import Coordinates, Record


class KeysAway(Exception):
    """What tokens are signed with cannot be asked for now; the same records succeed later."""


class Authenticator(Protocol):
    """Tells who a client is."""

    async def prepare(self, records: Sequence[Record]) -> None:
        """Have the keys at hand that the tokens of these records ask for, as far as they exist.

        To be awaited before `authenticate`. Raises KeysAway when that cannot be known now.
        """
        ...

    def authenticate(self, authorization: bytes | None, at: datetime) -> Principal | Refusal:
        """Whose token it is, as of `at`; unauthenticated or forbidden otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class SignedBy:
    """What a valid signature vouches for; `origin` None: the service made the record itself."""

    principal: Principal
    origin: Coordinates | None
    run: int = 0  # above 0: a dead letter that was put back


class ServiceSigner(Protocol):
    """The service's own signature: on forwarded copies and on its own commands."""

    def verified(self, record: Record) -> SignedBy | None:
        """What is signed; None when there is no valid signature over this very record."""
        ...

    def forward_headers(
        self, record: Record, origin: Coordinates, principal: Principal, run: int = 0
    ) -> tuple[tuple[str, bytes], ...]:
        """The headers of a forwarded copy: the client's own but its token, and our signature."""
        ...

    def letter_headers(
        self, record: Record, origin: Coordinates, principal: Principal, run: int
    ) -> tuple[tuple[str, bytes], ...]:
        """The same for a dead letter, which is no command where it lies."""
        ...

    def verified_letter(self, letter: Record) -> SignedBy | None:
        """Who stands behind what is in a dead letter; None when nobody does."""
        ...

    def unsigned_headers(self, record: Record) -> tuple[tuple[str, bytes], ...]:
        """The client's own headers but its token: nothing by which anybody stands behind it."""
        ...

    def system_headers(self, value: bytes) -> tuple[tuple[str, bytes], ...]:
        """The headers by which a lane knows the service's own command."""
        ...
