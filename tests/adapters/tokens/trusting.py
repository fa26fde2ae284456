"""A worker that trusts listed keys, and what it thinks of a token."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.tokens.authenticator import TokenAuthenticator
from adapters.tokens.keys import Algorithm
from adapters.tokens.listed_keys import ListedKeys
from app.beside import beside
from domain.principal import Guest, Principal
from domain.refusal import Code, Refusal
from tests.adapters.tokens.a_key import KeyPair, key_list
from tests.adapters.tokens.a_place import APlace
from tests.adapters.tokens.a_token import GUEST_ID, NOW, bearer

GUEST = Guest(UUID(GUEST_ID))


@asynccontextmanager
async def trusting(
    *listed: KeyPair | dict[str, Any], algorithm: Algorithm = "ES256"
) -> AsyncIterator[TokenAuthenticator]:
    """Whoever signs with these keys."""
    keys = ListedKeys(APlace(key_list(*listed)), algorithm, patience_seconds=0)
    async with beside(keys.keep_fresh()):
        tokens = TokenAuthenticator(keys)
        await tokens.prepare(())
        yield tokens


def judged(tokens: TokenAuthenticator, token: bytes, at: datetime = NOW) -> Principal | Refusal:
    return tokens.authenticate(bearer(token), at)


def refused_because(answer: Principal | Refusal) -> str:
    assert isinstance(answer, Refusal), f"expected a refusal, got {answer}"
    assert answer.code is Code.UNAUTHENTICATED
    return answer.detail


def part(content: Any) -> bytes:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
