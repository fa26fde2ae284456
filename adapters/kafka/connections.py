"""Whoever sends on a connection to Kafka that has just broken hears of it as of any outage."""

from __future__ import annotations

from typing import Any

from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection, CloseReason


def notice_broken_connections() -> None:
    """Make aiokafka 0.14 close a broken connection when somebody wants to send on it.

    By itself it does so a few turns of the event loop later. Until then asyncio takes what is
    written and drops it; uvloop raises RuntimeError, which aiokafka does not expect (its issue
    1038): whatever task was sending dies of it, and nobody starts it again. Without the one that
    keeps the metadata, a consumer waits for its coordinator for ever. `create_conn` offers no seam
    but this name in its module. Idempotent.
    """
    conn.AIOKafkaConnection = _Connection


class _Connection(AIOKafkaConnection):  # type: ignore[misc]
    def send(self, request: Any, expect_response: bool = True) -> Any:
        if self._writer is not None and self._writer.is_closing():
            self.close(reason=CloseReason.CONNECTION_BROKEN)
        return super().send(request, expect_response)
