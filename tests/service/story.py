"""All that a house has done, as dumps: its topics, its database, the ledgers of its partners."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.service.client import Sent
from tests.service.feed import Seen
from tests.service.house import House
from tests.service.waiting import until

Row = Mapping[str, Any]

SETTLES_WITHIN_SECONDS = 60.0

# Nothing is on its way any more: no command begun and not ended, nothing owed, nobody overdue.
# What an update of a pending booking left may still be paid, and so is owed until it is pending no
# longer.
_RESTLESS = """
    select 'a started command' as what, row_id::text as which from commands
        where row_id not in (select row_id from outcomes)
    union all select 'something owed', owed from undo where done_at is null
        and booking_id not in (select id from bookings where status = 'pending')
    union all select 'an overdue booking', id::text from bookings
        where status = 'pending' and sweep_at < now()
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as everybody may read it."""

    record: Seen
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["event_type"])

    @property
    def payload(self) -> Mapping[str, Any]:
        payload: Mapping[str, Any] = self.body["payload"]
        return payload


@dataclass(frozen=True, slots=True)
class Story:
    """The dumps. Ledgers and states are the stand-ins' own, by partner."""

    sent: Sequence[Sent]
    commands: Sequence[Seen]
    replies: Mapping[bytes, Sequence[Seen]]
    events: Sequence[Event]
    dead_letters: Sequence[Seen]
    bookings: Mapping[str, Row]
    history: Sequence[Row]
    claims: Sequence[Row]
    reservations: Mapping[str, Row]
    intents: Mapping[str, Row]
    ledgers: Mapping[str, Sequence[Row]]
    logs: str
    decided: Sequence[Row] = ()  # commands with an outcome
    audit: Sequence[Row] = ()  # chain by chain

    def events_of(self, booking_id: str) -> list[Event]:
        """A booking's events in the order of their partition."""
        return [event for event in self.events if event.payload["booking_id"] == booking_id]

    def commands_of(self, type_: str) -> list[Mapping[str, Any]]:
        """The messages of this type that clients sent."""
        read = [_object(one.value) for one in self.sent]
        return [message for message in read if message.get("type") == type_]

    def effects(self, partner: str, call: str) -> list[Row]:
        """The calls of this name that changed something."""
        return [row for row in self.ledgers[partner] if row["effect"] and row["call"] == call]


def event_of(record: Seen) -> Event:
    """The event in a record of the events topic."""
    return Event(record, json.loads(record.value or b""))


def distinct(records: Sequence[Seen]) -> list[Seen]:
    """Without those that lie there again, byte for byte."""
    first: dict[bytes | None, Seen] = {}
    for record in records:
        first.setdefault(record.value, record)
    return list(first.values())


def once_each(story: Story) -> Story:
    """As a consumer sees it that drops what it has seen: for deliveries at least once."""
    return replace(
        story,
        replies={key: distinct(records) for key, records in story.replies.items()},
        events=[event_of(record) for record in distinct([each.record for each in story.events])],
    )


async def story_of(house: House) -> Story:
    """The dumps, once the house has come to rest."""
    await at_rest(house)
    return await dumps_of(house)


async def dumps_of(house: House) -> Story:
    """The dumps as they are now."""
    feed, prefix = house.feed, house.prefix
    inventory, payment = house.partners.inventory, house.partners.payment
    replies: defaultdict[bytes, list[Seen]] = defaultdict(list)
    for topic in ("replies", "replies.tests"):
        for record in feed.records(f"{prefix}.{topic}"):
            replies[record.key or b""].append(record)
    return Story(
        sent=list(house.client.sent),
        commands=feed.records(f"{prefix}.commands"),
        replies=replies,
        events=[event_of(record) for record in feed.records(f"{prefix}.events")],
        dead_letters=feed.records(f"{prefix}.dead-letter"),
        bookings={str(row["id"]): row for row in await house.rows("select * from bookings")},
        history=await house.rows("select * from booking_history order by booking_id, version"),
        claims=await house.rows(
            "select booking_id::text, venue_id::text, item, starts_at, ends_at from claims"
        ),
        reservations={
            row["reservation_id"]: row for row in inventory.service.state()["reservations"]
        },
        intents={row["payment_intent_id"]: row for row in payment.service.state()["intents"]},
        ledgers={
            "inventory": inventory.ledger(),
            "pricing": house.partners.pricing.ledger(),
            "payment": payment.ledger(),
        },
        logs="".join(worker.log.read_text() for worker in house.workers if worker.log.exists()),
        decided=await house.rows(
            "select principal, command_id::text from commands join outcomes using (row_id)"
        ),
        audit=await house.rows("select * from audit order by chain, sequence"),
    )


async def at_rest(house: House) -> None:
    """Returns when nothing is to be done any more: the lag is 0 and so is what was left for later.

    Raises TimeoutError with what is still under way.
    """
    restless: Sequence[object] = ()

    async def rests() -> bool:
        nonlocal restless
        restless = await under_way(house)
        return not restless

    try:
        await until(rests, within_seconds=SETTLES_WITHIN_SECONDS)
        await house.feed.all_decided()
    except TimeoutError:
        raise TimeoutError(f"the house does not come to rest: {restless}") from None


async def under_way(house: House) -> Sequence[object]:
    """What is still to be done: partitions that lag, or else rows of the database."""
    await house.feed.caught_up()
    behind = await _behind(house)
    return behind or [*await house.rows(_RESTLESS)]


async def _behind(house: House) -> list[str]:
    """The partitions with records that their group has not committed; markers are no records."""
    behind = []
    for topic, group in (("commands", house.group), ("queries", f"{house.group}-queries")):
        last: dict[int, int] = {}
        for record in house.feed.records(f"{house.prefix}.{topic}"):
            last[record.partition] = record.offset
        if not last:
            continue
        committed = {
            source.partition: where.offset
            for source, where in (await house.admin.list_consumer_group_offsets(group)).items()
            if source.topic == f"{house.prefix}.{topic}"
        }
        behind += [
            f"{topic}/{partition} at {committed.get(partition)} of {offset + 1}"
            for partition, offset in last.items()
            if committed.get(partition, 0) <= offset
        ]
    return behind


def _object(value: bytes | None) -> Mapping[str, Any]:
    try:
        message = json.loads(value or b"")
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


TOKEN = re.compile(rb"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
"""A JSON web token in any text."""
