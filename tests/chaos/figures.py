"""What a run was made of, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.judging import Sending
from tests.chaos.storm import Happened
from tests.service.client import reply_of
from tests.service.feed import Seen
from tests.service.house import House
from tests.service.story import Story

_LANES_OPENED: Final = "select coalesce(sum(epoch), 0)::int as count from lanes"


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts; `waited_ms` are the times between a record and its reply, by the broker's clock."""

    commands: int
    queries: int
    labels: Mapping[str, int]
    outcomes: Mapping[str, int]
    replayed: int
    lost: int
    doubled: int
    dead_letters: Mapping[str, int]
    bookings: Mapping[str, int]
    events: int
    forwarded: int
    faults: Mapping[str, int]
    missed_faults: int
    lanes_opened: int
    partner_calls: Mapping[str, int]
    partner_effects: int
    waited_ms: Sequence[int]

    def waited_ms_at(self, share: float) -> int:
        """The time that this share of the replies took at most."""
        last = len(self.waited_ms) - 1
        return self.waited_ms[round(share * last)] if self.waited_ms else 0


async def figures(
    house: House, story: Story, sending: Sending, happened: Sequence[Happened]
) -> Figures:
    """Of a house at rest."""
    (row,) = await house.rows(_LANES_OPENED)
    asked = [(order, sent) for order, sent in sending if order.topic == "commands"]
    counts = [
        (len(story.replies.get(sent.correlation_id or b"", ())), sent)
        for _, sent in asked
        if sent.correlation_id
    ]
    calls = [call for ledger in story.ledgers.values() for call in ledger]
    return Figures(
        commands=len(asked),
        queries=len(sending) - len(asked),
        labels=_sorted(order.label.split(":")[0].split(",")[0] for order, _ in sending),
        outcomes=_sorted(
            _outcome(record) for records in story.replies.values() for record in records
        ),
        replayed=sum(
            reply_of(record).is_replayed for records in story.replies.values() for record in records
        ),
        lost=sum(count == 0 for count, _ in counts),
        doubled=sum(count > 1 for count, _ in counts),
        dead_letters=_sorted(
            dict(letter.headers).get("dlq_reason", b"").decode() for letter in story.dead_letters
        ),
        bookings=_sorted(row["status"] for row in story.bookings.values()),
        events=len(story.events),
        forwarded=len(story.commands) - len(asked),
        faults=_sorted(_kind(one) for one in happened if one.seconds is not None),
        missed_faults=sum(one.seconds is None for one in happened),
        lanes_opened=row["count"],
        partner_calls=_sorted(call["call"] for call in calls),
        partner_effects=sum(bool(call["effect"]) for call in calls),
        waited_ms=_waited_ms(house, story),
    )


def _sorted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _outcome(record: Seen) -> str:
    body = reply_of(record).body
    error = body["error"]
    return f"{body['status']} {error['code'] if error else 'done'}"


def _kind(one: Happened) -> str:
    planned = one.planned
    return f"{planned.what}: {planned.fault.kind}" if planned.fault else str(planned.what)


def _waited_ms(house: House, story: Story) -> list[int]:
    came = {
        (record.topic, record.partition, record.offset): record.timestamp
        for topic in ("commands", "queries")
        for record in house.feed.records(f"{house.prefix}.{topic}")
    }
    return sorted(
        records[0].timestamp - came[sent.topic, sent.partition, sent.offset]
        for sent in story.sent
        if (records := story.replies.get(sent.correlation_id or b"", ()))
    )
