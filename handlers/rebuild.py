"""Makes an empty database whole from the events: by version, whatever the order they lie in.

No partner is called and nothing is published. What no event tells of is lost: refusals and their
keys, commands that had only started, and what was still owed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.booking import Booking
from domain.commands import command_row_id
from domain.permissions import sees_notes
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
from schemas.recovered import WRONG_SHAPE, EventRead, booking_from, read_event
from schemas.replies import success_body
from schemas.sealed import (
    VERSION,
    CommandPart,
    GuestPart,
    ServicePart,
    load_guest_part,
    load_service_part,
    parted,
)
from schemas.stored import load_principal

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Unusable:
    """An event that nothing can be rebuilt from."""

    partition: int
    offset: int
    why: str


@dataclass(slots=True)
class _Version:
    """One version's events as they lie next to each other in their partition."""

    offset: int
    first: EventRead
    outputs: list[Output]
    ids: set[str]


@dataclass(slots=True)
class Rebuild:
    """Feed it the events' records, partition by partition in the order of their offsets."""

    sealer: Sealer
    rules: Rules
    keys: Mapping[UUID, DataKey] = field(default_factory=dict)  # those that are not destroyed
    events: int = 0
    erased: int = 0  # versions whose guest's key is gone
    unusable: list[Unusable] = field(default_factory=list)
    _open: dict[int, _Version] = field(default_factory=dict)
    _first_unusable: dict[int, int] = field(default_factory=dict)

    def keys_needed(self, records: Sequence[Record]) -> set[UUID]:
        """The guests' keys that have to be in `keys` when these are read."""
        named = {_guest_key(version.first) for version in self._open.values()}
        for record in records:
            try:
                named.add(_guest_key(read_event(record.value)))
            except (ValueError, CannotOpen):  # `read` tells of it
                continue
        return {each for each in named if each is not None}

    def read(self, records: Sequence[Record]) -> list[Rebuilt]:
        """The versions that are complete; the last of a partition stays open for more events."""
        complete: list[Rebuilt] = []
        for record in records:
            self.events += 1
            try:
                event = read_event(record.value)
            except ValueError as error:
                self._tell(record.partition, record.offset, str(error))
                continue
            version = self._open.get(record.partition)
            if version is None or _identity(version.first) != _identity(event):
                complete += self._closed(record.partition)
                version = self._open[record.partition] = _Version(record.offset, event, [], set())
            if event.event_id not in version.ids:
                version.ids.add(event.event_id)
                version.outputs.append(_output(record))
        return complete

    def rest(self) -> list[Rebuilt]:
        """What was still open, when nothing more comes."""
        return [each for partition in list(self._open) for each in self._closed(partition)]

    def first_open(self, partition: int, otherwise: int) -> int:
        """Where to read on after what was given out: the first event of the version still open, or
        one that could not be used, so that whoever goes on is told of it too.
        """
        version = self._open.get(partition)
        reached = otherwise if version is None else version.offset
        return min(reached, self._first_unusable.get(partition, reached))

    def _closed(self, partition: int) -> list[Rebuilt]:
        version = self._open.pop(partition, None)
        if version is None:
            return []
        try:
            return [self._rebuilt(version)]
        except CannotOpen as error:
            self._tell(partition, version.offset, str(error))
        except WRONG_SHAPE as error:
            self._tell(partition, version.offset, f"it cannot be read: {error!r}")
        return []

    def _tell(self, partition: int, offset: int, why: str) -> None:
        self.unusable.append(Unusable(partition, offset, why))
        first = self._first_unusable.get(partition, offset)
        self._first_unusable[partition] = min(first, offset)

    def _rebuilt(self, version: _Version) -> Rebuilt:
        event = version.first
        ours, theirs, key = self._opened(event)
        booking = booking_from(event.payload, theirs.personal)
        sealed_with = _guest_key(event) or ours.command.erased_with
        booking = replace(booking, contact=replace(booking.contact, key_id=sealed_with))
        if key is None and sealed_with is not None:
            booking = booking.without_person()
            self.erased += 1
        history = ours.history and replace(ours.history, reason=theirs.reason)
        start = _start(event.payload, booking, ours.command)
        reply, sealed = _reply(event, booking, ours.command, theirs.client_secret, key)
        return Rebuilt(
            booking=booking,
            history=history,
            start=start,
            outcome=StoredOutcome(
                ours.command.status, None, reply, dump_outputs(version.outputs), None, sealed
            ),
            recorded_at=event.at,
            key=self._key(event.payload, start, ours.command.key_id),
            data_key=key,
        )

    def _opened(self, event: EventRead) -> tuple[ServicePart, GuestPart, DataKey | None]:
        """Our part, the guest's, and the guest's key, which is None when it is gone."""
        envelope = event.payload.get("sealed")
        if not isinstance(envelope, dict) or envelope.get("v") != VERSION:
            raise ValueError(f"it has no sealed part of version {VERSION}")
        place = event_part(event.booking_id, event.version)
        ours = load_service_part(self.sealer.open(envelope["service"], place))
        key_id = _guest_key(event)
        key = self.keys.get(key_id) if key_id else None
        if key is None:
            return ours, GuestPart(), None
        return ours, load_guest_part(key.open(envelope["guest"], place)), key

    def _key(self, payload: dict[str, Any], start: Start, key_id: UUID | None) -> KeyClaim | None:
        if key_id is None:
            return None
        expires_at = start.decided + self.rules.idempotency_window
        return KeyClaim(key_id, start.row_id, payload["request_hash"], start.sent, expires_at)


def _guest_key(event: EventRead) -> UUID | None:
    envelope = event.payload.get("sealed")
    guest = envelope.get("guest") if isinstance(envelope, dict) else None
    return key_id_of(str(guest)) if guest else None


def _identity(event: EventRead) -> tuple[UUID, int, str]:
    return event.booking_id, event.version, str(event.payload.get("command_id"))


def _output(record: Record) -> Output:
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Output(record.topic, record.key, record.value or b"", headers)


def _start(payload: dict[str, Any], booking: Booking, command: CommandPart) -> Start:
    at, command_id = payload["input"], UUID(payload["command_id"])
    is_create = command.operation == "create_booking"
    return Start(
        row_id=command_row_id(load_principal(command.principal), command_id),
        principal=command.principal,
        command_id=command_id,
        operation=command.operation,
        content_hash=payload["content_hash"],
        coordinates=Coordinates(
            at["topic"], at["partition"], at["offset"], _milliseconds(at["timestamp"])
        ),
        origin=Coordinates(*command.origin),
        sent=command.sent,
        decided=command.decided,
        run=command.run,
        booking_id=booking.id,
        booking_reference=booking.reference if is_create else None,
        reply_route=command.reply_route,
        key_id=command.key_id,
    )


def _reply(
    event: EventRead,
    booking: Booking,
    command: CommandPart,
    client_secret: str | None,
    key: DataKey | None,
) -> tuple[str | None, str | None]:
    """As its row holds it: written by what wrote it first, from the same values, and so the same to
    the byte.
    """
    principal, command_id = load_principal(command.principal), UUID(event.payload["command_id"])
    row_id = command_row_id(principal, command_id)
    if command.reply_route is None:
        return None, seal_reply(key, row_id, {})
    shown = booking_json(booking, with_notes=sees_notes(principal))
    if client_secret is not None:
        shown["payment_client_secret"] = client_secret
    shown, personal = parted(shown)
    body = success_body(
        "command_id", command_id, command.operation, command.status, event.at, shown
    )
    return body.decode(), seal_reply(key, row_id, personal)


def _milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)
