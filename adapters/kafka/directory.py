"""What topics the cluster has, answered from metadata that is kept fresh in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from adapters.kafka.admission import trouble_with
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.standstill import Standstill

REFRESHED_EVERY_SECONDS = 10.0
# However many unknown names strangers put into `reply_to`, they cost one question in this time.
ASKED_AGAIN_AFTER_SECONDS = 1.0
RETRY_SECONDS = 1.0
# Of a broker that is silent, and not gone, a request would say so much later.
ANSWERS_WITHIN_SECONDS = 3.0
_SILENT = "no broker answers"


class TopicDirectory:
    """Implements the port `Topics`. One client of its own, which never causes a topic to be made.

    It asks for the metadata of all topics: a question about a topic by name makes a broker with
    auto.create.topics.enable create it.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: AIOKafkaClient | None = None
        self._watch: asyncio.Task[None] | None = None
        self._asked_at = 0.0

    async def start(self, standstill: Standstill) -> None:
        """Connect, however long it takes until a broker answers; from then on `standstill` is told
        when none answers, also while there is nothing to do.
        """
        while True:
            client = AIOKafkaClient(**self._settings.connection())
            try:
                await client.bootstrap()
                # Bootstrapping asks for brokers alone.
                known = await client.force_metadata_update()
            except KafkaError as error:
                known, reason = False, repr(error)
            except BaseException:  # stopped meanwhile
                await client.close()
                raise
            else:
                reason = _SILENT
            if known:
                self._client = client
                self._watch = asyncio.create_task(self._keep_fresh(client, standstill))
                standstill.over()
                return
            await client.close()
            standstill.waits_for("Kafka", str(await trouble_with(self._settings) or reason))
            await asyncio.sleep(RETRY_SECONDS)

    async def stop(self) -> None:
        """What is known stays: when the worker stops, its sweeper may be asking still."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self._client is not None:
            await self._client.close()

    def partitions_of(self, topic: str) -> int | None:
        """How many partitions `topic` has; None when there is no such topic."""
        partitions = self._started.cluster.partitions_for_topic(topic)
        return len(partitions) if partitions else None

    async def learn(self, topics: Collection[str]) -> None:
        """Ask the cluster again, at most once a second, if one of `topics` is not known yet."""
        if all(self.partitions_of(topic) is not None for topic in topics):
            return
        now = asyncio.get_running_loop().time()
        if now - self._asked_at < ASKED_AGAIN_AFTER_SECONDS:
            return
        self._asked_at = now
        await self._started.force_metadata_update()

    async def _keep_fresh(self, client: AIOKafkaClient, standstill: Standstill) -> None:
        while True:
            await asyncio.sleep(REFRESHED_EVERY_SECONDS)
            if await _answers(client):
                standstill.over()
            else:
                reason = await trouble_with(self._settings) or _SILENT
                standstill.waits_for("Kafka", str(reason))

    def missing(self, topics: Iterable[str]) -> str | None:
        """The first of `topics` that the cluster has no longer, by the metadata read last."""
        if self._client is None:
            return None
        return next((topic for topic in topics if self.partitions_of(topic) is None), None)

    @property
    def _started(self) -> AIOKafkaClient:
        if self._client is None:
            raise RuntimeError("the topic directory was asked before it was started")
        return self._client


async def _answers(client: AIOKafkaClient) -> bool:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):  # it goes on asking all the same
            return bool(await client.force_metadata_update())
    except TimeoutError:
        return False
