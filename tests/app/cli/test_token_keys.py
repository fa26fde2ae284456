"""`booking token` with private keys: tokens that a worker takes which trusts the list it prints."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from adapters.tokens.authenticator import TokenAuthenticator
from adapters.tokens.key_set import KeySet
from adapters.tokens.keys import Algorithm
from adapters.tokens.listed_keys import ListedKeys
from app.beside import beside
from domain.principal import Guest, Principal
from domain.refusal import Refusal
from tests.adapters.tokens.a_key import LISTED, a_key
from tests.adapters.tokens.a_place import APlace
from tests.app.cli.conftest import Booking


def taken(token: str, text: bytes, algorithm: Algorithm) -> Principal | Refusal:
    return asyncio.run(_taken(token, text, algorithm))


async def _taken(token: str, text: bytes, algorithm: Algorithm) -> Principal | Refusal:
    keys = ListedKeys(APlace(text), algorithm, patience_seconds=0)
    async with beside(keys.keep_fresh()):
        tokens = TokenAuthenticator(keys, issuer="accounts", audience="booking")
        await tokens.prepare(())
        return tokens.authenticate(f"Bearer {token}".encode(), datetime.now(UTC))


def a_key_file(directory: Path, name: str, algorithm: Algorithm) -> str:
    path = directory / f"{name}.pem"
    path.write_bytes(a_key(name, algorithm).pem())
    return str(path)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Settings that trust a list in a file."""
    path = tmp_path / "keys.json"
    monkeypatch.setenv("BOOKING_AUTH__JWKS_FILE", str(path))
    monkeypatch.setenv("BOOKING_AUTH__ISSUER", "accounts")
    monkeypatch.setenv("BOOKING_AUTH__AUDIENCE", "booking")
    return path


@pytest.mark.parametrize("algorithm", LISTED)
def test_the_first_key_signs_and_all_are_listed(
    booking: Booking,
    trusting: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    algorithm: Algorithm,
) -> None:
    new, old = (a_key_file(tmp_path, name, algorithm) for name in ("new", "old"))
    listed = booking("token", "--jwks", "--key-file", new, "--key-file", old).out
    assert len(KeySet.parse(listed.encode(), algorithm).by_id) == 2
    trusting.write_text(listed)
    monkeypatch.setenv("BOOKING_AUTH__ALGORITHM", algorithm)
    guest = uuid4()
    for key in (new, old):
        ran = booking("token", "--sub", str(guest), "--key-file", key)
        assert taken(ran.out.strip(), listed.encode(), algorithm) == Guest(guest)


def test_a_list_shows_public_halves_alone(booking: Booking, tmp_path: Path) -> None:
    for algorithm in LISTED:
        key_file = a_key_file(tmp_path, "k", algorithm)
        (entry,) = booking("token", "--jwks", "--key-file", key_file).json["keys"]
        assert entry["alg"] == algorithm
        assert {"d", "p", "q", "dp", "dq", "qi", "k"}.isdisjoint(entry)


def test_a_key_of_another_algorithm_is_refused(
    booking: Booking, trusting: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trusting.write_text(json.dumps({"keys": [a_key("one", "ES256").public()]}))
    monkeypatch.setenv("BOOKING_AUTH__ALGORITHM", "ES256")
    for arguments in ([], ["--key-file", a_key_file(tmp_path, "rsa", "RS256")]):
        ran = booking("token", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert "expected a private key for ES256" in ran.err


def test_a_key_beside_a_secret_is_refused(
    booking: Booking, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BOOKING_AUTH__SECRET", "s" * 32)
    ran = booking("token", "--key-file", a_key_file(tmp_path, "one", "ES256"))
    assert (ran.code, ran.out) == (2, "")


def test_what_is_no_private_key_is_refused(booking: Booking, tmp_path: Path) -> None:
    one = a_key("one", "ES256").private
    locked = BestAvailableEncryption(b"password")
    texts = [
        b"no key",
        one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        one.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked),
        a_key("short", "RS256", 1024).pem(),
        generate_private_key(SECP384R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
    ]
    path = tmp_path / "key.pem"
    for text in texts:
        path.write_bytes(text)
        ran = booking("token", "--jwks", "--key-file", str(path))
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("booking: --key-file is wrong: ")
    assert booking("token", "--jwks", "--key-file", str(tmp_path / "none")).code == 2
    assert booking("token", "--jwks").code == 2
