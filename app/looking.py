"""Looks after the database for a worker that has nothing to do and would not notice it gone."""

from __future__ import annotations

import asyncio
from typing import Final

from adapters.kafka.standstill import Standstill
from handlers.ports import DatabaseAway, Schema

LOOKS_EVERY_SECONDS: Final = 2.0
ANSWERS_WITHIN_SECONDS: Final = 3.0
_DATABASE: Final = "the database"


class Looking:
    """Asks for the schema's revision, for ever; `awaited` is what was found wrong last."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._standstill = Standstill("readiness")

    @property
    def awaited(self) -> str | None:
        """What keeps the worker from its work; None while the database is as it has to be."""
        return self._standstill.awaited

    async def run(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(LOOKS_EVERY_SECONDS)

    async def _look(self) -> None:
        # Not cut off when it takes long: a driver that is cancelled over a silent wire waits for
        # its server once more. It ends by the engine's own limits.
        asked = asyncio.ensure_future(self._schema.pending())
        try:
            answered, _ = await asyncio.wait([asked], timeout=ANSWERS_WITHIN_SECONDS)
            if not answered:
                silent = f"no answer within {ANSWERS_WITHIN_SECONDS:g} s"
                self._standstill.waits_for(_DATABASE, silent)
            pending = await asked
        except DatabaseAway as error:
            self._standstill.waits_for(_DATABASE, repr(error))
        else:
            if pending:
                self._standstill.waits_for("`booking migrate`", f"lacks {', '.join(pending)}")
            else:
                self._standstill.over()
        finally:
            asked.cancel()
