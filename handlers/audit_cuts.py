"""Where a chain was cut on purpose: the first entry that is kept, signed under the chains' key.

Who has only the database can remove entries and cannot sign for it.
"""

from __future__ import annotations

import hmac
from typing import Final

import orjson

from handlers.audit_chain import Anchor, ChainKeys
from handlers.ports import Cut, Head

FORMAT: Final = "booking audit cut 1"
"""What is signed begins with it, so that no entry's hash can be taken for a cut's."""


def signed(chain: str, at: Head, keys: ChainKeys) -> Cut:
    """Under the current key."""
    key_id, key = keys.current
    return Cut(chain, at, key_id, _mac(key, chain, at))


def is_signed(cut: Cut, keys: ChainKeys) -> bool:
    """Whether somebody cut here who had one of these keys."""
    key = keys.keys.get(cut.key_id)
    if key is None:
        return False
    return hmac.compare_digest(_mac(key, cut.chain, cut.at).encode(), cut.mac.encode())


def anchor_of(cut: Cut) -> Anchor:
    """The first entry that is kept."""
    return Anchor(cut.chain, cut.at.sequence, cut.at.hash)


def _mac(key: bytes, chain: str, at: Head) -> str:
    return hmac.digest(key, orjson.dumps((FORMAT, chain, at.sequence, at.hash)), "sha256").hex()
