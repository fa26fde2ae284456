"""Tokens with good defaults, so that a test shows only what is wrong with its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jwt

SECRET = "a secret that has at least 32 bytes"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
GUEST_ID = "6f0d9a52-8f0b-4f0c-9df5-0a1b2c3d4e5f"

ISSUED = int(NOW.timestamp()) - 600
EXPIRES = int(NOW.timestamp()) + 600


def claims(**changes: Any) -> dict[str, Any]:
    """A guest's claims; a change to None leaves the claim out."""
    stated = {
        "sub": GUEST_ID,
        "role": "guest",
        "type": "access",
        "iat": ISSUED,
        "exp": EXPIRES,
        "email": "guest@example.org",
    } | changes
    return {name: value for name, value in stated.items() if value is not None}


def a_token(
    *,
    secret: str = SECRET,
    algorithm: str = "HS256",
    headers: dict[str, Any] | None = None,
    **changes: Any,
) -> bytes:
    return jwt.encode(claims(**changes), secret, algorithm, headers).encode()


def bearer(token: bytes) -> bytes:
    return b"Bearer " + token
