"""The lifecycle's table, its page, and every sequence of commands against it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from domain.commands import CancelBooking, ChangeStatus, ExpireBooking
from domain.lifecycle import ACTIVE, LIFECYCLE, Action, Status, next_status, reachable_from
from domain.lifecycle_page import lifecycle_page
from domain.outcome import Accepted, Claims, Ignored, Rejected
from domain.refusal import Code
from domain.workflows import workflow_for
from tests.builders import (
    ADMIN,
    NOW,
    a_booking,
    a_cancellation,
    a_status,
    an_expiry,
    at,
    paid,
    rules,
)
from tests.domain.given import given
from tests.domain.write_lifecycle_page import PAGE

HOUSE: Final = rules(check_in_early=timedelta(days=9), no_show_grace=timedelta(days=-9))
_TO: Final = {
    Action.CONFIRM: Status.CONFIRMED,
    Action.CHECK_IN: Status.CHECKED_IN,
    Action.COMPLETE: Status.COMPLETED,
    Action.MARK_NO_SHOW: Status.NO_SHOW,
}


def command_for(action: Action, version: int) -> CancelBooking | ChangeStatus | ExpireBooking:
    match action:
        case Action.CANCEL:
            return a_cancellation(ADMIN, expected_version=version)
        case Action.EXPIRE:
            return an_expiry(version)
        case _:
            return a_status(_TO[action], ADMIN, expected_version=version)


@settings(max_examples=40, deadline=None)
@over(st.lists(st.sampled_from(Action), max_size=8))
def test_every_sequence_of_commands_goes_as_the_table_says(actions: list[Action]) -> None:
    booking = a_booking(payment=paid())
    for action in actions:
        expected = next_status(booking.status, action)
        workflow = workflow_for(command_for(action, booking.version), at(NOW), HOUSE)
        outcome = given(workflow, booking=booking).ends().result
        if expected is None:
            assert isinstance(outcome, Ignored) or (
                isinstance(outcome, Rejected) and outcome.refusal.code is Code.INVALID_TRANSITION
            )
            continue
        assert isinstance(outcome, Accepted)
        assert outcome.booking.status is expected
        assert outcome.booking.version == booking.version + 1
        assert outcome.history is not None
        assert (outcome.history.from_status, outcome.history.to_status) == (
            booking.status,
            expected,
        )
        assert (outcome.claims is Claims.FREE) is (not outcome.booking.is_active)
        booking = outcome.booking


def test_nothing_leaves_a_final_status() -> None:
    assert {start for start, _ in LIFECYCLE} == ACTIVE


@pytest.mark.parametrize("status", list(Status))
def test_what_can_be_reached_is_what_the_table_says(status: Status) -> None:
    ends = {next_status(status, action) for action in Action} - {None}
    assert set(reachable_from(status)) == ends


def test_every_status_can_be_reached_from_pending() -> None:
    reached, last = {Status.PENDING}, {Status.PENDING}
    while last := {to for start in last for to in reachable_from(start)} - reached:
        reached |= last
    assert reached == set(Status)


def test_the_page_in_the_documentation_is_what_the_table_gives() -> None:
    assert PAGE.read_text(encoding="utf-8") == lifecycle_page(), (
        "docs/lifecycle.md is stale: run python -m tests.domain.write_lifecycle_page"
    )
