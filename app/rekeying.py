"""Guests' keys wrapped anew by the current key of the settings, beside workers at work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from adapters.database.database import Database
from adapters.kafka.publishing import BrokerPublisher
from handlers.ports import ServiceKeys
from handlers.sealing import KeyTopic

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """How many keys were wrapped anew, and which of the settings' keys wrap some now."""

    wrapped: int
    in_use: Sequence[str]


async def rekey(
    database: Database,
    publisher: BrokerPublisher,
    topic: KeyTopic,
    service: ServiceKeys,
    advance: Callable[[int, int], None],
) -> Rekeyed:
    """May be stopped at any moment and run again: it goes on with what is left. Raises CannotOpen,
    DatabaseAway, OutputRefused, CannotPublish, KafkaError.
    """
    done = 0
    while found := await database.keys.wrapped_by_others(AT_ONCE):
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
    await database.keys.retire_others()
    return Rekeyed(done, await database.keys.names_in_use())
