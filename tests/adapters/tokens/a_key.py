"""Key pairs, and lists of their public halves; making one takes long, so each is made once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import get_default_algorithms

from adapters.tokens.keys import Algorithm
from tests.adapters.tokens.a_token import claims

LISTED: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An issuer's key under its `kid`."""

    kid: str
    algorithm: Algorithm
    private: Any

    def public(self, **changes: Any) -> dict[str, Any]:
        """As an issuer lists it; a change to None leaves the member out."""
        half = get_default_algorithms()[self.algorithm].to_jwk(
            self.private.public_key(), as_dict=True
        )
        entry = {**half, "kid": self.kid, "alg": self.algorithm, "use": "sig"} | changes
        return {name: value for name, value in entry.items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, **changes: Any) -> bytes:
        """Signed with it; changes are those of claims, and a header of None leaves it out."""
        said = {"kid": self.kid, **(header or {})}
        said = {name: value for name, value in said.items() if value is not None or name == "typ"}
        return jwt.encode(claims(**changes), self.private, self.algorithm, said).encode()

    def pem(self) -> bytes:
        pem: bytes = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem


@cache
def a_key(kid: str = "one", algorithm: Algorithm = "ES256", bits: int = 2048) -> KeyPair:
    """The same pair whenever the same is asked for."""
    if algorithm == "RS256":
        return KeyPair(kid, algorithm, rsa_private_key(65537, bits))
    if algorithm == "EdDSA":
        return KeyPair(kid, algorithm, Ed25519PrivateKey.generate())
    return KeyPair(kid, algorithm, generate_private_key(SECP256R1()))


def key_list(*entries: KeyPair | dict[str, Any]) -> bytes:
    """A JWK set."""
    keys = [entry.public() if isinstance(entry, KeyPair) else entry for entry in entries]
    return json.dumps({"keys": keys}).encode()
