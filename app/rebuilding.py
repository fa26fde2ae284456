"""A rebuild from its first look to its last word: who may run it, and what it did."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from adapters.database.database import open_database
from adapters.database.migrations import pending_migrations
from adapters.database.settings import DatabaseSettings
from adapters.kafka.reading import group_state, reading
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames
from app.settings.words import SealKey
from app.wiring import service_keys
from domain.rules import Rules
from handlers.ports import Rebuilt, Whole
from handlers.rebuild import Rebuild, Unusable

_WRITE_AT_ONCE = 2_000


class CannotRebuild(Exception):
    """Something has to be put right first; the message says what."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was done; `whole` is None after a rehearsal."""

    events: int
    versions: int
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
    is_rehearsal: bool,
    advance: Callable[[int, int], None],
) -> Report:
    """Raises CannotRebuild, DatabaseAway, DatabaseInUse, KafkaError."""
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
        rows, since = opened.rebuilding, {}
        if not is_rehearsal:
            since = dict(await rows.progress(names.events))
            if not since and not await rows.is_empty():
                raise CannotRebuild("the database is not empty: a rebuild needs a new one")
            # From here on it says of itself that it is half a database: no worker may start on it.
            await rows.write([], names.events, since or {0: 0})
        fold = Rebuild(keys, rules)
        versions, whole = 0, None
        async with reading(kafka, names.events, since=since) as topic:
            pending_rows: list[Rebuilt] = []
            reached: dict[int, int] = {}
            done = 0
            async for partition, offset, records in topic.batches():
                pending_rows += fold.read(records)
                done += len(records)
                advance(done, topic.length)
                # A version may go on in the next batch; what is open is read again after a crash.
                reached[partition] = fold.first_open(partition, offset)
                if len(pending_rows) >= _WRITE_AT_ONCE:
                    versions += len(pending_rows)
                    if not is_rehearsal:
                        await rows.write(pending_rows, names.events, reached)
                    pending_rows = []
            pending_rows += fold.rest()
            versions += len(pending_rows)
            if not is_rehearsal:
                await rows.write(pending_rows, names.events, reached)
        if not is_rehearsal:
            whole = await rows.finish(rules, names.commands, group.marks)
    finally:
        await opened.close()
    return Report(fold.events, versions, time.monotonic() - began, fold.unusable, whole)
