"""How clients are told apart, from the settings: the keys of their tokens, kept fresh."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from adapters.tokens.authenticator import AuthOff, TokenAuthenticator
from adapters.tokens.key_file import KeyFile
from adapters.tokens.key_url import KeyUrl
from adapters.tokens.keys import KeySource, SharedSecret
from adapters.tokens.listed_keys import KeyPlace, ListedKeys
from app.beside import beside
from app.settings import AuthSettings
from handlers.ports import Authenticator

FILE_LOOKED_AT_EVERY_SECONDS: Final = 10.0


@asynccontextmanager
async def authenticator(auth: AuthSettings) -> AsyncIterator[Authenticator]:
    """Who clients are, by their tokens; or everybody an admin, where that is switched off.

    A list of keys may not have been read yet: `prepare` waits for it, or raises KeysAway.
    """
    if auth.mode == "off":
        yield AuthOff()
        return
    async with AsyncExitStack() as held:
        keys = await held.enter_async_context(_keys(auth))
        yield TokenAuthenticator(keys, issuer=auth.issuer, audience=auth.audience)


@asynccontextmanager
async def _keys(auth: AuthSettings) -> AsyncIterator[KeySource]:
    if auth.secret is not None:
        yield SharedSecret(auth.secret, *auth.accepted_secrets)
        return
    async with AsyncExitStack() as held:
        place: KeyPlace
        if auth.jwks_file is not None:
            every = min(auth.jwks_max_age_seconds, FILE_LOOKED_AT_EVERY_SECONDS)
            place = KeyFile(auth.jwks_file, every)
        elif auth.jwks_url is not None:
            place = await held.enter_async_context(KeyUrl(auth.jwks_url, auth.jwks_max_age_seconds))
        else:
            raise ValueError("expected a secret or a list of keys for tokens, got neither")
        keys = ListedKeys(place, auth.algorithm, patience_seconds=auth.jwks_patience_seconds)
        await held.enter_async_context(beside(keys.keep_fresh()))
        yield keys
