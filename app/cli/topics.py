"""`booking topics`: create what is missing, or see what is wrong."""

from __future__ import annotations

from typing import Annotated

import typer

topics = typer.Typer(no_args_is_help=True, help="The service's topics in Kafka.")

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@topics.command()
def create(json: Json = False) -> None:
    """Create the topics that are missing; those that exist are left as they are.

    Example: booking topics create
    """
    from adapters.kafka.topics import create_topics
    from app.cli.asynchronous import run_quietly
    from app.cli.kafka_access import kafka_failures
    from app.cli.printing import say, say_json, warn
    from app.settings import read
    from app.settings.kafka import KafkaSection

    reading = read(KafkaSection)
    warn(reading.notices)
    settings = reading[KafkaSection].value
    with kafka_failures(settings.bootstrap_servers):
        created = run_quietly(create_topics(settings))
    if json:
        say_json({"created": created})
    for name in [] if json else created or ["nothing: all topics exist"]:
        say(f"created {name}")


@topics.command()
def check(json: Json = False) -> None:
    """Say what is wrong with the topics and what to run; exit code 1 when something is.

    Example: booking topics check --json
    """
    from adapters.kafka.topics import check_topics
    from app.cli.asynchronous import run_quietly
    from app.cli.kafka_access import kafka_failures
    from app.cli.printing import say, say_json, warn
    from app.failures import Failure
    from app.settings import read
    from app.settings.kafka import KafkaSection

    reading = read(KafkaSection)
    warn(reading.notices)
    settings = reading[KafkaSection].value
    with kafka_failures(settings.bootstrap_servers):
        wrong = run_quietly(check_topics(settings))
    if json:
        say_json({"wrong": wrong})
    if wrong and not json:
        raise Failure("\n".join(wrong))
    if wrong:
        raise typer.Exit(1)
    if not json:
        say("all topics are as they have to be")
