"""`booking topics`: create what is missing, or see what is wrong."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Principal(StrEnum):
    """Whom rights are for."""

    WORKER = "worker"
    OPERATOR = "operator"
    DEPLOYER = "deployer"


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
    with kafka_failures(settings):
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
    with kafka_failures(settings):
        wrong = run_quietly(check_topics(settings))
    if json:
        say_json({"wrong": wrong})
    if wrong and not json:
        raise Failure("\n".join(wrong))
    if wrong:
        raise typer.Exit(1)
    if not json:
        say("all topics are as they have to be")


@topics.command()
def acls(
    principal: Annotated[
        str, typer.Option(metavar="User:NAME", help="As Kafka calls it; User:CN=NAME with mTLS.")
    ],
    whose: Annotated[
        Principal,
        typer.Option("--for", help="The worker, an operator, or who runs booking topics create."),
    ] = Principal.WORKER,
    json: Json = False,
) -> None:
    """Print the least rights with which it works, as commands of Kafka's own kafka-acls.sh.

    They are made from the settings, so let those be the worker's. Nothing is connected to.

    Example: booking topics acls --principal User:booking | sh
    """
    from adapters.kafka.acls import grants
    from adapters.kafka.rights import deployer_rights, operator_rights, worker_rights
    from app.cli.printing import say, say_json, warn
    from app.settings import read
    from app.settings.cache import CacheSection
    from app.settings.kafka import KafkaSection
    from app.settings.service import RepliesSection

    reading = read(KafkaSection, RepliesSection, CacheSection)
    warn(reading.notices)
    settings = reading[KafkaSection].value
    prefixes = reading[RepliesSection].allowed_prefixes or (f"{settings.topic_prefix}.replies",)
    rights = {
        Principal.WORKER: lambda: worker_rights(
            settings, prefixes, hears_events=reading[CacheSection].value.hears_events
        ),
        Principal.OPERATOR: lambda: operator_rights(settings),
        Principal.DEPLOYER: lambda: deployer_rights(settings),
    }[whose]()
    lines = grants(rights, principal, settings.bootstrap_servers)
    if json:
        say_json({"commands": lines})
    else:
        say("\n".join(lines))
