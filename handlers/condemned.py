"""Poison: a record that brought the worker down, or raised, three times alone is set aside.

What its command had begun is given back; it is answered with `internal_error` and dead-lettered.
Nothing of it is parsed that was not parsed before without harm: only a command whose start is
written is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from domain.booking import Booking
from domain.refusal import Code, Refusal
from handlers.begun import Begun
from handlers.closings import Closing
from handlers.dead_letter import Reason
from handlers.ended import Told
from handlers.intake import Intake, TurnedAway
from handlers.journal import Journal
from handlers.ports import CannotOpen, KnownCommand, LaneTransaction, Output, Record, SignedBy
from handlers.record import Recorder
from handlers.rounds import Failed
from handlers.survey import asks_about_bookings, guest_of, venue_of
from schemas.headers import Headers
from schemas.replies import refusal_body

_log = structlog.get_logger(__name__)

TRIES: Final = 3
"""So often a record may fail alone; together with the batch that it failed in first, a healthy
command has to meet with four accidents in a row before it is taken for poison."""
_REFUSAL: Final = Refusal(
    Code.INTERNAL_ERROR, "The service failed on this command again and again; it is set aside."
)
_UNKNOWN: Final = "; what it had begun cannot be read"


@dataclass(frozen=True, slots=True)
class Condemning:
    """Counts the tries of suspected records, and ends those that have had theirs."""

    intake: Intake
    recorder: Recorder
    clock: Callable[[], datetime]

    async def outputs(
        self, transaction: LaneTransaction, record: Record, is_published: bool
    ) -> list[Output] | None:
        """Count one more try; None when it may be made, else what is published in its stead."""
        failures = await transaction.count_attempt(record.coordinates) - 1
        if failures < TRIES:
            return None
        here = record.coordinates
        known = (await transaction.find_by_coordinates([here])).get(here)
        if known is not None and known.outcome is not None:
            return None  # it has ended: what is left to do is to publish it
        _log.error(
            "poison set aside",
            partition=record.partition,
            offset=record.offset,
            row_id=str(known.start.row_id) if known else None,
        )
        if known is None:
            return [] if is_published else self._never_started(record, failures)
        return await self._ended(transaction, record, known, failures)

    def _never_started(self, record: Record, failures: int) -> list[Output]:
        """It failed before its start was written: nothing was begun, and nobody knows its id.

        Who stands behind it is known only of what we signed, a forwarded copy for one.
        """
        now, signed = self.clock(), self._signed(record)
        letter = self.intake.letters.letter(
            record,
            (signed and signed.origin) or record.coordinates,
            Reason.POISON,
            "failed while it was read",
            now,
            attempts=failures,
            principal=signed.principal if signed else None,
            run=signed.run if signed else 0,
        )
        self._ends(TurnedAway(record, [], code=_REFUSAL.code).told)
        route = self.intake.routes.route(Headers.of(record.headers), None)
        if route is None:
            return [letter]
        return [route.reply(refusal_body("command_id", None, None, now, _REFUSAL)), letter]

    def _signed(self, record: Record) -> SignedBy | None:
        try:
            return self.intake.signer.verified(record)
        except ValueError:  # of a newer version; a blocked lane would be the greater harm
            return None

    async def _ended(
        self, transaction: LaneTransaction, record: Record, known: KnownCommand, failures: int
    ) -> list[Output]:
        item = self.intake.known(record, known)
        bookings = await _bookings(transaction, asks_about_bookings([item]))
        item.venue_id, item.guest_id = venue_of(item, bookings), guest_of(item, bookings)
        detail = f"failed {failures} times alone"
        try:
            journal = Journal(known.journal)
        except ValueError as error:
            _log.error("journal cannot be read", row_id=str(item.row_id), reason=str(error))
            journal, detail = Journal(), detail + _UNKNOWN
        failed = Failed(detail, Reason.POISON, failures)
        closing = Closing(Begun(item, known.start, known.journal), failed, journal)
        try:
            await self.recorder.record(transaction, [closing], self.clock())
        except CannotOpen as error:
            _log.error("the guest's key cannot be opened", reason=str(error))
            await self.recorder.record(transaction, [closing], self.clock(), without_keys=True)
        self._ends(item.told)
        return item.outputs

    def _ends(self, told: Told | None) -> None:
        if told is not None:
            self.intake.watch.ends([told])


async def _bookings(transaction: LaneTransaction, ids: Sequence[UUID]) -> Mapping[UUID, Booking]:
    """None where one of them cannot be opened: it must end without."""
    try:
        return await transaction.find_bookings(ids)
    except CannotOpen as error:
        _log.error("the booking cannot be opened", reason=str(error))
        return {}
