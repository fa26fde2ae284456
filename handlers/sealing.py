"""Which key seals what: the guests' keys of a wave, and the replies that were sealed before.

What is sealed is bound to where it lies, so that nobody who can write there can move it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from domain.booking import Booking
from handlers.ports import (
    DataKey,
    LaneTransaction,
    Output,
    StoredOutcome,
    WrappedKey,
    key_id_of,
)
from schemas.guest_keys import dump_key
from schemas.sealed import joined
from schemas.strict_json import json_bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """The guests' keys that a wave seals with; asked for once, when all of it has ended."""

    by_guest: Mapping[UUID, DataKey]

    def of(self, guest_id: UUID | None) -> DataKey | None:
        return self.by_guest.get(guest_id) if guest_id is not None else None

    def named_in(self, sealed: str) -> DataKey | None:
        """The one that it was sealed with, if that is among them."""
        key_id = key_id_of(sealed)
        return next((key for key in self.by_guest.values() if key.id == key_id), None)


async def keys_for(transaction: LaneTransaction, guest_ids: Iterable[UUID], now: datetime) -> Keys:
    """In the transaction that writes what they seal."""
    guests = sorted(set(guest_ids))
    return Keys(await transaction.data_keys(guests, now) if guests else {})


def still_theirs(booking: Booking, key: DataKey | None) -> Booking:
    """Without its guest, when the key that it was read with has been destroyed meanwhile: what is
    still in our hands must not be written down under a new one.
    """
    contact = booking.contact
    was_erased = contact.key_id is not None and (key is None or key.id != contact.key_id)
    return booking.without_person() if was_erased and not contact.is_erased else booking


def stored_with_row(row_id: UUID) -> str:
    """What the sealed part of a reply is bound to."""
    return f"outcomes.sealed/{row_id}"


def event_part(booking_id: UUID, version: int) -> str:
    """What the guest's part of an event is bound to; our own part is, too."""
    return f"event/{booking_id}/{version}"


def seal_reply(key: DataKey | None, row_id: UUID, personal: Mapping[str, Any]) -> str | None:
    """The personal part of a reply, for the row of its command, which by it names the key that the
    command's outputs are sealed with; None when there is neither.
    """
    if key is None:
        if personal:
            raise ValueError("expected the guest's key for what is personal, got none")
        return None
    return key.seal(json_bytes(personal), stored_with_row(row_id))


def personal_part(row_id: UUID, outcome: StoredOutcome, key: DataKey | None) -> dict[str, Any]:
    """Of a stored reply; of an erased guest there is none."""
    if outcome.sealed is None:
        return {}
    if key is None:
        return {"guest_erased": True}
    opened: dict[str, Any] = orjson.loads(key.open(outcome.sealed, stored_with_row(row_id)))
    return opened


def reply_of(row_id: UUID, outcome: StoredOutcome, key: DataKey | None) -> bytes | None:
    """The body as it was published, byte for byte; without its guest if that one is erased."""
    if outcome.reply is None:
        return None
    personal = personal_part(row_id, outcome, key)
    return joined(outcome.reply, personal) if personal else outcome.reply.encode()


@dataclass(frozen=True, slots=True)
class KeyTopic:
    """Where guests' keys lie for a rebuild, wrapped; compacted, a tombstone for each that is gone.

    A key is never among stored outputs: it is looked up when they are published again, so that
    nothing brings back one that was destroyed meanwhile.
    """

    name: str

    def key(self, key: DataKey | WrappedKey) -> Output:
        return Output(self.name, str(key.id).encode(), dump_key(key), ())

    def gone(self, key_id: UUID) -> Output:
        return Output(self.name, str(key_id).encode(), b"", (), is_tombstone=True)
