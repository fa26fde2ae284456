"""A connection breaks, or its user is stopped, while somebody waits on it: no bug, for anybody."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from aiokafka import conn
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import BrokerMetadata

from adapters.kafka import connections
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.rights_held import lacking_rights
from adapters.kafka.standstill import Standstill
from app.local_servers import KafkaServer
from tests.adapters.kafka.test_failed_transactions import nothing_is
from tests.adapters.kafka.workers import Echo, prepared, quick, working

NODE = 1
METADATA = 3
TURNS = 8  # of the event loop; aiokafka notices by itself within four


def test_a_request_on_a_connection_that_has_just_broken_fails_as_of_kafka(
    kafka: KafkaServer, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_at_first = connections._Connection.__base__
    monkeypatch.setattr(conn, "AIOKafkaConnection", as_at_first)

    async def heard_by_a_worker() -> list[BaseException | None]:
        cluster = await prepared(quick(kafka.bootstrap_servers, topic_prefix))
        async with working(cluster.settings, Echo(cluster.names.events)):
            return [await error_after(turns) for turns in range(TURNS)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        heard = runner.run(heard_by_a_worker())
    assert [error for error in heard if not isinstance(error, KafkaError)] == []


async def test_who_is_stopped_while_it_looks_for_the_cluster_leaves_no_connection_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Collected in the end, it would be reported as an error that nobody has. What a worker asks
    first is for its rights.
    """
    monkeypatch.setattr(conn, "AIOKafkaConnection", connections._Connection.__base__)
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told))
    async with a_broker_that(is_silent := asyncio.Event()) as port:
        asking = asyncio.create_task(lacking_rights(quick(f"127.0.0.1:{port}", "nobody"), ()))
        await is_silent.wait()
        asking.cancel()
        await asyncio.wait([asking])
        del asking
        await nothing_is(reported)


async def test_nor_does_a_directory(
    kafka: KafkaServer, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (await prepared(quick(kafka.bootstrap_servers, topic_prefix))).settings
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told))
    is_connected = asyncio.Event()

    async def hang(client: AIOKafkaClient) -> None:
        await client.ready(client.get_random_node())
        is_connected.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaClient, "force_metadata_update", hang)
    starting = asyncio.create_task(TopicDirectory(settings).start(Standstill("a test")))
    await is_connected.wait()
    starting.cancel()
    await asyncio.wait([starting])
    del starting
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await nothing_is(reported)


async def error_after(turns: int) -> BaseException | None:
    """What a request meets with so many turns after the connection was reset."""
    async with a_broker_that(is_silent=None) as port:
        client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{port}")
        client.cluster._brokers = {NODE: BrokerMetadata(NODE, "127.0.0.1", port, None)}
        await client.ready(NODE)
        writer = client._conns[NODE, 0]._writer
        first = asyncio.create_task(client.send(NODE, MetadataRequest([])))
        while not writer.is_closing():  # noqa: ASYNC110 - turn by turn
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        second = asyncio.create_task(client.send(NODE, MetadataRequest([])))
        await asyncio.wait([first, second])
        await client.close()
    assert first.exception() is not None
    return second.exception()


@asynccontextmanager
async def a_broker_that(is_silent: asyncio.Event | None) -> AsyncIterator[int]:
    """It says that it knows metadata requests. When one comes it breaks the connection, or it sets
    `is_silent` and is that.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader))[0] != METADATA:
            answer = struct.pack(">ihihhh", request[2], 0, 1, METADATA, 0, 5)
            writer.write(struct.pack(">i", len(answer)) + answer)
        if is_silent is not None:
            is_silent.set()
            await reader.read()
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def read_request(reader: asyncio.StreamReader) -> tuple[int, int, int]:
    """The number of the request's kind, its version, and what the answer has to begin with."""
    (length,) = struct.unpack(">i", await reader.readexactly(4))
    kind, version, correlation_id, *_ = struct.unpack_from(">hhi", await reader.readexactly(length))
    return kind, version, correlation_id
