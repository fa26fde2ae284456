"""Too soon, too late, too far ahead: every rule about time.

What somebody does is judged by `sent`, when they did it, so that our own backlog harms nobody; that
a new start still lies ahead is judged by `decided`, when the booking comes to exist.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.booking import Booking, Source
from domain.commands import Moment
from domain.principal import Guest, Principal
from domain.refusal import Code, Refusal
from domain.rules import Rules

_LEADLESS = frozenset({Source.PHONE, Source.WALK_IN})


def refuse_start(starts_at: datetime, source: Source, at: Moment, rules: Rules) -> Refusal | None:
    """A start in the past, closer than the lead time, or beyond the horizon."""
    grace = rules.walk_in_grace if source is Source.WALK_IN else timedelta(0)
    if starts_at < at.decided - grace:
        return Refusal(Code.BOOKING_IN_PAST, f"{_text(starts_at)} has passed.")
    if source not in _LEADLESS and starts_at < at.sent + rules.min_lead:
        lead = _minutes(rules.min_lead)
        return Refusal(Code.TOO_SOON, f"A booking has to be made {lead} before its start.")
    if starts_at > at.sent + rules.max_ahead:
        ahead = f"{rules.max_ahead / timedelta(days=1):g} days"
        return Refusal(Code.TOO_FAR_AHEAD, f"A booking can be made at most {ahead} ahead.")
    return None


def refuse_guest_after_start(booking: Booking, principal: Principal, at: Moment) -> Refusal | None:
    """Guests act before the start; the venue may act at any time."""
    if isinstance(principal, Guest) and at.sent >= booking.slot.starts_at:
        return Refusal(Code.TOO_LATE, "The booking has started; please ask the venue.")
    return None


def refuse_lapsed(booking: Booking, at: Moment) -> Refusal | None:
    """A pending booking past its `expires_at`, whether or not the sweeper saw it yet.

    By `sent`: a confirmation in time stands, even when it was worked off late. Its expiry,
    published later, lies behind it in the log and finds it confirmed.
    """
    if booking.expires_at is not None and at.sent >= booking.expires_at:
        return Refusal(Code.TOO_LATE, f"The booking was held until {_text(booking.expires_at)}.")
    return None


def refuse_check_in(booking: Booking, at: Moment, rules: Rules) -> Refusal | None:
    """The doors open some hours before the start."""
    opens_at = booking.slot.starts_at - rules.check_in_early
    if at.sent < opens_at:
        return Refusal(Code.TOO_SOON, f"Check-in opens at {_text(opens_at)}.")
    return None


def refuse_no_show(booking: Booking, at: Moment, rules: Rules) -> Refusal | None:
    """The guest may still come until the start plus a grace."""
    awaited_until = booking.slot.starts_at + rules.no_show_grace
    if at.sent < awaited_until:
        return Refusal(Code.TOO_SOON, f"The guest is awaited until {_text(awaited_until)}.")
    return None


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _minutes(length: timedelta) -> str:
    return f"{length / timedelta(minutes=1):g} minutes"
