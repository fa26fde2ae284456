"""Who asks: callers with tokens of every role, good ones and bad ones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import jwt

SECRET = "the secret of the service tests, longer than 32 bytes"
_HOUR_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token; `sub` is who they are, and None stands for no token at all."""

    sub: str
    token: str | None


def token(sub: str, role: str, *, secret: str = SECRET, **claims: Any) -> str:
    """A signed access token for an hour; `claims` replace or add."""
    now = int(time.time())
    usual = {"sub": sub, "role": role, "type": "access", "iat": now, "exp": now + _HOUR_SECONDS}
    return jwt.encode({**usual, **claims}, secret, algorithm="HS256")


def a_guest(**claims: Any) -> Caller:
    sub = str(uuid4())
    return Caller(sub, token(sub, "guest", **claims))


def a_manager(*venues: UUID | str, role: str = "manager") -> Caller:
    sub = f"{role}-{uuid4().hex[:8]}"
    return Caller(sub, token(sub, role, venue_ids=[str(venue) for venue in venues]))


def an_admin() -> Caller:
    sub = f"admin-{uuid4().hex[:8]}"
    return Caller(sub, token(sub, "admin"))


NOBODY = Caller("nobody", None)
