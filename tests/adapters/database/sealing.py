"""Keys that what is personal is sealed with in the databases of these tests."""

from __future__ import annotations

from typing import Final

from adapters.sealing.aes_gcm import AesGcmServiceKeys

KEYS: Final = AesGcmServiceKeys({"test": b"k" * 32})
