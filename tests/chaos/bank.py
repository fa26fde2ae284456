"""The bank behind the stand-in payment service: what it is still processing, it decides in time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Final

from app.demo.partners.desk import Desk

_DECIDES_EVERY_SECONDS: Final = 1.0
_SHARE: Final = 0.3


@dataclass(slots=True)
class Bank:
    """Says of each payment in its hands whether it succeeded."""

    payment: Desk
    random: Random

    async def run(self) -> None:
        """Decide some of them once a second, until cancelled."""
        while True:
            self._decide()
            await asyncio.sleep(_DECIDES_EVERY_SECONDS)

    def _decide(self) -> None:
        for intent in self.payment.service.state()["intents"]:
            if intent["status"] == "processing" and self.random.random() < _SHARE:
                status = self.random.choice(["succeeded", "failed"])
                path = f"/_intents/{intent['payment_intent_id']}"
                self.payment.service.configure(path, {"status": status})
