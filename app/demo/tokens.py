"""Tokens as the accounts service of a real installation would issue them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt

from app.demo.script import Person

_VALID_FOR = timedelta(hours=12)


def token_of(person: Person, secret: str) -> str:
    """An access token, good for half a day."""
    now = datetime.now(UTC)
    claims = {
        "sub": person.subject,
        "role": person.role,
        "type": "access",
        "iat": int(now.timestamp()),
        "exp": int((now + _VALID_FOR).timestamp()),
    }
    if person.venue_ids:
        claims["venue_ids"] = [str(venue_id) for venue_id in person.venue_ids]
    return jwt.encode(claims, secret, "HS256")
