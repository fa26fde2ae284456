"""How long what only grows is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from app.settings.section import Section, setting
from domain.retention import Keeping, Period

Days = Annotated[int, Field(ge=0, le=36_500)]


def _kept(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None


class RetentionSection(Section, prefix="BOOKING_RETENTION__"):
    """How long what only grows is kept; docs/data.md says what goes, and how."""

    commands_days: Days = setting(
        "a whole number of days, 0 for ever",
        "How long ended commands keep their reply, events and story; their ids are kept for ever."
        " Never shorter than an idempotency key is held",
        90,
    )
    bookings_days: Days = setting(
        "a whole number of days, 0 for ever",
        "How long bookings that have ended are kept, with their history, after their end and their"
        " last change; ids and references stay taken",
        0,
    )
    partition: Period = setting(
        "day or month",
        "How much time a partition of PostgreSQL holds, from the next one that is made",
        Period.MONTH,
    )

    def value(self, idempotency_window: timedelta) -> Keeping:
        keeping = Keeping(_kept(self.commands_days), _kept(self.bookings_days), self.partition)
        return keeping.at_least(idempotency_window)
