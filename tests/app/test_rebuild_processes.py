"""The processes of a rebuild: what one of them meets is told, and none outlives its command."""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import replace

import pytest

from adapters.database.settings import DatabaseSettings
from adapters.kafka.settings import KafkaSettings
from app.local_servers.loopback import HOST, free_port
from app.rebuild_part import Plan, Step
from app.rebuild_processes import PartDied, forked, number_for
from app.settings.words import SealKey
from domain.rules import Fallback, Rules
from handlers.ports import DatabaseAway

NOBODY = f"postgresql+asyncpg://somebody@{HOST}:{free_port()}/nothing"
PLAN = Plan(
    KafkaSettings(f"{HOST}:1"),
    DatabaseSettings(NOBODY),
    Rules(fallback=Fallback(is_allowed=False)),
    [SealKey("k1", bytes(32))],
    is_rehearsal=False,
)


def far(done: int, of: int) -> None:
    """Nobody looks."""


def test_what_one_meets_is_told_and_all_end_with_the_block() -> None:
    with forked(2) as processes:
        processes.tell(PLAN)
        assert len(multiprocessing.active_children()) == 2  # before: who has told of it may end
        with pytest.raises(DatabaseAway):
            asyncio.run(processes.do(Step.CLAIMS, far))
    assert multiprocessing.active_children() == []


def test_one_that_dies_ends_the_command() -> None:
    with forked(1) as processes:
        processes.tell(PLAN)
        (child,) = multiprocessing.active_children()
        child.kill()
        child.join()
        with pytest.raises(PartDied):
            asyncio.run(processes.do(Step.CLAIMS, far))


def test_those_that_hear_no_more_of_their_command_end_by_themselves() -> None:
    with forked(3) as processes:
        children = multiprocessing.active_children()
        for pipe in processes._pipes:
            pipe.close()
        for child in children:
            child.join(timeout=10)
        assert [child.exitcode for child in children] == [0, 0, 0]


def test_only_postgresql_has_several_writers() -> None:
    assert number_for(PLAN) >= 1
    assert number_for(replace(PLAN, is_rehearsal=True)) == 0
    sqlite = DatabaseSettings("sqlite+aiosqlite:///b.sqlite3")
    assert number_for(replace(PLAN, database=sqlite)) == 0


def test_no_key_can_be_read_in_a_plan() -> None:
    assert "SealKey" not in repr(PLAN)
    assert repr(bytes(32)) not in repr(PLAN)
