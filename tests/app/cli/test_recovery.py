"""`dlq`, `replay` and `rebuild` against a real Kafka and SQLite, without any worker."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.publishing import BrokerPublisher
from adapters.kafka.settings import KafkaSettings
from adapters.tokens.service_signature import ServiceSignature
from app.cli.records import as_line
from app.local_servers import KafkaServer
from app.settings.service import SealSection
from app.wiring import service_keys
from domain.principal import Guest
from handlers.dead_letter import DeadLetters, Reason
from handlers.ports import Coordinates, Output, Record
from handlers.rebuild import Rebuild
from tests.app.cli.conftest import Booking

KEY = "a signing key of thirty-two bytes"
GUEST = Guest(UUID("00000000-0000-4000-8000-0000000000a1"))
ID = "00000000-0000-4000-8000-0000000000c1"


@pytest.fixture
def settings(
    booking: Booking,  # first: it takes all settings away
    kafka: KafkaServer,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> KafkaSettings:
    monkeypatch.setenv("BOOKING_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("BOOKING_KAFKA__TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("BOOKING_KAFKA__GROUP_ID", topic_prefix)
    monkeypatch.setenv("BOOKING_DATABASE__URL", f"sqlite+aiosqlite:///{tmp_path}/b.sqlite3")
    monkeypatch.setenv("BOOKING_SIGNING__KEY", KEY)
    monkeypatch.setenv("BOOKING_AUTH__SECRET", KEY)
    for name in ("SEAL", "AUDIT"):
        key = b64encode(KEY.encode()[:32]).decode()
        monkeypatch.setenv(f"BOOKING_{name}__KEYS", f"k1:{key}")
    booking("migrate")
    return KafkaSettings(kafka.bootstrap_servers, group_id=topic_prefix, topic_prefix=topic_prefix)


def publish(settings: KafkaSettings, outputs: Sequence[Output]) -> None:
    async def work() -> None:
        publisher = BrokerPublisher(settings)
        await publisher.publish(outputs)
        await publisher.stop()

    asyncio.run(work())


def a_letter(settings: KafkaSettings, *, partition: int, value: bytes | None = None) -> Output:
    """Of a cancellation whose booking nobody knows."""
    data = {"booking_id": ID}
    message = {"type": "cancel_booking", "command_id": ID, "data": data}
    commands = f"{settings.topic_prefix}.commands"
    at = Coordinates(commands, partition, 5, 1_700_000_000_000)
    headers = (("x-trace", b"\xff\x1b[31mred"), ("correlation_id", b"c"))
    body = json.dumps(message).encode() if value is None else value
    record = Record(commands, partition, 5, at.timestamp_ms, None, body, headers)
    topic, signer = f"{settings.topic_prefix}.dead-letter", ServiceSignature(KEY.encode())
    letters = DeadLetters(topic, signer, service_keys(SealSection().seal_keys))
    return letters.letter(record, at, Reason.POISON, "died", datetime.now(UTC), principal=GUEST)


COMMANDS = [("dlq", "list"), ("dlq", "redrive", "--all"), ("replay",), ("rebuild",)]


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_topics_that_do_not_exist_are_named_with_what_to_run(
    booking: Booking, command: tuple[str, ...]
) -> None:
    ran = booking(*command)
    assert (ran.code, ran.out) == (1, "")
    assert "no such topic; run booking topics create" in ran.err


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_empty_topics_are_nothing_to_do(booking: Booking, command: tuple[str, ...]) -> None:
    booking("topics", "create")
    ran = booking(*command, "--json")
    assert (ran.code, ran.err) == (0, ""), ran.err
    assert ran.json


@pytest.mark.usefixtures("settings")
def test_a_time_before_all_times_is_the_beginning(booking: Booking) -> None:
    booking("topics", "create")
    ran = booking("replay", "--from", "1969-12-31T23:00:00Z", "--until", "9999-12-31T00:00:00Z")
    assert ran.code == 0, ran.err


def test_on_a_database_that_knows_nothing_not_all_of_the_past_is_done_anew(
    booking: Booking, settings: KafkaSettings
) -> None:
    booking("topics", "create")
    command = {"type": "cancel_booking", "command_id": ID, "data": {"booking_id": ID}}
    topic = f"{settings.topic_prefix}.commands"
    publish(settings, [Output(topic, None, json.dumps(command).encode(), (), 3)])
    assert booking("replay").code == 0, "the group has nothing behind it"
    asyncio.run(set_committed(settings, topic, 3, 1))
    ran = booking("replay")
    assert (ran.code, "run booking rebuild first" in ran.err) == (1, True)
    assert booking("replay", "--from", "2020-01-01T00:00:00Z", "--dry-run").code == 0


async def set_committed(settings: KafkaSettings, topic: str, partition: int, offset: int) -> None:
    consumer: AIOKafkaConsumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group_id,
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        source = TopicPartition(topic, partition)
        consumer.assign([source])
        await consumer.commit({source: offset})
    finally:
        await consumer.stop()


def test_a_letter_of_a_topic_that_had_more_partitions_is_put_back(
    booking: Booking, settings: KafkaSettings
) -> None:
    booking("topics", "create")
    publish(settings, [a_letter(settings, partition=40)])
    ran = booking("dlq", "redrive", "--all", "--wait", "0", "--json")
    assert ran.code == 1, "nobody does it"
    assert len(ran.json["put_back"]) == 1


def test_large_and_strange_letters_are_listed_and_shown(
    booking: Booking, settings: KafkaSettings
) -> None:
    booking("topics", "create")
    publish(
        settings,
        [
            a_letter(settings, partition=0, value=b"x" * 1_000_000),
            a_letter(settings, partition=1, value=b""),
            Output(f"{settings.topic_prefix}.dead-letter", None, b"not ours", ()),
        ],
    )
    ran = booking("dlq", "list", "--json")
    assert (ran.code, [each["state"] for each in ran.json["letters"]]) == (0, ["final"] * 3)
    assert booking("dlq", "list").code == 0
    for each in ran.json["letters"]:
        shown = booking("dlq", "show", each["id"])
        assert shown.code == 0
        assert "\x1b" not in shown.out, "a stranger's words move no cursor"


def audited(booking: Booking) -> list[tuple[str, str, str | None]]:
    lines = booking("audit", "show", "--json").out.splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["role"] for row in rows} <= {"operator"}
    assert booking("audit", "verify").code == 0
    return [(row["operation"], row["effect"], row["booking_id"]) for row in rows]


def test_who_looks_into_a_letter_or_puts_it_back_is_told(
    booking: Booking, settings: KafkaSettings
) -> None:
    booking("topics", "create")
    publish(settings, [a_letter(settings, partition=0)])
    booking("dlq", "list")
    (letter,) = booking("dlq", "list", "--json").json["letters"]
    booking("dlq", "show", letter["id"])
    booking("dlq", "redrive", "--all", "--dry-run")
    assert audited(booking) == []
    assert booking("dlq", "show", letter["id"], "--personal").code == 0
    assert audited(booking) == [("dlq show", "clients_record", ID)]
    booking("dlq", "redrive", "--all", "--wait", "0")
    assert audited(booking)[1:] == [("dlq redrive", "put_back", ID)]


def test_a_rebuild_leaves_the_audit_log_and_adds_to_it(
    booking: Booking, settings: KafkaSettings
) -> None:
    booking("topics", "create")
    publish(settings, [Output(f"{settings.topic_prefix}.events", b"k", b"no event", ())])
    booking("rebuild", "--dry-run")
    assert audited(booking) == []
    for runs in (1, 2):
        booking("rebuild")
        assert audited(booking) == [("rebuild", "rebuilt", None)] * runs


def test_a_rebuild_stands_in_the_database_from_its_first_event_on(
    booking: Booking,
    settings: KafkaSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or a worker that starts while events are read is at work on half a database."""
    booking("topics", "create")
    publish(settings, [Output(f"{settings.topic_prefix}.events", b"k", b"no event", ())])
    seen: list[int] = []
    read = Rebuild.read

    def watched(self: Rebuild, records: Sequence[Record]) -> object:
        seen.append(unfinished(tmp_path))
        return read(self, records)

    monkeypatch.setattr(Rebuild, "read", watched)
    ran = booking("rebuild", "--dry-run")
    assert (ran.code, "UNUSABLE" in ran.out, set(seen)) == (1, True, {0})
    seen.clear()
    assert booking("rebuild").code == 1
    assert seen
    assert 0 not in seen
    assert unfinished(tmp_path) == 0


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("command", COMMANDS[:3], ids=" ".join)
def test_on_half_a_database_nothing_looks_as_if_it_had_never_been_done(
    booking: Booking, command: tuple[str, ...], tmp_path: Path
) -> None:
    booking("topics", "create")
    with sqlite3.connect(tmp_path / "b.sqlite3") as connection:
        connection.execute("insert into rebuild_progress values ('some.events', 0, 17)")
    ran = booking(*command)
    assert (ran.code, ran.out) == (1, "")
    assert "a rebuild of this database is not finished" in ran.err


def unfinished(tmp_path: Path) -> int:
    with sqlite3.connect(tmp_path / "b.sqlite3") as connection:
        ((count,),) = connection.execute("select count(*) from rebuild_progress").fetchall()
    return int(count)


def test_a_watched_letter_cannot_move_the_cursor(settings: KafkaSettings) -> None:
    letter = a_letter(settings, partition=1)
    headers = (*letter.headers, ("dlq_detail", b"\x1b[2Jgone"))
    record = Record(letter.topic, 0, 0, 1, letter.key, letter.value, headers)
    assert "\x1b" not in as_line(record).plain
    assert "gone" in as_line(record).plain
