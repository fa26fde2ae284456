"""The demo from start to end: set the stage, play the day, tell how it went, take all down."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from time import monotonic

import httpx
import orjson
from aiokafka.errors import KafkaError
from rich.console import Console

from app.demo.client import connected
from app.demo.day import the_day
from app.demo.desks import Desks
from app.demo.invitation import invitation
from app.demo.playing import Ending, Player
from app.demo.script import Scene, sends_of
from app.demo.stage import DatabaseName, Stage, set_stage
from app.demo.telling import Telling
from app.demo.totals import Totals, totals_of
from app.failures import Failure
from app.local_servers import ServerUnavailable
from handlers.ports import DatabaseAway

_INTERRUPTED, _TERMINATED = 130, 143
_LAST_LINES = 20


def run_demo(
    *,
    keep: bool,
    database: DatabaseName,
    json: bool = False,
    story: Sequence[Scene] | None = None,
) -> int:
    """The exit code: 0 when every scene ended as the story says. Raises Failure.

    With `keep` everything runs on until Ctrl-C. With `json` the outcome is one JSON object on
    stdout, and what a person reads goes to stderr.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what goes wrong is told in one line
    telling = Telling(Console(stderr=json, highlight=False))
    scenes = the_day() if story is None else story
    try:
        return asyncio.run(_demo(telling, database, scenes, keep=keep, json=json))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except asyncio.CancelledError:
        return _TERMINATED
    except (ServerUnavailable, KafkaError, DatabaseAway, httpx.HTTPError) as failure:
        raise Failure(f"the demo cannot go on: {failure}") from failure
    finally:
        telling.curtain()


async def _demo(
    telling: Telling, database: DatabaseName, scenes: Sequence[Scene], *, keep: bool, json: bool
) -> int:
    _end_in_good_order_on(signal.SIGTERM)
    telling.opening()
    began = monotonic()
    async with (
        set_stage(database, telling.progress) as stage,
        connected(stage.kafka, stage.reply_topic) as client,
        httpx.AsyncClient() as http,
    ):
        telling.curtain()
        ready = monotonic()
        desks = Desks(http, stage.partner_urls)
        player = Player(client, desks, stage.secret, telling)
        endings = await player.play(scenes)
        calls = await desks.calls()
        totals = totals_of(client, calls, ready - began, monotonic() - ready)
        telling.table(endings)
        telling.totals(totals)
        telling.verdict(endings)
        if json:
            sys.stdout.buffer.write(orjson.dumps(_outcome(endings, totals)) + b"\n")
            sys.stdout.flush()
        is_as_told = all(ending.as_told for ending in endings)
        if not is_as_told:
            _show_log(telling, stage)
        if keep:
            telling.invite(invitation(stage, player.memory, next(sends_of(scenes), None)))
            await _interrupt()
        telling.remark("stopping")
    return 0 if is_as_told else 1


def _outcome(endings: Sequence[Ending], totals: Totals) -> dict[str, object]:
    scenes = [
        {
            "title": ending.scene.title,
            "as_told": ending.as_told,
            "deviations": ending.deviations,
            "seconds": round(ending.seconds, 3),
        }
        for ending in endings
    ]
    return {"scenes": scenes, "totals": totals.as_json()}


def _show_log(telling: Telling, stage: Stage) -> None:
    lines = stage.worker_log.read_text(errors="replace").splitlines()
    telling.remark(f"the last lines of the worker's log ({len(lines)} in all):")
    for line in lines[-_LAST_LINES:]:
        telling.remark(line)


async def _interrupt() -> None:
    """Returns on Ctrl-C, which is the way to end what was kept, and no failure."""
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    await interrupted.wait()


def _end_in_good_order_on(number: signal.Signals) -> None:
    """As Ctrl-C does: cancel, so that everything is taken down."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
