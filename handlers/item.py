"""A command of the batch that a principal stands behind, on its way from record to outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.commands import Asked, Command
from domain.refusal import Refusal
from handlers.ended import Ended, Told
from handlers.ports import AuditEntry, Coordinates, Output, Record
from handlers.routes import ReplyRoute
from schemas.envelope import RawCommand


@dataclass(eq=False, slots=True)
class Item:
    """What intake found out from the record alone; the pipeline adds its outputs."""

    record: Record
    origin: Coordinates  # of the record that the client sent; the record's own unless forwarded
    sent: datetime  # the origin's broker timestamp
    asked: Asked
    raw: RawCommand
    command: Command | None  # None when refused already
    refusal: Refusal | None  # not valid, or not for this role: recorded without being run
    route: ReplyRoute | None  # None for the service's own commands
    deadline: datetime | None
    key_id: UUID | None  # of the idempotency key, when it has one and may take it
    correlation_id: bytes  # echoed on events too
    traceparent: bytes | None
    trace: Mapping[str, str]  # the headers that continue it at the partners
    venue_id: UUID | None = None  # whose lane does it, as far as the survey found out
    guest_id: UUID | None = None  # whose booking it is about, as far as the survey found out
    outputs: list[Output] = field(default_factory=list)
    is_published: bool = False  # below its lane's mark: what it led to is known everywhere
    note: AuditEntry | None = None  # of an answer that is not recorded with an outcome
    ended: Ended | None = None  # None as well for what has no end here: sent on, or known already

    @property
    def booking_id(self) -> UUID | None:
        return getattr(self.command, "booking_id", None)

    @property
    def row_id(self) -> UUID:
        return self.asked.row_id

    @property
    def told(self) -> Told | None:
        """For those who look on, once it has ended."""
        if self.ended is None:
            return None
        return Told(
            self.record,
            self.raw.type,
            self.ended,
            self.sent,
            self.raw.command_id,
            self.booking_id,
            self.correlation_id,
            self.traceparent,
        )
