"""Which commands may run side by side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from domain.time_slot import TimeSlot
from handlers.waves import AtVenue, Needs, waves

VENUE = uuid4()
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def at(hour: int, hours: int = 1) -> AtVenue:
    starts_at = NOON + timedelta(hours=hour)
    return AtVenue(VENUE, TimeSlot(starts_at, starts_at + timedelta(hours=hours)))


def alone(*shared: str) -> Needs:
    return Needs(frozenset(shared))


def test_strangers_run_side_by_side() -> None:
    assert waves([("a", alone("a")), ("b", alone("b"))]) == [["a", "b"]]


def test_two_commands_of_one_booking_run_one_after_the_other() -> None:
    assert waves([("a", alone("x")), ("b", alone("x"))]) == [["a"], ["b"]]


def test_creates_at_one_venue_run_side_by_side() -> None:
    wants = [(name, Needs(frozenset({name}), wants=at(0))) for name in "abc"]
    assert waves(wants) == [["a", "b", "c"]]


def test_a_create_waits_for_an_earlier_cancel_of_an_overlapping_slot() -> None:
    cancel = Needs(frozenset({"c"}), frees=at(0, 2))
    create = Needs(frozenset({"n"}), wants=at(1))
    assert waves([("cancel", cancel), ("create", create)]) == [["cancel"], ["create"]]


def test_a_create_does_not_wait_for_a_later_cancel() -> None:
    cancel = Needs(frozenset({"c"}), frees=at(0, 2))
    create = Needs(frozenset({"n"}), wants=at(1))
    assert waves([("create", create), ("cancel", cancel)]) == [["create", "cancel"]]


def test_a_create_does_not_wait_for_a_cancel_that_only_touches_its_slot() -> None:
    cancel = Needs(frozenset({"c"}), frees=at(0))
    create = Needs(frozenset({"n"}), wants=at(1))
    assert waves([("cancel", cancel), ("create", create)]) == [["cancel", "create"]]


def test_nobody_overtakes_a_create_that_has_to_wait() -> None:
    cancel = Needs(frozenset({"c"}), frees=at(0))
    create = Needs(frozenset({"n"}), wants=at(0, 2))
    rival = Needs(frozenset({"r"}), wants=at(1))
    later = Needs(frozenset({"l"}), frees=at(1))
    elsewhere = Needs(frozenset({"e"}), wants=at(2))
    planned = waves(
        [
            ("cancel", cancel),
            ("create", create),
            ("rival", rival),
            ("later", later),
            ("elsewhere", elsewhere),
        ]
    )
    assert planned == [["cancel", "elsewhere"], ["create", "rival", "later"]]


def test_an_update_wants_any_slot_of_its_venue() -> None:
    cancel = Needs(frozenset({"c"}), frees=at(0))
    update = Needs(frozenset({"u"}), wants=AtVenue(VENUE, None), frees=at(5))
    create = Needs(frozenset({"n"}), wants=at(5))
    planned = waves([("cancel", cancel), ("update", update), ("create", create)])
    assert planned == [["cancel"], ["update"], ["create"]]


def test_a_barrier_lets_nothing_pass() -> None:
    planned = waves(
        [("a", alone("a")), ("end", Needs(frozenset({"e"}), barrier=True)), ("b", alone("b"))]
    )
    assert planned == [["a"], ["end"], ["b"]]


@given(st.lists(st.frozensets(st.sampled_from("wxyz"), max_size=3), max_size=20))
def test_every_command_comes_once_and_after_those_it_shares_something_with(
    shared: list[frozenset[str]],
) -> None:
    planned = waves((at, Needs(names)) for at, names in enumerate(shared))
    assert sorted(at for wave in planned for at in wave) == list(range(len(shared)))
    place = {at: number for number, wave in enumerate(planned) for at in wave}
    for later, names in enumerate(shared):
        for earlier in range(later):
            if names & shared[earlier]:
                assert place[earlier] < place[later]
