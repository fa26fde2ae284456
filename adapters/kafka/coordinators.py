"""Which broker looks after a group or after a transactional id."""

from __future__ import annotations

import asyncio
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

_ASKED_AGAIN_EVERY_SECONDS: Final = 0.2
_GROUP: Final = 0


async def coordinator_of(
    admin: AIOKafkaAdminClient, name: str, kind: int = _GROUP, *, within_seconds: float = 20.0
) -> int:
    """The broker's id; waits for one: a cluster that never had a group makes a topic for them
    first. Raises KafkaError, TimeoutError.
    """
    async with asyncio.timeout(within_seconds):
        while True:
            try:
                node: int = await admin.find_coordinator(name, kind)
            except GroupCoordinatorNotAvailableError:
                await asyncio.sleep(_ASKED_AGAIN_EVERY_SECONDS)
            else:
                return node
