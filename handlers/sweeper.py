"""Finds what is due and publishes it as signed commands to the lane that will do the work.

It changes no booking itself. The id of each command derives from the row and its attempt number, so
any number of sweepers publish the same command, and an attempt that failed comes back under a new
one when its time has come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from domain.named_ids import named_id
from handlers.ports import DueWork, KeyStore, Output, Publisher, ServiceSigner
from handlers.sealing import KeyTopic

_NAMESPACE = UUID("9a1f6f0e-5b0d-5c55-8a5d-0a2f3f7f7f10")
_OVERDUE = timedelta(seconds=2)  # so that a confirmation in the last moment is not overtaken
_ABANDONED_AFTER = timedelta(minutes=2)  # far longer than any batch may take
_REPEAT_AFTER = timedelta(seconds=30)  # a command published before is not published again till then
_LIMIT = 500


@dataclass(frozen=True, slots=True)
class _Wanted:
    command_id: UUID
    type: str
    key: bytes
    partition: int
    data: Mapping[str, Any]


class Sweeper:
    """One look at what is due, at each call of `sweep`."""

    def __init__(
        self,
        due: DueWork,
        publisher: Publisher,
        signer: ServiceSigner,
        commands_topic: str,
        home_of: Callable[[UUID], int],
        keys: KeyStore,
        key_topic: KeyTopic,
    ) -> None:
        self._keys = keys
        self._key_topic = key_topic
        self._due = due
        self._publisher = publisher
        self._signer = signer
        self._topic = commands_topic
        self._home_of = home_of
        self._published: dict[UUID, datetime] = {}

    async def sweep(self, now: datetime) -> int:
        """Publish what is due at `now`; gives how many commands that were."""
        self._published = {
            command_id: at for command_id, at in self._published.items() if at + _REPEAT_AFTER > now
        }
        wanted = [one for one in await self._wanted(now) if one.command_id not in self._published]
        await self._publisher.publish([self._output(one) for one in wanted])
        self._published |= {one.command_id: now for one in wanted}
        await self._bury(now)
        return len(wanted)

    async def _bury(self, now: datetime) -> None:
        """A lane may have published a key once more behind its tombstone; now none can any more."""
        if gone := await self._keys.tombstones_due(now, _LIMIT):
            await self._publisher.publish([self._key_topic.gone(each) for each in gone])
            await self._keys.tombstones_told(gone)

    async def _wanted(self, now: datetime) -> Sequence[_Wanted]:
        expiries = [
            self._at_venue(
                "expire_booking",
                f"{due.booking_id}/{due.version}/{due.attempt}",
                due.venue_id,
                {
                    "booking_id": due.booking_id,
                    "expected_version": due.version,
                    "attempt": due.attempt,
                },
            )
            for due in await self._due.due_expiries(now - _OVERDUE, _LIMIT)
        ]
        undo = [
            self._at_venue(
                "settle_undo",
                f"{due.undo_id}/{due.attempt}",
                due.venue_id,
                {"undo_id": due.undo_id, "booking_id": due.booking_id, "attempt": due.attempt},
            )
            for due in await self._due.due_undo(now, _LIMIT)
        ]
        ends = [
            _Wanted(
                named_id(_NAMESPACE, f"end_command/{one.row_id}/{now:%Y-%m-%dT%H}"),
                "end_command",
                one.row_id.bytes,
                one.partition,
                {"row_id": one.row_id},
            )
            for one in await self._due.abandoned(self._topic, now - _ABANDONED_AFTER, _LIMIT)
        ]
        return [*expiries, *undo, *ends]

    def _at_venue(self, kind: str, name: str, venue_id: UUID, data: Mapping[str, Any]) -> _Wanted:
        return _Wanted(
            named_id(_NAMESPACE, f"{kind}/{name}"),
            kind,
            str(venue_id).encode(),
            self._home_of(venue_id),
            data,
        )

    def _output(self, wanted: _Wanted) -> Output:
        value = orjson.dumps(
            {"type": wanted.type, "command_id": wanted.command_id, "data": wanted.data}
        )
        return Output(
            self._topic, wanted.key, value, self._signer.system_headers(value), wanted.partition
        )
