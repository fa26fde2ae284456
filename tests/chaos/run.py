"""One run: own servers, a house with three workers, load and storm, healing, judgement.

Everything that is drawn comes from the seed, one source of randomness a concern; what the
interleaving makes of it is the machine's, and no two runs are the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

from tests.chaos.bank import Bank
from tests.chaos.cast import a_cast
from tests.chaos.evidence import keep
from tests.chaos.figures import Figures, figures
from tests.chaos.fleet import Fleet
from tests.chaos.healing import Healing, Progress, heal
from tests.chaos.judging import Violation, violations
from tests.chaos.load import Load
from tests.chaos.memory import Memory
from tests.chaos.mix import Mix
from tests.chaos.setback import Setback, set_back
from tests.chaos.storm import Happened, Storm
from tests.chaos.timeline import WORKERS, timeline
from tests.service.client import Sent
from tests.service.feed import header
from tests.service.house import House, a_house
from tests.service.own_servers import own_servers
from tests.service.story import dumps_of

_HEALS_WITHIN_SECONDS: Final = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the report tells; `kept` is where everything lies when a rule is broken."""

    seed: int
    seconds: float
    happened: Sequence[Happened]
    figures: Figures
    ends: dict[str, int]
    healing: Healing
    setback: Setback | None
    violations: Sequence[Violation]
    kept: Path | None = None


async def run(
    seed: int, seconds: float, progress: Progress, *, confirmation_seconds: float = 15.0
) -> Outcome:
    """Load and faults for so many seconds, and then everything until the judgement."""
    cast = a_cast(Random(f"{seed}/cast"), datetime.now(UTC))
    planned = timeline(Random(f"{seed}/faults"), seconds)
    settings = {
        "BOOKING_RULES__CONFIRMATION_MINUTES": str(confirmation_seconds / 60),
        # A partner may be 6.5 s late (timeline), and its caller dead since the call began.
        "BOOKING_RULES__UNDO_PATIENCE_MINUTES": "0.15",
        "BOOKING_PRICING__FALLBACK__CAFE": "7.50",
        "BOOKING_PRICING__FALLBACK_CURRENCY": "EUR",
        "BOOKING_KAFKA__MAX_BATCH_RECORDS": "50",
    }
    with own_servers(progress) as servers:
        async with (
            a_house(servers.kafka, servers.postgres, workers=0, settings=settings) as house,
            _fleet(house) as fleet,
        ):
            cast.prepare(house.partners)
            mix = Mix(Random(f"{seed}/commands"), cast, Memory(house.feed), house.client.reply_to)
            load = Load(house.client, mix, Random(f"{seed}/rate"))
            storm = Storm(house, servers, fleet)
            await house.has_members(WORKERS)
            progress(f"seed {seed}: {len(planned)} faults planned in {seconds:g} s")
            bank = Bank(house.partners.payment, Random(f"{seed}/bank"))
            deciding = asyncio.create_task(bank.run())
            await asyncio.gather(load.run(seconds), storm.run(planned))
            progress(f"{len(storm.happened)} faults, {len(load.orders)} records; healing")
            # The bank goes on: payments may still come to it while the workers catch up.
            outcome = await _judged(seed, seconds, house, fleet, load, storm, progress)
            deciding.cancel()
            if not outcome.violations:
                return outcome
            return replace(outcome, kept=await keep(house, seed))


async def _judged(
    seed: int,
    seconds: float,
    house: House,
    fleet: Fleet,
    load: Load,
    storm: Storm,
    progress: Progress,
) -> Outcome:
    healing = await heal(house, WORKERS, _HEALS_WITHIN_SECONDS, progress)
    progress(f"healed in {healing.seconds:.1f} s; judging")
    _settle_doubts(house, load)
    sending = load.orders
    story = await dumps_of(house)
    broken = violations(story, sending)
    broken += [Violation("it_heals", left) for left in healing.left[:5]]
    told = await figures(house, story, sending, storm.happened)
    setback = None
    if not healing.left:  # what is still owed would go on, and look like a consequence
        progress("judged; setting the group back to the beginning")
        setback = await set_back(house, fleet, _HEALS_WITHIN_SECONDS, progress)
        broken += [Violation("a_second_reading_changes_nothing", each) for each in setback.changes]
    broken += [Violation("a_worker_ends_only_when_asked", each) for each in fleet.complaints]
    happened = sorted(storm.happened, key=lambda one: one.at_seconds)
    ends = dict(fleet.ends)
    return Outcome(seed, seconds, happened, told, ends, healing, setback, broken)


def _settle_doubts(house: House, load: Load) -> None:
    """What Kafka did not acknowledge was sent if it is there, under its correlation id."""
    if not load.doubtful:
        return
    there = {
        (record.topic, header(record, "correlation_id")): record
        for topic in ("queries", "commands")
        for record in reversed(house.feed.records(f"{house.prefix}.{topic}"))
    }
    for order, _ in load.doubtful:
        record = there.get((f"{house.prefix}.{order.topic}", order.answer_key))
        if record is not None and order.answer_key is not None:
            sent = Sent(
                record.topic, record.partition, record.offset, order.value, order.answer_key
            )
            house.client.sent.append(sent)
            load.orders.append((order, sent))


@asynccontextmanager
async def _fleet(house: House) -> AsyncIterator[Fleet]:
    """The workers, started and supervised while the block runs."""
    fleet = Fleet(house)
    for _ in range(WORKERS):
        fleet.add()
    supervising = asyncio.create_task(fleet.supervise())
    try:
        yield fleet
    finally:
        supervising.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await supervising
