"""The random mix: what is sent next, drawn from what careless and malicious clients send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.chaos.cast import Cast, Venue, hour, new_id
from tests.chaos.hostile import BAD_HEADERS, FORGED, UNREADABLE
from tests.chaos.memory import Known, Memory
from tests.chaos.orders import Order, an_order, trusted
from tests.service.builders import PERSONAL, a_create
from tests.service.callers import Caller
from tests.service.client import Header

PARTITIONS = 12


@dataclass(slots=True)
class Mix:
    """Draws orders; what it draws depends on the replies so far, and so on timing."""

    random: Random
    cast: Cast
    memory: Memory
    reply_to: str

    def next(self) -> Order:
        """One more order."""
        drawn = self.random.choices([*self._kinds], [weight for weight, _ in self._kinds.values()])
        order = self._kinds[drawn[0]][1]()
        return self._strayed(order) if order.topic == "commands" else order

    @property
    def _kinds(self) -> Mapping[str, tuple[int, Callable[[], Order]]]:
        return {
            "create anywhere": (20, self._create_anywhere),
            "create where all want to": (22, self._create_where_all_want_to),
            "key again": (5, self._key_again),
            "id again": (4, self._id_again),
            "id with other content": (2, self._id_with_other_content),
            "update": (9, self._update),
            "cancel": (8, self._cancel),
            "pay": (14, self._pay),
            "check in": (3, self._check_in),
            "complete": (2, self._complete),
            "by the wrong one": (3, self._by_the_wrong_one),
            "hostile": (5, self._hostile),
            "bad headers": (3, self._bad_headers),
            "query": (9, self._query),
        }

    # Creates

    def _create_anywhere(self) -> Order:
        venue = Venue(new_id(self.random), self.random.choice(["restaurant", "cafe", "hotel"]))
        return self._create("create anywhere", venue, self.random.uniform(0, 200))

    def _create_where_all_want_to(self) -> Order:
        venue = self.random.choice(self.cast.hot)
        hours = self.random.randrange(48 if venue.type == "hotel" else 24) / 2
        days = 24 * self.random.randrange(6 if venue.type == "hotel" else 2)
        return self._create("create where all want to", venue, hours + days)

    def _create(self, label: str, venue: Venue, hours: float) -> Order:
        fields: dict[str, Any] = {
            "venue_type": venue.type,
            "booking_time": hour(self.cast, hours),
            "party_size": self.random.randint(1, 8),
        }
        if venue.items and (item := self.random.choice(venue.items)):
            fields["inventory_item_id"] = item
        if self.random.random() < 0.06:
            fields["payment_method_id"] = self.random.choice(
                ["pm_declined", "pm_processing", "pm_requires_action"]
            )
        if self.random.random() < 0.03:
            fields |= self.random.choice([{"party_size": 0}, {"colour": "red"}, {"venue_type": 7}])
        message: dict[str, Any] = {"data": a_create(venue.id, **fields)}
        if self.random.random() < 0.3:
            message["idempotency_key"] = new_id(self.random)
        guest = self.random.choice(self.cast.guests)
        return self._command(label, guest, "create_booking", message)

    # Repeats

    def _key_again(self) -> Order:
        keyed = [o for o in self.memory.sent if o.message and "idempotency_key" in o.message]
        if not keyed:
            return self._create_anywhere()
        first = self.random.choice(keyed)
        assert first.message is not None
        assert first.caller is not None
        data = dict(first.message["data"])
        if self.random.random() < 0.2:
            data["party_size"] = 1 + self.random.randrange(8)
        message = {"data": data, "idempotency_key": first.message["idempotency_key"]}
        return self._command("key again", first.caller, first.message["type"], message)

    def _id_again(self) -> Order:
        if not self.memory.sent:
            return self._create_anywhere()
        return self.random.choice(self.memory.sent).again("id again", self._answer_key())

    def _id_with_other_content(self) -> Order:
        if not self.memory.sent:
            return self._create_anywhere()
        first = self.random.choice(self.memory.sent)
        assert first.message is not None
        assert first.caller is not None
        message = {**first.message, "data": {**first.message["data"], "party_size": 9}}
        return self._order("id with other content", first.caller, message)

    # What is done with bookings

    def _update(self) -> Order:
        known = self.memory.one(self.random, "pending", "confirmed")
        if known is None:
            return self._create_anywhere()
        version = known.version if self.random.random() < 0.8 else self.random.randint(1, 9)
        changes: dict[str, Any] = {}
        if self.random.random() < 0.5:
            changes["booking_time"] = hour(self.cast, self.random.randrange(96) / 2)
        if self.random.random() < 0.5:
            changes["party_size"] = self.random.randint(1, 8)
        if self.random.random() < 0.1:
            changes["inventory_item_id"] = self.random.choice(["t1", "t2", "r1"])
        if not changes or self.random.random() < 0.2:
            changes["special_requests"] = f"{PERSONAL} {self.random.random()}"
        data = {"booking_id": known.id, "expected_version": version, **changes}
        return self._at(known, "update", "update_booking", data)

    def _cancel(self) -> Order:
        known = self.memory.one(self.random, "pending", "confirmed", "checked_in")
        if known is None:
            return self._create_anywhere()
        data = {"booking_id": known.id, "reason": f"{PERSONAL} changed their mind"}
        return self._at(known, "cancel", "cancel_booking", data)

    def _pay(self) -> Order:
        known = self.memory.one(self.random, "pending")
        if known is None:
            return self._create_anywhere()
        data: dict[str, Any] = {"booking_id": known.id, "status": "confirmed"}
        if self.random.random() < 0.1:
            return self._by(
                self.cast.admin, "pay", "update_booking_status", {**data, "payment": "at_venue"}
            )
        return self._at(known, "pay", "update_booking_status", data)

    def _check_in(self) -> Order:
        return self._moved("check in", "checked_in", "confirmed")

    def _complete(self) -> Order:
        status = self.random.choice(["completed", "no_show", "cancelled"])
        return self._moved("complete", status, "checked_in", "confirmed")

    def _moved(self, label: str, status: str, *statuses: str) -> Order:
        known = self.memory.one(self.random, *statuses)
        if known is None:
            return self._create_anywhere()
        data = {"booking_id": known.id, "status": status}
        return self._by(self.cast.admin, label, "update_booking_status", data)

    # Who and what should not be there

    def _by_the_wrong_one(self) -> Order:
        known = self.memory.one(self.random, "pending", "confirmed")
        if known is None:
            return self._create_anywhere()
        caller = self.random.choice([*self.cast.strangers, *self.cast.guests[:2], self.cast.admin])
        if caller is self.cast.admin:
            data = {"booking_id": known.id, "expected_version": known.version, "attempt": 0}
            return self._by(caller, "system's command", "expire_booking", data)
        return self._by(caller, "by the wrong one", "cancel_booking", {"booking_id": known.id})

    def _hostile(self) -> Order:
        name = self.random.choice([*UNREADABLE])
        answer_key = self._answer_key() if self.random.random() < 0.5 else None
        asked: list[Header] = [("correlation_id", answer_key)] if answer_key else []
        topic = self.random.choice(["commands", "commands", "commands", "queries"])
        return Order(
            f"hostile: {name}",
            topic,
            UNREADABLE[name],
            [*asked, *trusted(self.random.choice(self.cast.guests))],
            answer_key,
        )

    def _bad_headers(self) -> Order:
        order = self._create_anywhere()
        assert order.message is not None
        assert order.caller is not None
        if self.random.random() < 0.4:
            return Order(
                "forged signature",
                order.topic,
                order.value,
                [*order.headers, *FORGED],
                order.answer_key,
                caller=order.caller,
                message=order.message,
            )
        return Order(
            "bad headers",
            order.topic,
            order.value,
            [*trusted(order.caller), *self.random.choice(BAD_HEADERS)],
            str(order.message["command_id"]).encode(),
            caller=order.caller,
            message=order.message,
        )

    # Reads

    def _query(self) -> Order:
        known = self.memory.one(self.random, "pending", "confirmed", "cancelled")
        venue = self.random.choice(self.cast.hot)
        asked: list[tuple[Caller, str, dict[str, Any]]] = [
            (self.cast.staff, "list_venue_bookings", {"venue_id": venue.id, "limit": 10}),
            (
                self.random.choice(self.cast.guests),
                "check_availability",
                {
                    "venue_id": venue.id,
                    "venue_type": venue.type,
                    "booking_time": hour(self.cast, self.random.randrange(24)),
                    "party_size": 2,
                },
            ),
        ]
        if known is not None:
            asked += [
                (known.guest, "get_booking", {"booking_id": known.id}),
                (known.guest, "get_booking_history", {"booking_id": known.id}),
                (known.guest, "list_guest_bookings", {"guest_id": known.guest.sub, "limit": 5}),
            ]
        caller, type_, data = self.random.choice(asked)
        message = {"type": type_, "query_id": new_id(self.random), "data": data}
        return an_order("query", "queries", caller, message, self._answer_key(), self.reply_to)

    # How orders are made

    def _at(self, known: Known, label: str, type_: str, data: Mapping[str, Any]) -> Order:
        caller = self.cast.admin if self.random.random() < 0.1 else known.guest
        return self._by(caller, label, type_, data)

    def _by(self, caller: Caller, label: str, type_: str, data: Mapping[str, Any]) -> Order:
        message: dict[str, Any] = {"data": data}
        if self.random.random() < 0.15:
            message["idempotency_key"] = new_id(self.random)
        return self._command(label, caller, type_, message)

    def _command(self, label: str, caller: Caller, type_: str, message: Mapping[str, Any]) -> Order:
        whole = {"type": type_, "command_id": new_id(self.random), **message}
        if self.random.random() < 0.03:
            soon = datetime.now(UTC) + timedelta(seconds=self.random.uniform(-5, 3))
            return self._order(f"{label}, deadline", caller, whole, ("deadline", _instant(soon)))
        return self._order(label, caller, whole)

    def _order(
        self, label: str, caller: Caller, message: Mapping[str, Any], *headers: Header
    ) -> Order:
        key = self._answer_key()
        return an_order(label, "commands", caller, message, key, self.reply_to, *headers)

    def _strayed(self, order: Order) -> Order:
        """Sometimes without a key, under another one, or to any partition at all."""
        draw = self.random.random()
        if draw < 0.12:
            return order.elsewhere(order.key, self.random.randrange(PARTITIONS))
        if draw < 0.17:
            return order.elsewhere(None, None)
        if draw < 0.22:
            return order.elsewhere(b"another key", None)
        return order

    def _answer_key(self) -> bytes:
        return new_id(self.random).replace("-", "").encode()


def _instant(moment: datetime) -> bytes:
    return moment.isoformat().encode()
