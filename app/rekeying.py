"""Guests' keys wrapped anew by the current key of the settings, beside workers at work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from adapters.database.database import Database
from handlers.ports import Publisher, ServiceKeys
from handlers.sealing import KeyTopic

AT_ONCE = 500


class CannotRekey(Exception):
    """Something has to be put right first; the message says what."""


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """How many keys were wrapped anew, and which of the settings' keys wrap some now."""

    wrapped: int
    in_use: Sequence[str]


async def rekey(
    database: Database,
    publisher: Publisher,
    topic: KeyTopic,
    service: ServiceKeys,
    advance: Callable[[int, int], None],
) -> Rekeyed:
    """May be stopped at any moment and run again: it goes on with what is left.

    Raises CannotRekey before anything is written, CannotOpen, DatabaseAway, OutputRefused,
    CannotPublish, KafkaError.
    """
    if service.current not in await database.keys.names_in_use():
        raise CannotRekey(
            f"no worker has started with {service.current!r} as its first key yet: what is wrapped"
            " by it here, nobody could open there"
        )
    await database.keys.check(datetime.now(UTC))
    done, after = 0, None
    while found := await database.keys.wrapped_by_others(after, AT_ONCE):
        after = found[-1].id
        again = [
            replace(key, wrapped=wrapped)
            for key in found
            if (wrapped := service.wrapped_again(key)) is not None
        ]
        # The topic first: whoever is interrupted here finds them once more in the database. Of a
        # guest who is erased meanwhile the tombstone is told again later (TOLD_AGAIN_AFTER).
        await publisher.publish([topic.key(key) for key in again])
        written = {key.id for key in await database.keys.write_wrapped(again)}
        gone = [key.id for key in again if key.id not in written]
        await publisher.publish([topic.gone(key_id) for key_id in gone])
        done += len(written)
        advance(done, done)
    await database.keys.seal_owed_again()
    await database.keys.retire_others()
    return Rekeyed(done, await database.keys.names_in_use())
