"""From the settings to whoever is let in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from app.clients import authenticator
from app.settings import AuthSettings
from domain.principal import Admin, Guest, Principal
from domain.refusal import Refusal
from handlers.ports import Authenticator
from tests.adapters.tokens.a_key import a_key, key_list
from tests.adapters.tokens.a_key_server import a_key_server
from tests.adapters.tokens.a_token import NOW, SECRET, a_token, bearer

ONE, TWO = a_key("one"), a_key("two")


def settings(**changes: Any) -> AuthSettings:
    usual: dict[str, Any] = {
        "mode": "jwt",
        "algorithm": "ES256",
        "secret": None,
        "accepted_secrets": (),
        "jwks_file": None,
        "jwks_url": None,
        "jwks_max_age_seconds": 0.01,
        "jwks_patience_seconds": 300.0,
        "issuer": None,
        "audience": None,
    }
    return AuthSettings(**{**usual, **changes})


def judged(clients: Authenticator, token: bytes) -> type[Principal | Refusal]:
    return type(clients.authenticate(bearer(token), NOW))


async def becomes(clients: Authenticator, token: bytes, kind: type[Principal | Refusal]) -> None:
    """Returns when the token is judged so."""
    async with asyncio.timeout(10):
        while judged(clients, token) is not kind:  # noqa: ASYNC110 - lists are read beside
            await asyncio.sleep(0.01)


async def test_where_it_is_off_everybody_is_an_admin() -> None:
    async with authenticator(settings(mode="off")) as clients:
        await clients.prepare(())
        assert judged(clients, b"") is Admin


async def test_all_secrets_that_are_set_are_taken() -> None:
    secrets = settings(algorithm="HS256", secret="n" * 32, accepted_secrets=(SECRET,))
    async with authenticator(secrets) as clients:
        await clients.prepare(())
        assert judged(clients, a_token()) is Guest
        assert judged(clients, a_token(secret="n" * 32)) is Guest
        assert judged(clients, a_token(secret="x" * 32)) is Refusal


async def test_a_file_that_changes_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(key_list(ONE))
    async with authenticator(settings(jwks_file=path)) as clients:
        await clients.prepare(())
        assert judged(clients, ONE.token()) is Guest
        path.write_bytes(key_list(TWO))
        await becomes(clients, TWO.token(), Guest)
        assert judged(clients, ONE.token()) is Refusal
        path.unlink()
        await asyncio.sleep(0.05)
        assert judged(clients, TWO.token(jti="new")) is Guest


async def test_an_address_is_asked_and_issuer_and_audience_too() -> None:
    async with a_key_server(key_list(ONE)) as server:
        at = settings(jwks_url=server.url, issuer="accounts", audience="booking")
        async with authenticator(at) as clients:
            await clients.prepare(())
            assert judged(clients, ONE.token(iss="accounts", aud="booking")) is Guest
            assert judged(clients, ONE.token(iss="accounts", aud="other")) is Refusal
            assert judged(clients, ONE.token(iss="other", aud="booking")) is Refusal
