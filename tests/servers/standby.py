"""A streaming standby of an embedded PostgreSQL, made by its own pg_basebackup."""

from __future__ import annotations

import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from app.local_servers import PostgresServer
from app.local_servers.embedded_postgres import postgres as embedded_postgres
from app.local_servers.guarded_process import GuardedProcess, run_to_end
from app.local_servers.loopback import HOST, free_port
from app.local_servers.readiness import postgres_serves


@dataclass(frozen=True, slots=True)
class Pair:
    """Both serve; the standby may be killed and started again."""

    primary: PostgresServer
    standby: PostgresServer

    def on_standby(self, url: str) -> str:
        """The URL of the same database there."""
        return url.replace(_place(self.primary.url), _place(self.standby.url))

    @asynccontextmanager
    async def held_back(self) -> AsyncIterator[None]:
        """While the block lasts the standby hears what happens and does nothing of it."""
        await _executed(self.standby.url, "select pg_wal_replay_pause()")
        try:
            yield
        finally:
            await self.let_go()

    async def let_go(self) -> None:
        """Let it do what it has heard."""
        await _executed(self.standby.url, "select pg_wal_replay_resume()")

    async def caught_up(self) -> bool:
        """Whether the standby has all that the primary has now."""
        reached = await _executed(self.primary.url, "select pg_current_wal_lsn()::text")
        sql = f"select pg_last_wal_replay_lsn() >= '{reached}'::pg_lsn"
        return bool(await _executed(self.standby.url, sql))


@contextmanager
def pair_running() -> Iterator[Pair]:
    """A primary of its own and its standby."""
    with embedded_postgres(_silent) as (url, primary):
        standby = _standby(primary, url)
        standby.start()
        place = f"{HOST}:{standby.command[-1].rpartition('=')[2]}"
        there = url.replace(_place(url), place)
        try:
            yield Pair(PostgresServer(primary, url), PostgresServer(standby, there))
        finally:
            standby.kill()


def _standby(primary: GuardedProcess, url: str) -> GuardedProcess:
    program, _, cluster, *options = primary.command
    copy = Path(cluster).with_name("standby")
    copy.mkdir(mode=0o700)
    if primary.user:
        shutil.chown(copy, primary.user)
    command = [str(Path(program).with_name("pg_basebackup")), "-D", str(copy), "-R", "-cfast"]
    command += ["-Xstream", "--no-sync", "-d", url.replace("postgresql+asyncpg", "postgresql")]
    run_to_end("pg_basebackup", command, primary.directory, primary.user)
    port = free_port()
    settings = [each for each in options if not each.startswith("-cport=")]
    # Its own log: the guard removes the directory with the primary's end.
    directory = primary.directory / "of_the_standby"
    directory.mkdir()
    directory.chmod(0o755)  # the server runs in it, as another user
    return GuardedProcess(
        "standby",
        [program, "-D", str(copy), *settings, f"-cport={port}"],
        directory,
        partial(postgres_serves, HOST, port),
        stop_signal=signal.SIGINT,
        user=primary.user,
    )


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


async def _executed(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def _silent(line: str) -> None:
    """Nobody waits for these servers' news."""
