"""Connections to Kafka end in order: one that breaks, and one that its user is torn away from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection, CloseReason


def notice_broken_connections() -> None:
    """Make aiokafka 0.14 close a broken connection when somebody wants to send on it.

    By itself it does so a few turns of the event loop later. Until then asyncio takes what is
    written and drops it; uvloop raises RuntimeError, which aiokafka does not expect (its issue
    1038): whatever task was sending dies of it, and nobody starts it again. Without the one that
    keeps the metadata, a consumer waits for its coordinator for ever.

    And make it close the connection over which a client asks for the cluster when the client is
    stopped meanwhile: nobody else knows it, and in the end it is reported as unclosed.

    `create_conn` offers no seam but this name in its module. Idempotent.
    """
    conn.AIOKafkaConnection = _Connection


class _Connection(AIOKafkaConnection):  # type: ignore[misc]
    def send(self, request: Any, expect_response: bool = True) -> Any:
        if self._writer is not None and self._writer.is_closing():
            self.close(reason=CloseReason.CONNECTION_BROKEN)
        answer = super().send(request, expect_response)
        return self._heard_or_closed(answer) if self._is_first else answer

    @property
    def _is_first(self) -> bool:
        """A client keeps all others, and wants to know when they close."""
        return self._on_close_cb is None

    async def _heard_or_closed(self, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except asyncio.CancelledError:
            self.close()
            raise
