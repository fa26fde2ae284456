"""Which key seals what: the guests' keys of a wave, and the replies that were sealed before.

What is sealed is bound to where it lies, so that nobody who can write there can move it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from domain.booking import Booking
from handlers.ports import (
    DataKey,
    Erasure,
    GuestKeys,
    LaneTransaction,
    Output,
    StoredOutcome,
    WrappedKey,
)
from schemas.guest_keys import dump_key
from schemas.ids import id_text
from schemas.sealed import joined
from schemas.strict_json import json_bytes


async def keys_for(
    transaction: LaneTransaction, sent: Iterable[tuple[UUID, datetime]], now: datetime
) -> GuestKeys:
    """For what these guests' commands seal, in the transaction that writes it; each with when it
    was sent.
    """
    last: dict[UUID, datetime] = {}
    for guest_id, at in sent:
        before = last.setdefault(guest_id, at)
        if before < at:
            last[guest_id] = at
    return await transaction.guest_keys(last, now) if last else GuestKeys({}, {}, frozenset())


def still_theirs(booking: Booking, keys: GuestKeys, sent: datetime) -> Booking:
    """Without its guest, when they were erased since the command was sent or the booking was read:
    what is still in our hands must not be written down under a new key.
    """
    contact = booking.contact
    erasure = was_erased_since(keys, contact.guest_id, sent)
    if erasure is not None:
        contact = replace(contact, key_id=erasure.key_id)
        return replace(booking, contact=contact).without_person()
    if contact.is_erased:
        # What is told of them anew is theirs again.
        return replace(booking, contact=replace(contact, is_erased=not booking.is_personal))
    was_erased = contact.key_id is not None and contact.key_id not in keys.left
    return booking.without_person() if was_erased else booking


def was_erased_since(keys: GuestKeys, guest_id: UUID | None, sent: datetime) -> Erasure | None:
    """The erasure that came after a command of this guest was sent."""
    erasure = keys.erasures.get(guest_id) if guest_id is not None and keys.erasures else None
    return erasure if erasure is not None and erasure.at >= sent else None


def stored_with_row(row_id: UUID) -> str:
    """What the sealed part of a reply is bound to."""
    return f"outcomes.sealed/{id_text(row_id)}"


def event_part(booking_id: UUID, version: int) -> str:
    """What the guest's part of an event is bound to; our own part is, too."""
    return f"event/{id_text(booking_id)}/{version}"


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
        return Output(self.name, id_text(key.id).encode(), dump_key(key), ())

    def gone(self, key_id: UUID) -> Output:
        return Output(self.name, str(key_id).encode(), b"", (), is_tombstone=True)
