"""Makes an empty database whole from the events: by version, whatever the order they lie in.

No partner is called and nothing is published. What no event tells of is lost: refusals and their
keys, commands that had only started, and what was still owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.booking import Booking
from domain.commands import command_row_id
from domain.permissions import sees_notes
from domain.principal import Principal
from domain.rules import Rules
from handlers.outputs import dump_outputs
from handlers.ports import (
    CannotOpen,
    Coordinates,
    DataKey,
    KeyClaim,
    Output,
    Rebuilt,
    Record,
    Sealer,
    Start,
    StoredOutcome,
    key_id_of,
)
from handlers.sealing import event_part, seal_reply
from schemas.booking import booking_json
from schemas.recovered import WRONG_SHAPE, EventRead, PayloadRead, booking_from, read_event
from schemas.replies import success_body
from schemas.sealed import (
    VERSION,
    CommandPart,
    GuestPart,
    load_guest_part,
    load_service_part,
    parted,
)
from schemas.stored import load_principal

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Unusable:
    """An event that nothing can be rebuilt from."""

    partition: int
    offset: int
    why: str


@dataclass(slots=True)
class Version:
    """One version's events as they lie next to each other in their partition."""

    partition: int
    offset: int
    first: EventRead
    outputs: list[Output]
    ids: set[UUID]

    @property
    def key_id(self) -> UUID | None:
        """The guest's key that it was sealed with. Raises CannotOpen when it says no such thing."""
        sealed = self.first.payload.sealed
        return key_id_of(sealed.guest) if sealed is not None and sealed.guest else None

    def is_of(self, event: EventRead) -> bool:
        """Whether the same command published it."""
        ours, theirs = self.first.payload, event.payload
        return (
            ours.booking_id == theirs.booking_id
            and ours.booking_version == theirs.booking_version
            and ours.command_id == theirs.command_id
        )


@dataclass(slots=True)
class Rebuild:
    """Feed it the events' records, partition by partition in the order of their offsets: `read` and
    `rest` give the versions that are complete, and `rebuilt` what they were, once their keys are
    there.
    """

    sealer: Sealer
    rules: Rules
    events: int = 0
    versions: int = 0
    erased: int = 0  # versions whose guest's key is gone
    unusable: list[Unusable] = field(default_factory=list)
    _open: dict[int, Version] = field(default_factory=dict)
    _first_unusable: dict[int, int] = field(default_factory=dict)

    def read(self, records: Sequence[Record]) -> list[Version]:
        """The versions that are complete; the last of a partition stays open for more events."""
        complete: list[Version] = []
        for record in records:
            self.events += 1
            try:
                event = read_event(record.value)
            except ValueError as error:
                self._tell(record.partition, record.offset, str(error))
                continue
            version = self._open.get(record.partition)
            if version is None or not version.is_of(event):
                if version is not None:
                    complete.append(version)
                version = Version(record.partition, record.offset, event, [], set())
                self._open[record.partition] = version
            if event.event_id not in version.ids:
                version.ids.add(event.event_id)
                version.outputs.append(_output(record))
        return complete

    def rest(self) -> list[Version]:
        """What was still open, when nothing more comes."""
        rest = list(self._open.values())
        self._open.clear()
        return rest

    def keys_needed(self, versions: Iterable[Version]) -> set[UUID]:
        """The guests' keys that open them; those that are not destroyed."""
        needed: set[UUID] = set()
        for version in versions:
            with suppress(CannotOpen):  # `rebuilt` tells of it
                if (key_id := version.key_id) is not None:
                    needed.add(key_id)
        return needed

    def rebuilt(self, versions: Iterable[Version], keys: Mapping[UUID, DataKey]) -> list[Rebuilt]:
        """What they were, given those of the keys that are left."""
        found: list[Rebuilt] = []
        for version in versions:
            try:
                found.append(self._rebuilt(version, keys))
            except CannotOpen as error:
                self._tell(version.partition, version.offset, str(error))
            except WRONG_SHAPE as error:
                self._tell(version.partition, version.offset, f"it cannot be read: {error!r}")
        self.versions += len(found)
        return found

    def first_open(self, partition: int, otherwise: int) -> int:
        """Where to read on after what was given out: the first event of the version still open, or
        one that could not be used, so that whoever goes on is told of it too.
        """
        version = self._open.get(partition)
        reached = otherwise if version is None else version.offset
        return min(reached, self._first_unusable.get(partition, reached))

    def _tell(self, partition: int, offset: int, why: str) -> None:
        self.unusable.append(Unusable(partition, offset, why))
        first = self._first_unusable.get(partition, offset)
        self._first_unusable[partition] = min(first, offset)

    def _rebuilt(self, version: Version, keys: Mapping[UUID, DataKey]) -> Rebuilt:
        event, payload = version.first, version.first.payload
        sealed = payload.sealed
        if sealed is None or sealed.v != VERSION:
            raise ValueError(f"it has no sealed part of version {VERSION}")
        place = event_part(payload.booking_id, payload.booking_version)
        ours = load_service_part(self.sealer.open(sealed.service, place))
        key_id = version.key_id
        key = keys.get(key_id) if key_id else None
        theirs = load_guest_part(key.open(sealed.guest or "", place)) if key else GuestPart()
        sealed_with = key_id or ours.command.erased_with
        booking = booking_from(payload, theirs.personal, sealed_with)
        if key is None and sealed_with is not None:
            booking = booking.without_person()
            self.erased += 1
        principal = load_principal(ours.command.principal)
        start = _start(payload, booking, ours.command, principal)
        shown = _shown(booking, principal, theirs.client_secret)
        reply, sealed_reply = _reply(start, ours.command.status, event.timestamp, shown, key)
        return Rebuilt(
            booking=booking,
            history=ours.history and replace(ours.history, reason=theirs.reason),
            start=start,
            outcome=StoredOutcome(
                ours.command.status, None, reply, dump_outputs(version.outputs), None, sealed_reply
            ),
            recorded_at=event.timestamp,
            key=self._key(payload, start),
            data_key=key,
        )

    def _key(self, payload: PayloadRead, start: Start) -> KeyClaim | None:
        if start.key_id is None:
            return None
        expires_at = start.decided + self.rules.idempotency_window
        return KeyClaim(start.key_id, start.row_id, payload.request_hash, start.sent, expires_at)


def _output(record: Record) -> Output:
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Output(record.topic, record.key, record.value or b"", headers)


def _start(
    payload: PayloadRead, booking: Booking, command: CommandPart, principal: Principal
) -> Start:
    at = payload.input
    is_create = command.operation == "create_booking"
    return Start(
        row_id=command_row_id(principal, payload.command_id),
        principal=command.principal,
        command_id=payload.command_id,
        operation=command.operation,
        content_hash=payload.content_hash,
        coordinates=Coordinates(at.topic, at.partition, at.offset, _milliseconds(at.timestamp)),
        origin=Coordinates(*command.origin),
        sent=command.sent,
        decided=command.decided,
        run=command.run,
        booking_id=booking.id,
        booking_reference=booking.reference if is_create else None,
        reply_route=command.reply_route,
        key_id=command.key_id,
    )


def _shown(booking: Booking, principal: Principal, client_secret: str | None) -> dict[str, Any]:
    shown = booking_json(booking, with_notes=sees_notes(principal))
    return shown if client_secret is None else shown | {"payment_client_secret": client_secret}


def _reply(
    start: Start, status: int, at: datetime, shown: dict[str, Any], key: DataKey | None
) -> tuple[str | None, str | None]:
    """As its row holds it: written by what wrote it first, from the same values, and so the same to
    the byte.
    """
    if start.reply_route is None:
        return None, seal_reply(key, start.row_id, {})
    shown, personal = parted(shown)
    body = success_body("command_id", start.command_id, start.operation, status, at, shown)
    return body.decode(), seal_reply(key, start.row_id, personal)


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND
