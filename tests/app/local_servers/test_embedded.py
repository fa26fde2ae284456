"""The embedded servers keep their data through kill and restart, and die with their parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app.local_servers import KafkaServer, PostgresServer
from app.local_servers.embedded_postgres import postgres as embedded_postgres
from app.local_servers.loopback import answers, wait_until
from tests.app.local_servers.test_choice import silent

A_PARENT = """
import sys, time
from app.local_servers.embedded_postgres import postgres
with postgres(lambda line: None) as (url, server):
    print(url.rpartition(":")[2].partition("/")[0], server.directory, flush=True)
    time.sleep(600)
"""


async def topics_of(kafka: KafkaServer) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()


async def create_topic(kafka: KafkaServer, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def test_kafka_keeps_its_topics_and_its_port_through_a_kill(own_kafka: KafkaServer) -> None:
    await create_topic(own_kafka, "kept")
    await asyncio.to_thread(own_kafka.kill)
    host, port = own_kafka.bootstrap_servers.split(":")
    assert not answers(host, int(port))
    await asyncio.to_thread(own_kafka.start)
    assert "kept" in await topics_of(own_kafka)


async def test_postgres_keeps_what_was_committed_through_a_kill(
    own_postgres: PostgresServer,
) -> None:
    dsn = (await own_postgres.create_database("kept")).replace("+asyncpg", "")
    connection = await asyncpg.connect(dsn)
    await connection.execute("create table t as select 42 as answer")
    await asyncio.to_thread(own_postgres.kill)
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await connection.fetchval("select 1")
    connection.terminate()
    await asyncio.to_thread(own_postgres.start)
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select answer from t") == 42
    await connection.close()


async def test_postgres_asks_everybody_for_the_password(own_postgres: PostgresServer) -> None:
    place = own_postgres.url.rpartition("@")[2]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://postgres:guess@{place}")


def test_a_server_dies_and_its_directory_goes_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", A_PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    port, directory = parent.stdout.readline().split()
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) > 2, "a guard, the server and its children"
    assert answers("127.0.0.1", int(port))

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    def all_gone() -> bool:
        return not any(map(_runs, family)) and not Path(directory).exists()

    assert wait_until(all_gone, alive=lambda: True, within_seconds=10)


def test_nothing_is_left_after_the_block() -> None:
    with embedded_postgres(silent) as (_url, process):
        directory = process.directory
        family = psutil.Process().children(recursive=True)
        assert family
    assert not directory.exists()
    assert wait_until(
        lambda: not any(_runs(p) and str(directory) in " ".join(p.cmdline()) for p in family),
        alive=lambda: True,
        within_seconds=5,
    )


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
