"""`booking watch`: what comes out, as it comes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from adapters.kafka.settings import KafkaSettings


class Watched(StrEnum):
    """Topics, as they are called after the prefix."""

    EVENTS = "events"
    REPLIES = "replies"
    DEAD_LETTER = "dead-letter"


def watch(
    topic: Annotated[Watched, typer.Argument(help="What to watch.")] = Watched.EVENTS,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="All there is, then what comes.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Whole records, one a line.")] = False,
) -> None:
    """Show committed events, replies or dead letters until Ctrl-C.

    Replies hold personal data.

    Example: booking watch events --from-beginning --json | jq .value.event_type
    """
    from app.cli.asynchronous import run_quietly
    from app.cli.kafka_access import kafka_failures
    from app.cli.printing import warn
    from app.settings import read
    from app.settings.kafka import KafkaSection

    reading = read(KafkaSection)
    warn(reading.notices)
    settings = reading[KafkaSection].value
    with kafka_failures(settings):
        run_quietly(_show(settings, topic, from_beginning, json), interrupted=0)


async def _show(settings: KafkaSettings, topic: Watched, from_beginning: bool, json: bool) -> None:
    from rich.console import Console

    from adapters.kafka.watching import watching
    from app.cli.kafka_access import require_topics
    from app.cli.printing import remark, say_json
    from app.cli.records import as_json, as_line

    console = Console(highlight=False, soft_wrap=True)
    name = f"{settings.topic_prefix}.{topic.value}"
    await require_topics(settings, name)
    async with watching(settings, name, from_beginning=from_beginning) as records:
        remark(f"watching {name}; Ctrl-C ends it")
        async for record in records:
            if json:
                say_json(as_json(record))
            else:
                console.print(as_line(record))
