"""An issuer that exchanges its keys, and goes away, while a worker runs."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Final
from uuid import uuid4

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.local_servers import KafkaServer, PostgresServer
from tests.adapters.tokens.a_key import KeyPair, a_key, key_list
from tests.adapters.tokens.a_key_server import KeyServer, a_key_server
from tests.service.builders import a_create
from tests.service.callers import Caller, a_guest
from tests.service.client import Reply, Sent
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.test_starting import run
from tests.service.waiting import until
from tests.service.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

OLD, NEW, NEXT, STRANGER = (a_key(name) for name in ("old", "new", "next", "stranger"))
FRESH: Final = {"BOOKING_AUTH__JWKS_MAX_AGE_SECONDS": "0.2"}


@pytest_asyncio.fixture(loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """Everything but a worker; every invariant is demanded in the end."""
    async with a_house(kafka, postgres, workers=0) as running:
        yield running
        await check(running)


def a_worker(house: House, url: str, settings: dict[str, str] | None = None) -> WorkerProcess:
    """Trusts the list at the address, and asks for an issuer and an audience."""
    trust = {
        "BOOKING_AUTH__ALGORITHM": "ES256",
        "BOOKING_AUTH__JWKS_URL": url,
        "BOOKING_AUTH__ISSUER": "accounts",
        "BOOKING_AUTH__AUDIENCE": "booking",
    }
    worker = house.new_worker({**trust, **(settings or {})})
    worker.start()
    return worker


def a_guest_under(key: KeyPair, kid: str | None = None) -> Caller:
    sub, now = str(uuid4()), int(time.time())
    header = {"kid": kid} if kid else None
    token = key.token(header, sub=sub, iat=now, exp=now + 600, iss="accounts", aud="booking")
    return Caller(sub, token.decode())


def confused(key: KeyPair) -> Caller:
    """Signed with the public key as if that were a secret."""
    header, payload, _ = (a_guest_under(key).token or "").split(".")
    header = base64.urlsafe_b64encode(
        json.dumps({"alg": "HS256", "kid": key.kid}).encode()
    ).decode()
    signed = f"{header.rstrip('=')}.{payload}".encode()
    public = key.private.public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    end = base64.urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
    return Caller("nobody", (signed + b"." + end).decode())


async def create(house: House, caller: Caller) -> Reply:
    return await house.client.command(caller, "create_booking", a_create())


async def listed(house: House, guest: Caller) -> Reply:
    return await house.client.query(guest, "list_guest_bookings", {"guest_id": guest.sub})


async def test_keys_are_exchanged_while_a_worker_runs(house: House) -> None:
    async with a_key_server(key_list(OLD)) as issuer:
        a_worker(house, issuer.url)
        before = a_guest_under(OLD)
        assert (await create(house, before)).status == 201
        for forged in (a_guest(), confused(OLD), a_guest_under(STRANGER, "old")):
            reply = await create(house, forged)
            assert (reply.status, reply.code) == (401, "unauthenticated")
        assert len(issuer.requests) == 1

        issuer.body = key_list(NEW, OLD)
        after = a_guest_under(NEW)
        assert (await create(house, after)).status == 201
        assert (await listed(house, after)).status == 200
        assert (await create(house, a_guest_under(OLD))).status == 201, "it is still listed"
        assert len(issuer.requests) == 2

        replies = await asyncio.gather(
            *(create(house, a_guest_under(STRANGER, f"invented-{n}")) for n in range(20)),
            create(house, a_guest_under(NEW)),
        )
        assert [reply.status for reply in replies] == [401] * 20 + [201]
        assert len(issuer.requests) == 2, "once a minute, whoever asks"


async def test_a_key_that_is_listed_no_more_is_refused(house: House) -> None:
    async with a_key_server(key_list(NEW, OLD)) as issuer:
        a_worker(house, issuer.url, FRESH)
        leaving = a_guest_under(OLD)
        assert (await create(house, leaving)).status == 201
        issuer.body = key_list(NEW)
        await asked_anew(issuer)
        assert (await create(house, leaving)).status == 401
        assert (await listed(house, leaving)).status == 401
        assert (await create(house, a_guest_under(NEW))).status == 201


async def test_while_the_issuer_is_away_known_keys_hold_and_new_ones_wait(house: House) -> None:
    async with a_key_server(key_list(OLD)) as issuer:
        worker = a_worker(house, issuer.url, FRESH)
        assert (await create(house, a_guest_under(OLD))).status == 201
        port = int(issuer.url.split(":")[2].split("/")[0])
    await says(worker, "keys of tokens cannot be read")
    assert (await create(house, a_guest_under(OLD))).status == 201

    sent = await send_create(house, a_guest_under(NEXT))
    await says(worker, "waiting", awaited="the keys of tokens")
    async with a_key_server(key_list(NEXT, OLD), port):
        assert (await house.client.reply_to_sent(sent)).status == 201
        await says(worker, "going on", awaited="the keys of tokens")
    assert not [line for line in worker.lines() if line["event"] == "batch failed"]


async def test_patience_ends_and_only_unknown_keys_are_refused_then(house: House) -> None:
    async with a_key_server(key_list(OLD)) as issuer:
        patience = {"BOOKING_AUTH__JWKS_PATIENCE_SECONDS": "1"}
        worker = a_worker(house, issuer.url, {**FRESH, **patience})
        assert (await create(house, a_guest_under(OLD))).status == 201
        issuer.status = 503
        await says(worker, "keys of tokens cannot be read")
        assert (await create(house, a_guest_under(NEXT))).status == 401
        assert (await create(house, a_guest_under(OLD))).status == 201


async def test_a_worker_that_starts_while_the_issuer_is_away_waits_for_it(house: House) -> None:
    async with a_key_server(b"") as issuer:
        issuer.status = 500
        worker = a_worker(house, issuer.url)
        sent = await send_create(house, a_guest_under(OLD))
        await says(worker, "waiting", awaited="the keys of tokens")
        issuer.status, issuer.body = 200, key_list(OLD)
        assert (await house.client.reply_to_sent(sent)).status == 201


async def test_settings_that_cannot_work_are_told_at_once(house: House) -> None:
    file = house.logs / "keys.json"
    file.write_bytes(key_list({"kty": "oct", "k": "c2VjcmV0", "kid": "one"}))
    for settings, named in (
        ({"BOOKING_AUTH__ALGORITHM": "RS256"}, "JWKS_FILE or JWKS_URL is missing"),
        (
            {"BOOKING_AUTH__ALGORITHM": "RS256", "BOOKING_AUTH__JWKS_FILE": "/no/such/file"},
            "JWKS_FILE is wrong",
        ),
        (
            {"BOOKING_AUTH__ALGORITHM": "ES256", "BOOKING_AUTH__JWKS_FILE": str(file)},
            "JWKS_FILE is wrong",
        ),
        ({"BOOKING_AUTH__JWKS_URL": "https://accounts/keys"}, "JWKS_URL is wrong"),
    ):
        ended = await run(house, settings)
        assert ended.code == 2
        assert f"BOOKING_AUTH__{named}: expected " in ended.said


async def send_create(house: House, caller: Caller) -> Sent:
    return await house.client.send_command(caller, "create_booking", a_create())


async def asked_anew(issuer: KeyServer) -> None:
    """Returns when what it lists now has been read, and taken in."""
    enough = len(issuer.requests) + 2

    async def asked() -> bool:
        return len(issuer.requests) >= enough

    await until(asked)


async def says(worker: WorkerProcess, event: str, **fields: str) -> None:
    """Returns when the worker has logged it."""

    async def said() -> bool:
        return any(
            line["event"] == event and all(line.get(name) == fields[name] for name in fields)
            for line in worker.lines()
        )

    await until(said)
