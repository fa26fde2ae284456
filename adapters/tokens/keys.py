"""Which keys a token may be signed with; a key brings its algorithm, the token has no say in it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from typing import Final, Literal, Protocol

from jwt import PyJWK

Algorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]


class KeySource(Protocol):
    """Keys that are bound to one algorithm, the same for all, when they are made."""

    @property
    def algorithm(self) -> Algorithm:
        """The one that tokens must be signed with."""
        ...

    @property
    def is_fixed(self) -> bool:
        """Whether no key ever comes or goes."""
        ...

    @property
    def edition(self) -> int:
        """Rises with every change: what an earlier edition verified has to be verified again."""
        ...

    def candidates(self, key_id: str | None) -> Sequence[PyJWK]:
        """The keys that a token with this `kid` may be signed with."""
        ...

    def lacks(self, key_id: str) -> bool:
        """Whether looking again may bring a key of this name."""
        ...

    async def look_for(self, key_ids: Collection[str]) -> None:
        """Have these at hand, as far as they exist. Raises KeysAway when that cannot be known."""
        ...


class SharedSecret:
    """HS256: a secret that the issuer of the tokens and this service share.

    While it is exchanged there are several; tokens under any of them are taken.
    """

    algorithm: Final = "HS256"
    is_fixed: Final = True
    edition: Final = 0

    def __init__(self, secret: str, *accepted: str) -> None:
        self._keys = tuple(map(_secret_key, (secret, *accepted)))

    def candidates(self, key_id: str | None) -> Sequence[PyJWK]:
        """All of them: issuers with a shared secret put in `kid` whatever they like."""
        return self._keys

    def lacks(self, key_id: str) -> bool:
        """Never: what is set does not change."""
        return False

    async def look_for(self, key_ids: Collection[str]) -> None:
        """Nothing to do."""


def _secret_key(secret: str) -> PyJWK:
    encoded = urlsafe_b64encode(secret.encode()).decode()
    return PyJWK.from_dict({"kty": "oct", "k": encoded}, algorithm="HS256")
