"""A rebuild from its first look to its last word: who may run it, and what it did."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from adapters.database.database import Database, open_database
from adapters.database.migrations import pending_migrations
from adapters.database.settings import DatabaseSettings
from adapters.kafka.reading import group_state, reading
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames
from app.operators import deed
from app.settings.words import SealKey
from app.wiring import sealer
from domain.rules import Rules
from handlers.audit import Auditor
from handlers.audit_chain import ChainKeys
from handlers.ports import Effect, Rebuilt, Whole
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
    opened = open_database(database)
    try:
        rows, since = opened.rebuilding, dict[int, int]()
        if not is_rehearsal:
            since = await _begin(opened, names.events, audit_keys)
        fold = Rebuild(sealer(seal_keys), rules)
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
