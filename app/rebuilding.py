"""A rebuild from its first look to its last word: who may run it, and what it did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from adapters.database.database import Database, open_database
from adapters.database.revisions import pending_migrations
from adapters.kafka.reading import group_state
from app.operators import deed
from app.rebuild_part import Advance, Part, Plan, Step
from app.rebuild_processes import Processes
from app.wiring import service_keys
from handlers.audit import Auditor
from handlers.audit_chain import ChainKeys
from handlers.ports import WHOLE_OF_IT, Effect, RebuildRows, Whole
from handlers.rebuild import Unusable


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
    plan: Plan, processes: Processes, *, audit_keys: ChainKeys | None, advance: Advance
) -> Report:
    """By the processes; without one here, which takes longer.

    What is no rehearsal needs `audit_keys`: the log says who did it, and keeps what stood in it.
    Raises CannotRebuild, CannotOpen, DatabaseAway, DatabaseInUse, KafkaError.
    """
    names, began = plan.topics, time.monotonic()
    group = await group_state(plan.kafka, names.commands)
    if group.members and not plan.is_rehearsal:
        raise CannotRebuild(
            f"{group.members} worker(s) of the group {plan.kafka.group_id} are at work:"
            " stop them first"
        )
    if pending := pending_migrations(plan.database.url):
        raise CannotRebuild(f"the database lacks {len(pending)} migration(s): run booking migrate")
    keys = service_keys(plan.seal_keys)
    opened = open_database(plan.database, keys, is_patient=True)
    try:
        rows, whole = opened.rebuilding, None
        if not plan.is_rehearsal:
            plan = replace(plan, since=await _begin(opened, names.events, audit_keys))
        if processes:
            processes.tell(plan)
        parts = processes or Part(plan, WHOLE_OF_IT, rows, keys)
        tally = await parts.do(Step.KEYS, advance)
        tally.add(await parts.do(Step.EVENTS, advance))
        if not plan.is_rehearsal:
            whole = await claimed_and_counted(parts, rows, advance)
            await rows.finish(names.commands, group.marks)
    finally:
        await opened.close()
    seconds = time.monotonic() - began
    return Report(tally.events, tally.versions, tally.erased, seconds, tally.unusable, whole)


async def claimed_and_counted(
    parts: Processes | Part, rows: RebuildRows, advance: Advance
) -> Whole:
    """What comes after the last event. Neither reads what the other writes, so other processes
    claim while this one counts; what fails first ends both, and is all that is told.
    """
    if isinstance(parts, Part):
        claimed, whole = await parts.do(Step.CLAIMS, advance), await rows.whole()
    else:
        try:
            async with asyncio.TaskGroup() as both:
                claiming = both.create_task(parts.do(Step.CLAIMS, advance))
                counting = both.create_task(rows.whole())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        claimed, whole = claiming.result(), counting.result()
    return replace(whole, overlapping=sorted(claimed.overlapping))


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
