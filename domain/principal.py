"""Who asks: a guest, a business with its venues, an admin, or the service itself."""

from __future__ import annotations

from uuid import UUID

from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Guest:
    id: UUID

    @property
    def label(self) -> str:
        return f"guest:{self.id}"


@dataclass(frozen=True, slots=True)
class Business:
    """Staff and managers alike: what they may do follows from the venues named in their token."""

    id: str
    venue_ids: frozenset[UUID]

    @property
    def label(self) -> str:
        return f"business:{self.id}"


@dataclass(frozen=True, slots=True)
class Admin:
    id: str

    @property
    def label(self) -> str:
        return f"admin:{self.id}"


@dataclass(frozen=True, slots=True)
class System:
    """The service itself, proven by its own signature and never by a token."""

    @property
    def label(self) -> str:
        return "system"


Principal = Guest | Business | Admin | System
"""`label` is what stands in `changed_by` and scopes command ids and idempotency keys."""
