"""Who may do what: the matrix, cell by cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.permissions import Operation, Reach, can_reach, reach, reaches, sees_notes
from domain.principal import Guest, Principal, System
from tests.builders import ADMIN, ANOTHER_BUSINESS, BUSINESS, GUEST, SOMEBODY_ELSE, a_booking

GUESTS_OWN = {
    Operation.CREATE,
    Operation.UPDATE,
    Operation.CANCEL,
    Operation.CONFIRM,
    Operation.GET,
    Operation.HISTORY,
    Operation.LIST_GUEST,
    Operation.ERASE,
}
EVERYBODYS = {Operation.CHECK_AVAILABILITY}


@pytest.mark.parametrize("operation", list(Operation))
def test_what_a_guest_may_do(operation: Operation) -> None:
    own = Reach.OWN if operation in GUESTS_OWN else Reach.NEVER
    assert reach(GUEST, operation) is (Reach.ALL if operation in EVERYBODYS else own)


@pytest.mark.parametrize("operation", [one for one in Operation if one is not Operation.SETTLE])
def test_business_and_admin_may_do_everything_but_settle(operation: Operation) -> None:
    venues = Reach.ALL if operation in EVERYBODYS else Reach.VENUES
    at_no_venue = operation is Operation.ERASE  # a guest belongs to nobody's venue
    assert reach(BUSINESS, operation) is (Reach.NEVER if at_no_venue else venues)
    assert reach(ADMIN, operation) is Reach.ALL


@pytest.mark.parametrize("operation", list(Operation))
def test_only_the_service_itself_settles_and_it_does_nothing_else(operation: Operation) -> None:
    is_settling = operation is Operation.SETTLE
    assert (reach(System(), operation) is Reach.ALL) is is_settling
    if is_settling:
        assert {reach(p, operation) for p in (GUEST, BUSINESS, ADMIN)} == {Reach.NEVER}


@pytest.mark.parametrize(
    ("principal", "reaches"),
    [(GUEST, True), (SOMEBODY_ELSE, False), (BUSINESS, True), (ANOTHER_BUSINESS, False)],
)
def test_a_booking_is_reached_by_its_guest_and_its_venue(
    principal: Principal, reaches: bool
) -> None:
    assert can_reach(principal, Operation.CANCEL, a_booking()) is reaches


def test_what_is_not_named_is_within_reach_as_far_as_some_of_it_may_be() -> None:
    stay = a_booking()
    guests = {"guest_id": stay.contact.guest_id, "venue_id": None}
    venues = {"guest_id": None, "venue_id": stay.venue.id}
    asked = ((Operation.LIST_GUEST, guests), (Operation.LIST_VENUE, venues))
    seen = {
        principal.label: [reaches(principal, operation, **of) for operation, of in asked]
        for principal in (GUEST, SOMEBODY_ELSE, BUSINESS, ANOTHER_BUSINESS, ADMIN)
    }
    assert list(seen.values()) == [
        [True, False],
        [False, False],
        [True, True],
        [True, False],  # what is at other venues is left out of it
        [True, True],
    ]


def test_notes_are_for_the_venue_only() -> None:
    seen = {type(p): sees_notes(p) for p in (GUEST, BUSINESS, ADMIN)}
    assert seen == {type(p): not isinstance(p, Guest) for p in (GUEST, BUSINESS, ADMIN)}


@pytest.mark.parametrize("operation", list(Operation))
def test_a_refused_operation_reads_as_something_that_one_may_not_do(operation: Operation) -> None:
    verb = operation.value.split("_")[0]
    assert verb in {
        "book", "cancel", "check", "complete", "confirm", "create", "erase", "get", "list", "mark",
        "name", "pay", "see", "settle", "update", "write",
    }  # fmt: skip


def test_the_page_of_rules_shows_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
    _, _, section = page.partition("\n## Who may do what\n")
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert rows[: len(Operation)] == [
        f"| {' | '.join([operation.value.replace('_', ' '), *_words(operation)])} |"
        for operation in Operation
    ]


def _words(operation: Operation) -> list[str]:
    words = {Reach.NEVER: "", Reach.OWN: "own", Reach.VENUES: "their venues'", Reach.ALL: "all"}
    return [words[reach(each, operation)] for each in (GUEST, BUSINESS, ADMIN, System())]
