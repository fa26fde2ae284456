"""What comes back of commands that ended long ago: nothing is done again, and nobody is misled."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.effects import CreateIntent
from domain.reference import proposed_reference
from domain.retention import Keeping, Period, ended_before
from handlers.figures import RetentionFigures
from handlers.ports import DatabaseAway
from handlers.ports.retention import Day, Gone
from handlers.redrive import Past, State, standing_of
from handlers.replay import Candidate, Reader, Verdict
from handlers.retention import AHEAD, Retiring
from schemas.measures import PARTITIONS_AHEAD, RETIRED
from tests.handlers.onlookers import Onlookers, words
from tests.handlers.test_crashes import Scenario, scenarios
from tests.handlers.test_poison import nothing
from tests.handlers.test_put_back import condemned, send_back, the_letter
from tests.handlers.test_replay import judged
from tests.handlers.test_replays import assert_nothing_happens_again, what_stands
from tests.handlers.world import COMMANDS, NOW, STAFF, Crash, World

SOME_ID = UUID("00000000-0000-4000-8000-0000000000d1")


async def retire(world: World) -> None:
    """Days go by, and everything that has ended is retired."""
    world.later(days=25)
    gone = await world.database.retention.retire_commands(world.now, 10_000)
    assert gone.is_all


# --- commands that come again ---


@scenarios
async def test_a_replay_of_what_is_retired_changes_nothing(scenario: Scenario) -> None:
    world = World()
    await scenario(world)
    await world.settle()
    await retire(world)
    assert world.database.tables.retired
    await assert_nothing_happens_again(world)


async def test_a_repeat_of_a_retired_outcome_says_so(world: World) -> None:
    world.create(command_id=SOME_ID)
    await world.settle()
    await retire(world)
    before = what_stands(world)
    world.log.append(replace(world.log[0], offset=len(world.log)))
    await world.settle()
    first, again = world.replies_to(SOME_ID)
    assert (first.status, again.status, again.code) == (201, 409, "outcome_retired")
    assert not again.is_replayed
    after = what_stands(world)
    for table in ("bookings", "starts", "outcomes", "retired", "references", "claims", "calls"):
        assert after[table] == before[table], table


async def test_with_other_content_the_id_is_still_used(world: World) -> None:
    world.create(command_id=SOME_ID)
    await world.settle()
    await retire(world)
    world.create(command_id=SOME_ID, party_size=3, hour=700)
    world.create(command_id=SOME_ID, party_size=0)
    await world.settle()
    codes = [reply.code for reply in world.replies_to(SOME_ID)]
    assert codes == [None, "command_id_reused", "validation_failed"]
    assert len(world.bookings) == 1


async def test_a_retired_refusal_is_not_judged_anew(world: World) -> None:
    world.create(command_id=SOME_ID, party_size=0)
    await world.settle()
    await retire(world)
    world.log.append(replace(world.log[0], offset=len(world.log)))
    await world.settle()
    codes = [reply.code for reply in world.replies_to(SOME_ID)]
    assert codes == ["validation_failed", "outcome_retired"]


async def test_a_retired_create_keeps_the_reference_that_it_got(world: World) -> None:
    """Its first proposal was another booking's; nobody must propose one for it again."""
    world.create(command_id=SOME_ID)
    await world.settle()
    ((booking_id, booking),) = world.bookings.items()
    world = World()
    taken = proposed_reference(booking.booking_date, booking_id, 0)
    world.database.tables.references[taken] = uuid4()
    world.create(command_id=SOME_ID)
    await world.settle()
    await retire(world)
    world.log.append(replace(world.log[0], offset=len(world.log)))
    await world.settle()
    assert [reply.code for reply in world.replies_to(SOME_ID)] == [None, "outcome_retired"]


async def test_a_key_whose_command_is_retired_is_free_again(world: World) -> None:
    world.create(key="k")
    await world.settle()
    await retire(world)
    asked = world.create(key="k", hour=700)
    await world.settle()
    assert world.reply_to(asked).status == 201


async def test_a_key_that_outlived_its_command_is_met_with_a_no(world: World) -> None:
    """It should go with it; if it did not, nothing is done and nothing stops."""
    world.create(key="k")
    await world.settle()
    keys = dict(world.database.tables.keys)
    await retire(world)
    world.database.tables.keys.update(
        {id_: replace(key, expires_at=world.now + timedelta(days=1)) for id_, key in keys.items()}
    )
    asked = world.create(key="k")
    await world.settle()
    assert world.reply_to(asked).code == "outcome_retired"


async def test_what_was_only_begun_is_carried_on_after_any_time(world: World) -> None:
    asked = world.create()
    world.partners.on_call = _die_at_the_payment
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.on_call = nothing
    await retire(world)
    assert not world.database.tables.retired
    await world.settle()
    assert len(world.replies_to(asked)) == 1


async def _die_at_the_payment(when: str, call: object) -> None:
    if isinstance(call, CreateIntent) and when == "before":
        raise Crash(when)


# --- operators ---


async def test_a_replay_leaves_what_is_retired(world: World) -> None:
    world.create()
    await world.settle()
    (one,) = judged(world)
    assert one.verdict is Verdict.ENDED
    assert isinstance(one.candidate, Candidate)
    reader = Reader(world.handlers.intake.authenticator, world.signer, {})
    assert reader.judge(one.candidate, None, is_retired=True).verdict is Verdict.RETIRED


async def test_a_letter_whose_command_is_retired_is_not_put_back(world: World) -> None:
    asked = await condemned(world)
    letter = the_letter(world)
    await retire(world)
    standing = standing_of(letter, Past(is_retired=True), COMMANDS)
    assert standing.state is State.FINAL
    send_back(world, letter)
    await world.settle()
    assert [reply.code for reply in world.replies_to(asked)] == [
        "internal_error",
        "outcome_retired",
    ]
    assert not world.bookings


# --- bookings that are gone ---


async def test_a_retired_booking_is_found_no_more_and_its_events_are_whole(world: World) -> None:
    booking = await world.booked()
    world.cancel(booking)
    await world.settle()
    world.later(days=25)
    gone, _ = await world.database.retention.retire_bookings(world.now, Day(), 100)
    assert gone == Gone(1, is_all=True)
    late = world.cancel(booking)
    await world.settle()
    assert world.reply_to(late).code == "booking_not_found"
    read = await world.ask("get_booking", {"booking_id": booking["id"]}, by=STAFF)
    assert read.code == "booking_not_found"
    assert [event["payload"]["booking_version"] for event in world.events] == [1, 2, 2]


# --- how long, and when ---


def test_outcomes_are_kept_as_long_as_a_key_may_ask_for_them() -> None:
    day = timedelta(days=1)
    assert Keeping(day).at_least(timedelta(hours=48)).commands == 3 * day
    assert Keeping(90 * day).at_least(timedelta(hours=48)).commands == 90 * day
    assert Keeping().at_least(timedelta(hours=48)).commands is None


def test_an_erasure_is_known_for_as_long_as_records_of_before_may_come() -> None:
    day = timedelta(days=1)
    assert Keeping(2 * day).erasures == 61 * day
    assert Keeping(90 * day).erasures == 90 * day
    assert Keeping().erasures is None


class _Rows:
    """Implements RetentionRows: so many rows are left of each table."""

    def __init__(self, **left: int) -> None:
        self.left = left
        self.asked: list[tuple[str, datetime]] = []
        self.until = NOW + AHEAD
        self.after: list[Day] = []
        self.away = False

    def _take(self, table: str, before: datetime, limit: int) -> Gone:
        if self.away:
            raise DatabaseAway("told to be")
        self.asked.append((table, before))
        rows = min(limit, self.left.get(table, 0))
        self.left[table] = self.left.get(table, 0) - rows
        return Gone(rows, is_all=rows < limit)

    async def make_ahead(self, period: Period, ahead: timedelta) -> dict[str, datetime]:
        self.asked.append((f"a {period}", NOW + ahead))
        return {"outcomes": self.until}

    async def retire_commands(self, ended_before: datetime, limit: int) -> Gone:
        return self._take("commands", ended_before, limit)

    async def forget_undo(self, done_before: datetime, limit: int) -> Gone:
        return self._take("undo", done_before, limit)

    async def forget_erased_keys(self, erased_before: datetime, limit: int) -> Gone:
        return self._take("guest_keys", erased_before, limit)

    async def retire_bookings(
        self, ended_before: datetime, after: Day, limit: int
    ) -> tuple[Gone, Day]:
        self.after.append(after)
        return self._take("bookings", ended_before, limit), Day(date(2026, 1, 1), SOME_ID)


async def looks(retiring: Retiring, *seconds: int) -> list[dict[str, Any]]:
    found = [await retiring.retire(NOW + timedelta(seconds=each)) for each in seconds]
    return [dict(each.rows) for each in found]


async def test_chunks_follow_each_other_until_all_is_gone() -> None:
    rows = _Rows(commands=2_500, undo=3)
    retiring = Retiring(rows, Keeping(timedelta(days=90)))
    assert await looks(retiring, 0, 1, 2, 3) == [
        {"commands": 1_000, "undo": 3},
        {"commands": 1_000},
        {"commands": 500},
        {},
    ]
    before = NOW - timedelta(days=90)
    assert {at for table, at in rows.asked if table == "undo"} == {before}
    rows.left["commands"] = 1
    assert await looks(retiring, 599, 603) == [{}, {"commands": 1}]


async def test_what_is_kept_for_ever_is_not_even_looked_at() -> None:
    rows = _Rows(commands=1, bookings=1)
    await looks(Retiring(rows, Keeping()), 0, 700)
    assert {table for table, _ in rows.asked} == {"a month"}
    assert ended_before(NOW, None) is None


async def test_what_went_and_what_is_ahead_is_counted_by_table() -> None:
    onlookers = Onlookers()
    figures = RetentionFigures.by(onlookers.meter)
    retiring = Retiring(_Rows(commands=1_200, undo=3), Keeping(timedelta(days=90)), figures)
    await looks(retiring, 0, 1)
    assert onlookers.values(RETIRED) == {words(table="commands"): 1_200, words(table="undo"): 3}
    assert onlookers.values(PARTITIONS_AHEAD) == {words(table="outcomes"): AHEAD.total_seconds()}


async def test_bookings_are_passed_through_in_their_order_and_then_anew() -> None:
    rows = _Rows(bookings=1_500)
    keeping = Keeping(bookings=timedelta(days=365), period=Period.DAY)
    assert await looks(Retiring(rows, keeping), 0, 1, 2, 602) == [
        {"bookings": 1_000},
        {"bookings": 500},
        {},
        {},
    ]
    assert rows.after == [Day(), Day(date(2026, 1, 1), SOME_ID), Day()]


async def test_what_could_not_be_made_ahead_is_made_a_minute_later() -> None:
    rows = _Rows()
    rows.until = NOW
    retiring = Retiring(rows, Keeping())
    assert (await retiring.retire(NOW)).ahead == {"outcomes": timedelta(0)}
    assert (await retiring.retire(NOW + timedelta(seconds=59))).ahead == {}
    rows.until = NOW + 2 * AHEAD
    assert (await retiring.retire(NOW + timedelta(seconds=60))).ahead
    assert (await retiring.retire(NOW + timedelta(minutes=10))).ahead == {}
    assert (await retiring.retire(NOW + timedelta(minutes=11))).ahead


async def test_what_fails_is_not_tried_again_at_once() -> None:
    """Or a sweeper in the same loop would do nothing else."""
    rows = _Rows(commands=1)
    rows.away = True
    retiring = Retiring(rows, Keeping(timedelta(days=1)))
    with pytest.raises(DatabaseAway):
        await retiring.retire(NOW)
    rows.away = False
    assert await looks(retiring, 59, 60) == [{}, {"commands": 1}]
