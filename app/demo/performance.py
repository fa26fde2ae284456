"""The day performed on a stage that is set: played, told, judged, and kept on if so wished."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from time import monotonic

import httpx
import orjson
from aiokafka.errors import KafkaError

from app.demo.client import Traced, connected
from app.demo.day import the_day
from app.demo.desks import Desks
from app.demo.invitation import invitation
from app.demo.playing import Ending, Player
from app.demo.script import Scene, sends_of
from app.demo.spans import Spans
from app.demo.stage import Stage
from app.demo.telling import Telling
from app.demo.topics import reply_topic
from app.demo.totals import Totals, totals_of
from app.demo.trace_tree import tree
from app.failures import Failure

_LAST_LINES = 20
_SPANS_WITHIN_SECONDS = 10


async def perform(
    stage: Stage,
    story: Sequence[Scene] | None,
    telling: Telling,
    ready_seconds: float,
    *,
    keep: bool,
    json: bool,
) -> int:
    """The exit code: 0 when every scene ended as the story says. Raises Failure."""
    scenes = the_day() if story is None else story
    try:
        async with (
            connected(stage.kafka, reply_topic(stage.kafka)) as client,
            httpx.AsyncClient() as http,
        ):
            client.is_traced = stage.spans is not None
            began = monotonic()
            desks = Desks(http, stage.partner_urls)
            player = Player(client, desks, stage.secret, telling)
            endings = await player.play(scenes)
            calls = await desks.calls()
            totals = totals_of(client, calls, ready_seconds, monotonic() - began)
    except (KafkaError, httpx.HTTPError) as failure:
        raise Failure(f"the day broke off: {failure!r}") from failure
    telling.table(endings)
    telling.totals(totals)
    telling.verdict(endings)
    if stage.spans is not None:
        await _show_trace(telling, stage.spans, client.traces)
    if json:
        sys.stdout.buffer.write(orjson.dumps(_outcome(endings, totals)) + b"\n")
        sys.stdout.flush()
    is_as_told = all(ending.as_told for ending in endings)
    if not is_as_told:
        _show_log(telling, stage)
    if keep:
        telling.invite(invitation(stage, player.memory, next(sends_of(scenes), None)))
        await _interrupt()
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


async def _show_trace(telling: Telling, spans: Spans, traces: Sequence[Traced]) -> None:
    """Of the last create that succeeded; its spans come a moment after its reply."""
    made = [each for each in traces if (each.type, each.status) == ("create_booking", 201)]
    if not made:
        return
    shown = made[-1]
    for _ in range(_SPANS_WITHIN_SECONDS * 10):
        found = spans.of(shown.trace_id)
        if any(span.id == shown.replied_from for span in found):
            took = (shown.replied_ns - shown.began_ns) / 1e6
            telling.trace(shown.trace_id, took, tree(found, shown.span_id, shown.began_ns))
            return
        await asyncio.sleep(0.1)
    telling.remark(f"the spans of trace {shown.trace_id} did not come")


def _show_log(telling: Telling, stage: Stage) -> None:
    lines = stage.worker.log.read_text(errors="replace").splitlines()
    telling.remark(f"the last lines of the worker's log ({len(lines)} in all):")
    for line in lines[-_LAST_LINES:]:
        telling.remark(line)


async def _interrupt() -> None:
    """Returns on Ctrl-C, which is the way to end what was kept, and no failure."""
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    await interrupted.wait()
