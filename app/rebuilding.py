"""A rebuild from its first look to its last word: who may run it, and what it did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from adapters.database.database import Database, open_database
from adapters.database.migrations import pending_migrations
from adapters.database.settings import DatabaseSettings
from adapters.kafka.reading import group_state, reading
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames
from app.operators import deed
from app.settings.words import SealKey
from app.wiring import service_keys
from domain.rules import Rules
from handlers.audit import Auditor
from handlers.audit_chain import ChainKeys
from handlers.ports import (
    DataKey,
    Effect,
    RebuildRows,
    Rebuilt,
    ServiceKeys,
    Whole,
    WrappedKey,
)
from handlers.rebuild import Rebuild, Unusable
from schemas.guest_keys import load_key


class CannotRebuild(Exception):
    """Something has to be put right first; the message says what."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was done; `whole` is None after a rehearsal."""

    events: int
    versions: int
    erased: int  # versions of guests whose keys are gone
    seconds: float
    unusable: Sequence[Unusable]
    whole: Whole | None

    @property
    def is_whole(self) -> bool:
        """Whether the database is what the events tell, without a hole."""
        holes = self.whole is not None and (self.whole.gaps or self.whole.overlapping)
        return not self.unusable and not holes

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "is_whole": self.is_whole}


async def rebuild_database(
    kafka: KafkaSettings,
    database: DatabaseSettings,
    rules: Rules,
    seal_keys: Sequence[SealKey],
    *,
    audit_keys: ChainKeys | None,
    is_rehearsal: bool,
    advance: Callable[[int, int], None],
) -> Report:
    """Raises CannotRebuild, DatabaseAway, DatabaseInUse, KafkaError.

    What is no rehearsal needs `audit_keys`: the log says who did it, and keeps what stood in it.
    """
    names, began = TopicNames(kafka.topic_prefix), time.monotonic()
    group = await group_state(kafka, names.commands)
    if group.members and not is_rehearsal:
        raise CannotRebuild(
            f"{group.members} worker(s) of the group {kafka.group_id} are at work: stop them first"
        )
    if pending := pending_migrations(database.url):
        raise CannotRebuild(f"the database lacks {len(pending)} migration(s): run booking migrate")
    keys = service_keys(seal_keys)
    opened = open_database(database, keys)
    try:
        rows, since = opened.rebuilding, dict[int, int]()
        if not is_rehearsal:
            since = await _begin(opened, names.events, audit_keys)
        fold = Rebuild(keys, rules)
        wrapped, gone = await _guests_keys(kafka, names.guest_keys, fold.unusable)
        # In a rehearsal everything is read and folded, and nothing written.
        into = None if is_rehearsal else rows
        if into is not None:
            await into.write_keys(list(wrapped.values()), gone)
        versions, whole = 0, None
        async with reading(kafka, names.events, since=since) as topic:
            reached: dict[int, int] = {}
            done = 0
            async for partition, offset, records in topic.batches():
                fold.keys = _unwrapped(fold.keys_needed(records), wrapped, keys)
                found = fold.read(records)
                done += len(records)
                advance(done, topic.length)
                # A version may go on in the next batch; what is open is read again after a crash.
                reached[partition] = fold.first_open(partition, offset)
                versions += await _write(into, found, names.events, reached)
            versions += await _write(into, fold.rest(), names.events, reached)
        if not is_rehearsal:
            whole = await rows.finish(rules, names.commands, group.marks)
    finally:
        await opened.close()
    seconds = time.monotonic() - began
    return Report(fold.events, versions, fold.erased, seconds, fold.unusable, whole)


async def _write(
    rows: RebuildRows | None, found: Sequence[Rebuilt], topic: str, reached: Mapping[int, int]
) -> int:
    """How many versions that were."""
    if rows is not None:
        await rows.write(found, topic, reached)
    return len(found)


def _unwrapped(
    key_ids: Iterable[UUID], wrapped: Mapping[UUID, WrappedKey], service: ServiceKeys
) -> Mapping[UUID, DataKey]:
    return {
        each: service.unwrapped(key.id, key.guest_id, key.wrapped)
        for each in key_ids
        if (key := wrapped.get(each)) is not None
    }


async def _guests_keys(
    kafka: KafkaSettings, topic: str, unusable: list[Unusable]
) -> tuple[Mapping[UUID, WrappedKey], Set[UUID]]:
    """All that are left, and those that are gone: one that has a tombstone is, whatever stands
    behind that.
    """
    found: dict[UUID, WrappedKey] = {}
    gone: set[UUID] = set()
    async with reading(kafka, topic) as read:
        async for _, _, records in read.batches():
            for record in records:
                try:
                    if record.value is None:
                        gone.add(UUID((record.key or b"").decode()))
                        continue
                    key_id, guest_id, wrapped = load_key(record.value)
                except ValueError as error:
                    why = f"in {topic}: {error}"
                    unusable.append(Unusable(record.partition, record.offset, why))
                    continue
                created_at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
                found[key_id] = WrappedKey(key_id, guest_id, wrapped, created_at)
    return {key_id: key for key_id, key in found.items() if key_id not in gone}, gone


async def _begin(opened: Database, events: str, keys: ChainKeys | None) -> dict[int, int]:
    """Where it goes on; the audit log says who does it."""
    if keys is None:
        raise ValueError("expected keys of the audit log for a rebuild")
    rows = opened.rebuilding
    since = dict(await rows.progress(events))
    if not since and not await rows.is_empty():
        raise CannotRebuild("the database is not empty: a rebuild needs a new one")
    await Auditor(keys).write(opened.audit, [deed("rebuild", Effect.REBUILT)])
    # From here on it says of itself that it is half a database: no worker may start on it.
    await rows.write([], events, since or {0: 0})
    return since
