"""The page of `booking why`: what it says in words, and what it keeps to itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.database.stories import BookingStory, CommandStory
from adapters.database.undo_rows import UndoRow
from app.why.account import account_of
from app.why.page import page_of
from app.why.words import age_in_words, owed_in_words
from domain.lifecycle import Status
from domain.undo import Owed, RefundMade, RefundOwed, ReleaseOwed, RestoreReservation
from handlers.ports import Coordinates, Start
from schemas.stored import dump_principal
from tests.builders import BOOKING_ID, COMMAND_ID, GUEST, NOW, VENUE_ID, a_booking, eur

AT = Coordinates("booking.commands", 3, 17, 1)
START = Start(
    row_id=UUID(int=7),
    principal=dump_principal(GUEST),
    command_id=COMMAND_ID,
    operation="cancel_booking",
    content_hash="00",
    coordinates=AT,
    origin=replace(AT, partition=1, offset=4),
    sent=NOW,
    decided=NOW,
    run=0,
    booking_id=BOOKING_ID,
    booking_reference=None,
    reply_route=None,
)
JOURNAL: tuple[dict[str, Any], ...] = (
    {
        "heard": {"a": {"kind": "Intent", "status": "succeeded", "client_secret": "hush"}},
        "asked": {
            "b": {"kind": "RefundPayment", "key": "b", "amount": ["5.00", "EUR"], "reason": "x"}
        },
        "written": 1_780_000_000_000,
        "times": [["FindIntent", 1_780_000_000_000, 12]],
    },
)
UNDER_WAY = CommandStory(START, None, None, JOURNAL)


def an_undo(owed: Owed) -> UndoRow:
    since = NOW - timedelta(minutes=5)
    due = NOW + timedelta(seconds=40)
    return UndoRow(
        UUID(int=9), BOOKING_ID, "BR-1", VENUE_ID, owed, 3, due, since, None, "status 503"
    )


def page(story: BookingStory, *, personal: bool = False) -> str:
    account = account_of(story, NOW, personal=personal)
    return "\n".join(line.plain for line in page_of(account))


def a_story(**fields: Any) -> BookingStory:
    return replace(BookingStory(a_booking(Status.CONFIRMED), (), (), ()), **fields)


def test_a_booking_at_rest_waits_for_nothing() -> None:
    assert "waits for nothing" in page(a_story())


def test_a_pending_booking_waits_for_its_confirmation_until_it_expires() -> None:
    told = page(a_story(booking=a_booking()))
    assert "its confirmation; without one it expires in 10 min" in told


def test_an_expiry_that_is_overdue_waits_for_the_sweeper() -> None:
    booking = a_booking(expires_at=NOW - timedelta(seconds=5))
    assert "its expiry, due 5 s ago" in page(a_story(booking=booking))


def test_a_command_that_has_not_ended_shows_what_it_heard_and_what_it_did_not() -> None:
    told = page(a_story(commands=(UNDER_WAY,)))
    assert "STARTED, NOT ENDED" in told
    assert "payment find-intent  → Intent status=succeeded  12 ms" in told
    assert "payment refund  amount=5.00 EUR reason=x  no answer was heard" in told
    assert (
        "sent 2026-06-01 12:00:00.000Z at booking.commands/1@4, done at booking.commands/3@17"
        in (told)
    )


def test_a_journal_without_times_is_told_without_times() -> None:
    old = ({"heard": {"a": {"kind": "Capacity", "available": True}}, "asked": {}},)
    told = page(a_story(commands=(replace(UNDER_WAY, journal=old),)))
    assert "--:--:--.---  inventory check-availability  → Capacity available=True" in told


def test_what_is_owed_says_who_shall_do_what_and_when_it_is_tried_again() -> None:
    told = page(a_story(undo=(an_undo(ReleaseOwed("k", "BR-1", "res_1")),)))
    assert "waits for inventory to release reservation res_1: its next try is in 40 s" in told
    assert "OPEN inventory: release reservation res_1" in told
    assert "3 tries" in told
    assert "last told: status 503" in told


def test_a_booking_that_was_never_made_still_tells_its_command() -> None:
    told = page(a_story(booking=None, commands=(UNDER_WAY,)))
    assert told.startswith("There is no booking")
    assert "cancel_booking" in told


@pytest.mark.parametrize("personal", [False, True])
def test_personal_data_and_secrets_are_left_out_unless_asked_for(personal: bool) -> None:
    told = page(a_story(commands=(UNDER_WAY,)), personal=personal)
    assert ("ada@example.org" in told) is personal
    assert ("with --personal" in told) is not personal
    assert "hush" not in told


@pytest.mark.parametrize(
    ("owed", "words"),
    [
        (ReleaseOwed("k", "BR-1", None), "release whatever a lost reserve made under BR-1"),
        (RestoreReservation("k", "res_1"), "tell inventory again what res_1 holds"),
        (RefundMade("k", "pi_1", eur(5)), "record the refund of 5.00 EUR that was made"),
        (RefundOwed("k", "pi_1", eur(5), "late"), "refund 5.00 EUR of pi_1 (late)"),
        (RefundOwed("k", "pi_1", None, "late"), "refund what comes in on pi_1 (late)"),
        (RefundOwed("k", None, None, "x"), "refund whatever a lost payment intent was charged"),
    ],
)
def test_everything_that_can_be_owed_has_words(owed: Owed, words: str) -> None:
    assert owed_in_words(owed) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "5 s"), (-5, "5 s"), (600, "10 min"), (12_000, "3 h 20 min"), (439_200, "5 d 2 h")],
)
def test_ages_are_told_shortly(seconds: float, words: str) -> None:
    assert age_in_words(seconds) == words
