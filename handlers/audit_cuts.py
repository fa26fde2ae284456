"""Where a chain was cut on purpose: the first entry that is kept, signed under the chains' key.

Who has only the database can remove entries and cannot sign for it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

import orjson

from handlers.audit_chain import Anchor, ChainKeys

FORMAT: Final = "booking audit cut 1"
"""What is signed begins with it, so that no entry's hash can be taken for a cut's."""


@dataclass(frozen=True, slots=True)
class Cut:
    """`at` is the first entry of its chain that is kept; those before it may be gone."""

    at: Anchor
    key_id: str
    mac: str

    def is_signed(self, keys: ChainKeys) -> bool:
        """Whether somebody cut here who had one of these keys."""
        key = keys.keys.get(self.key_id)
        if key is None:
            return False
        return hmac.compare_digest(_mac(key, self.at).encode(), self.mac.encode())


def signed(at: Anchor, keys: ChainKeys) -> Cut:
    """Under the current key."""
    key_id, key = keys.current
    return Cut(at, key_id, _mac(key, at))


def _mac(key: bytes, at: Anchor) -> str:
    return hmac.digest(key, orjson.dumps((FORMAT, at.chain, at.sequence, at.hash)), "sha256").hex()
