"""Which key a token must be signed with; the key brings its algorithm, the token has no say in it.

A further algorithm is one more class here that gives keys: nothing else knows about algorithms.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Protocol

from jwt import PyJWK


class KeySource(Protocol):
    """Keys that are bound to one algorithm each when they are made."""

    def key(self, key_id: str | None) -> PyJWK | None:
        """The key that a token with this `kid` must be signed with; None when there is none."""
        ...


class SharedSecret:
    """HS256: one secret that the issuer of the tokens and this service share."""

    def __init__(self, secret: str) -> None:
        encoded = urlsafe_b64encode(secret.encode()).decode()
        self._key = PyJWK.from_dict({"kty": "oct", "alg": "HS256", "k": encoded})

    def key(self, key_id: str | None) -> PyJWK | None:
        """Always the secret: issuers with one secret put in `kid` whatever they like."""
        return self._key
