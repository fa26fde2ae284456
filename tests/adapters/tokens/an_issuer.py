"""An issuer that lists its keys somewhere, and a worker that trusts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.tokens.authenticator import TokenAuthenticator
from adapters.tokens.listed_keys import ASKED_EVERY_SECONDS, ListedKeys
from app.beside import beside
from domain.principal import Guest
from handlers.ports import Record
from tests.adapters.tokens.a_key import a_key, key_list
from tests.adapters.tokens.a_place import APlace
from tests.adapters.tokens.a_token import NOW, bearer

ONE, TWO, THREE = a_key("one"), a_key("two"), a_key("three")
PATIENCE_SECONDS = 300.0
MINUTE = ASKED_EVERY_SECONDS


@dataclass
class Issuer:
    """An issuer, and a worker that trusts it; `now` is the worker's clock."""

    place: APlace
    now: float = 1_000.0

    def __post_init__(self) -> None:
        self.keys = ListedKeys(
            self.place, "ES256", patience_seconds=PATIENCE_SECONDS, clock=lambda: self.now
        )
        self.tokens = TokenAuthenticator(self.keys)

    async def takes(self, *tokens: bytes) -> list[bool]:
        """Judge them as one batch. Raises KeysAway."""
        records = [
            Record("booking.commands", 0, n, 0, None, b"{}", (("authorization", bearer(token)),))
            for n, token in enumerate(tokens)
        ]
        await self.tokens.prepare(records)
        return [isinstance(self.tokens.authenticate(bearer(t), NOW), Guest) for t in tokens]

    async def reads(self, times: int) -> None:
        """Returns when the list was read so many times more."""
        until = self.place.readings + times
        async with asyncio.timeout(5):
            while self.place.readings < until:  # noqa: ASYNC110 - a counter sends no event
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.002)  # and what was read has been taken in


@asynccontextmanager
async def an_issuer(text: bytes | None = key_list(ONE), **settings: float) -> AsyncIterator[Issuer]:
    issuer = Issuer(APlace(text, **settings))
    async with beside(issuer.keys.keep_fresh()):
        await issuer.reads(1)
        yield issuer
