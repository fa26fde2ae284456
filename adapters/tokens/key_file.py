"""A JWK set in a file, which others may exchange at any time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from adapters.tokens.key_set import MAX_SET_BYTES
from adapters.tokens.listed_keys import CannotRead


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Read whole each time: it is small, and a time stamp may hide a change."""

    path: Path
    look_every_seconds: float

    async def read(self) -> bytes:
        return await asyncio.to_thread(self.read_now)

    def read_now(self) -> bytes:
        """The same, blocking: for the check at start. Raises CannotRead."""
        try:
            with self.path.open("rb") as file:
                text = file.read(MAX_SET_BYTES + 1)
        except OSError as error:
            raise CannotRead(f"the file cannot be read: {error.strerror}") from None
        if len(text) > MAX_SET_BYTES:
            raise CannotRead(f"the file has more than {MAX_SET_BYTES} bytes")
        return text
