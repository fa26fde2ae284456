"""Moments as options name them."""

from __future__ import annotations

from datetime import datetime


def moment(text: str | None, option: str) -> datetime | None:
    """Raises WrongUse for anything but an RFC 3339 time with an offset."""
    from app.failures import WrongUse

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise WrongUse(f"{option}: expected an RFC 3339 time with an offset")
    return found
