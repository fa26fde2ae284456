"""Records from Kafka, or an honest wait: FastStream would log a traceback every five seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, UnsupportedCodecError

from adapters.kafka.rights_held import in_words
from adapters.kafka.standstill import Standstill

# Between two errors of the same kind a fetch may bring nothing; silence this long means it is over.
_OVER_AFTER_SECONDS: Final = 3.0

GetMessages = Callable[[AIOKafkaConsumer], Awaitable[Sequence[Any]]]


class Fetching:
    """Takes the place of a subscriber's `get_msg`."""

    def __init__(self, who: str, get_messages: GetMessages, give_up: Callable[[str], None]) -> None:
        self._get_messages = get_messages
        self._give_up = give_up
        self._standstill = Standstill(who)
        self._failed_at = 0.0

    @property
    def awaited(self) -> str | None:
        """What keeps records from coming; None while they may come."""
        return self._standstill.awaited

    async def get_msg(self, consumer: AIOKafkaConsumer) -> Sequence[Any]:
        """The next records; none after a failure, once it was time to try again.

        aiokafka keeps one error for each partition. They are taken one after another before the
        rest, or the worker would wait as often as it has partitions for what is long repaired.
        """
        failure: KafkaError | None = None
        for _ in range(max(1, len(consumer.assignment()))):
            try:
                found = await self._get_messages(consumer)
            except UnsupportedCodecError:
                raise
            except KafkaError as error:
                failure = error
            else:
                self._note_success()
                return found
        self._failed_at = _now()
        if isinstance(failure, GroupAuthorizationFailedError):
            # aiokafka's heart does not beat again, whatever is repaired; another process starts.
            self._give_up(in_words(failure))
        await asyncio.sleep(self._standstill.waits_for("Kafka", in_words(failure or KafkaError())))
        return ()

    def _note_success(self) -> None:
        if self._standstill.awaited and _now() - self._failed_at > _OVER_AFTER_SECONDS:
            self._standstill.over()


def _now() -> float:
    return asyncio.get_running_loop().time()
