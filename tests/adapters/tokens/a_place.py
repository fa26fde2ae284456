"""A list of keys that a test exchanges, takes away and counts the readings of."""

from __future__ import annotations

import asyncio

from adapters.tokens.listed_keys import CannotRead


class APlace:
    """Implements KeyPlace; `text` None: it cannot be read."""

    def __init__(self, text: bytes | None, look_every_seconds: float = 3_600.0) -> None:
        self.text = text
        self.look_every_seconds = look_every_seconds
        self.readings = 0
        self.answers = asyncio.Event()  # cleared: whoever reads hangs
        self.answers.set()

    async def read(self) -> bytes:
        self.readings += 1
        await self.answers.wait()
        if self.text is None:
            raise CannotRead("it was told to be away")
        return self.text
