"""`booking rekey`: wrap the guests' keys by the current key of the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.rekeying import Rekeyed


def rekey(json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Wrap every guest's key by the first key of BOOKING_SEAL__KEYS, beside workers at work.

    Run it once all workers have the new key as their first. Then the database
    asks for the old one no more; what events and dead letters keep for the
    service itself still does (docs/privacy.md).

    Example: BOOKING_SEAL__KEYS=new:…,old:… booking rekey
    """
    from adapters.database.database import open_database
    from adapters.database.sqlite_lock import DatabaseInUse
    from adapters.kafka.publishing import BrokerPublisher, OutputRefused
    from adapters.kafka.refusals import CannotPublish
    from adapters.kafka.topics import TopicNames
    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import database_failures
    from app.cli.kafka_access import kafka_failures, require_topics
    from app.cli.printing import say, say_json, warn
    from app.cli.progress import progress
    from app.failures import Failure
    from app.operators import OperatorsLog, deed
    from app.rekeying import CannotRekey
    from app.rekeying import rekey as wrap_all
    from app.settings import read
    from app.settings.audit import AuditSection
    from app.settings.database import DatabaseSection
    from app.settings.kafka import KafkaSection
    from app.settings.service import SealSection
    from app.wiring import service_keys
    from handlers.ports import Effect
    from handlers.sealing import KeyTopic

    reading = read(KafkaSection, DatabaseSection, SealSection, AuditSection)
    warn(reading.notices)
    kafka, settings = reading[KafkaSection].value, reading[DatabaseSection].value
    keys = service_keys(reading[SealSection].seal_keys)
    topic = TopicNames(kafka.topic_prefix).guest_keys

    async def work(advance: Callable[[int, int], None]) -> Rekeyed:
        await require_topics(kafka, topic)
        await OperatorsLog(settings, reading[AuditSection].value).write(
            deed("rekey", Effect.REKEYED)
        )
        database, publisher = open_database(settings, keys), BrokerPublisher(kafka)
        try:
            return await wrap_all(database, publisher, KeyTopic(topic), keys, advance)
        finally:
            await publisher.stop()
            await database.close()

    try:
        with (
            kafka_failures(kafka),
            database_failures(settings),
            progress("keys", quiet=json) as advance,
        ):
            done = run_quietly(work(advance))
    except (CannotRekey, DatabaseInUse) as error:
        raise Failure(str(error)) from error
    except (OutputRefused, CannotPublish) as error:
        raise Failure(f"Kafka does not take the keys: {error}") from error
    if json:
        say_json({"wrapped": done.wrapped, "in_use": list(done.in_use)})
        return
    say(f"{done.wrapped} keys wrapped anew; in use: {', '.join(done.in_use) or 'none'}")
