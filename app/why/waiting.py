"""What a booking waits for, in plain words."""

from __future__ import annotations

from datetime import datetime

from adapters.database.stories import BookingStory
from app.why.words import age_in_words, owed_in_words, partner_of
from domain.lifecycle import Status


def waits_for(story: BookingStory, now: datetime) -> list[str]:
    """One sentence for each thing; empty: nothing, whatever comes next comes from a client."""
    return [*_unfinished(story, now), *_expiry(story, now), *_undo(story, now)]


def _unfinished(story: BookingStory, now: datetime) -> list[str]:
    return [
        f"the end of {each.start.operation} {each.start.command_id}, begun"
        f" {age_in_words((now - each.start.decided).total_seconds())} ago: the lane of partition"
        f" {each.start.coordinates.partition} goes on with it when its record comes again"
        for each in story.commands
        if each.outcome is None
    ]


def _expiry(story: BookingStory, now: datetime) -> list[str]:
    booking = story.booking
    if booking is None or booking.status is not Status.PENDING or booking.expires_at is None:
        return []
    left = (booking.expires_at - now).total_seconds()
    if left < 0:
        return [f"its expiry, due {age_in_words(left)} ago: the sweeper's next look"]
    return [f"its confirmation; without one it expires in {age_in_words(left)}"]


def _undo(story: BookingStory, now: datetime) -> list[str]:
    return [
        f"{partner_of(row.owed)} to {owed_in_words(row.owed)}: {_next_try(row.due_at, now)}"
        for row in story.undo
        if row.done_at is None
    ]


def _next_try(due_at: datetime, now: datetime) -> str:
    left = (due_at - now).total_seconds()
    return "its next try is due" if left <= 0 else f"its next try is in {age_in_words(left)}"
