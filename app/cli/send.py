"""`booking send`: one command or query, and its reply when one waits for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from adapters.kafka.settings import KafkaSettings
    from app.cli.message import Asking
    from handlers.ports import Record


def _types(incomplete: str) -> list[str]:
    from app.cli.message import message_types

    return [name for name in message_types() if name.startswith(incomplete)]


def send(
    type_: Annotated[
        str, typer.Argument(metavar="TYPE", help="Such as create_booking.", autocompletion=_types)
    ],
    given: Annotated[
        str | None,
        typer.Argument(metavar="[JSON]", help="The whole message or its data; else read stdin."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", exists=True, dir_okay=False, help="Read the JSON from here."),
    ] = None,
    token: Annotated[str | None, typer.Option(help="Sent as Bearer; see booking token.")] = None,
    wait: Annotated[
        float | None, typer.Option(min=0.001, help="Print the reply; seconds to wait for it.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The record's key; the venue's id when data has one.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Makes a retry with a new id safe.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The reply on one line.")] = False,
) -> None:
    """Send a command or a query; type, id and correlation id are filled in.

    With --wait the exit code is 0 for an answer below 400, else 1.

    Example: booking send get_booking '{"booking_id": "…"}' --token "$(booking token)" --wait 10
    """
    from app.cli.asynchronous import run_quietly
    from app.cli.kafka_access import kafka_failures
    from app.cli.message import build_message
    from app.cli.printing import say, say_json, warn
    from app.settings import read
    from app.settings.kafka import KafkaSection

    reading = read(KafkaSection)
    warn(reading.notices)
    settings = reading[KafkaSection].value
    asking = build_message(
        type_,
        _text(given, file),
        topic_prefix=settings.topic_prefix,
        token=token,
        key=key,
        idempotency_key=idempotency_key,
    )
    with kafka_failures(settings):
        record = run_quietly(_ask(settings, asking, wait))
    if record is None:
        ids = {"id": asking.message_id, "correlation_id": asking.correlation_id}
        if json:
            say_json(ids)
        else:
            say(f"sent {type_} {asking.message_id} (correlation_id {asking.correlation_id})")
        return
    raise typer.Exit(_print_reply(record, one_line=json))


def _text(given: str | None, file: Path | None) -> str:
    from app.failures import WrongUse

    try:
        if file is not None and given is None:
            return file.read_text(encoding="utf-8")
        if file is None and given not in (None, "-"):
            return str(given)
        if file is None and not sys.stdin.isatty():
            return sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"the JSON cannot be read: {error}") from error
    raise WrongUse("give the JSON once: as an argument, with --file, or on stdin")


async def _ask(settings: KafkaSettings, asking: Asking, wait: float | None) -> Record | None:
    """The reply, or None when nobody waits for it."""
    from adapters.kafka.watching import watching
    from app.cli.kafka_access import require_topics

    replies_topic = f"{settings.topic_prefix}.replies"
    await require_topics(settings, asking.output.topic, replies_topic)
    if wait is None:
        await _publish(settings, asking)
        return None
    # Replies are read from where they end now: set up before anything is sent.
    async with watching(settings, replies_topic) as replies:
        await _publish(settings, asking)
        return await _reply(replies, asking.correlation_id.encode(), wait)


async def _publish(settings: KafkaSettings, asking: Asking) -> None:
    from adapters.kafka.publishing import BrokerPublisher, OutputRefused
    from adapters.kafka.refusals import CannotPublish
    from app.failures import Failure

    publisher = BrokerPublisher(settings)
    try:
        await publisher.publish([asking.output])
    except (CannotPublish, OutputRefused) as error:
        raise Failure(f"Kafka does not take the message: {error}") from error
    finally:
        await publisher.stop()


async def _reply(replies: Any, correlation_id: bytes, seconds: float) -> Record:
    import asyncio

    from app.failures import Failure

    try:
        async with asyncio.timeout(seconds):
            async for record in replies:
                if ("correlation_id", correlation_id) in record.headers:
                    found: Record = record
                    return found
    except TimeoutError:
        pass
    raise Failure(f"no reply within {seconds:g} s; it may still come: `booking watch replies`")


def _print_reply(record: Record, *, one_line: bool) -> int:
    """Gives the exit code."""
    from app.cli.printing import field, json_text, remark, say, say_json
    from app.cli.records import read_value

    reply = read_value(record.value)
    if not isinstance(reply, dict):
        say(field(reply))
        return 1
    if ("replayed", b"true") in record.headers:
        remark("replayed: the outcome of an earlier try")
    if one_line:
        say_json(reply)
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.highlighter import JSONHighlighter

        Console(soft_wrap=True).print(JSONHighlighter()(json_text(reply, pretty=True)))
    else:
        say_json(reply, pretty=True)
    return 0 if isinstance(reply.get("status"), int) and reply["status"] < 400 else 1
