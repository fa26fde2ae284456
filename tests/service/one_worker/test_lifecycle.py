"""Bookings from their creation to their end, by guests, by the venue's people and by admins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.demo.partners.faults import Fault, Kind
from tests.service.asking import book_and_pay, events_of, move
from tests.service.builders import PERSONAL, a_create, a_venue, in_hours
from tests.service.callers import a_guest, a_manager, an_admin
from tests.service.house import House
from tests.service.invariants import check

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_guest_books_pays_moves_comes_and_goes(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    staff = a_manager(venue, role="staff")
    client = house.client

    created = await client.command(
        guest, "create_booking", a_create(venue, booking_time=in_hours(3))
    )
    assert created.status == 201
    booking = created.data
    assert (booking["status"], booking["version"]) == ("pending", 1)
    assert booking["guest_id"] == guest.sub
    assert booking["booking_reference"].startswith(
        f"BR-{booking['booking_date'].replace('-', '')}-"
    )
    assert (booking["total_price"], booking["currency"]) == ("55.00", "EUR")
    assert booking["duration_minutes"] == 120
    assert booking["payment_client_secret"]
    identity = {"booking_id": booking["id"]}

    confirmed = await move(house, guest, booking["id"], "confirmed")
    assert confirmed.status == 200
    assert confirmed.data["payment_status"] == "succeeded"
    assert confirmed.data["amount_paid"] == "55.00"

    moved = await client.command(
        guest,
        "update_booking",
        {**identity, "expected_version": 2, "booking_time": in_hours(4), "party_size": 1},
    )
    assert moved.status == 200
    assert moved.data["total_price"] == "27.50"
    assert moved.data["amount_refunded"] == "27.50", "paid and cheaper: the difference goes back"
    assert moved.data["payment_status"] == "partially_refunded"

    assert (await move(house, staff, booking["id"], "checked_in")).data["checked_in_at"]
    ended = await move(house, staff, booking["id"], "completed", reason=f"{PERSONAL} left")
    assert (ended.data["status"], ended.data["version"]) == ("completed", 5)

    by_id = await client.query(guest, "get_booking", identity)
    by_reference = await client.query(
        guest,
        "get_booking_by_reference",
        {"booking_reference": booking["booking_reference"].lower()},
    )
    assert by_id.data == by_reference.data
    assert by_id.data == {k: v for k, v in ended.data.items() if k != "payment_client_secret"}

    history = (await client.query(guest, "get_booking_history", identity)).data["items"]
    assert [(h["from_status"], h["to_status"], h["changed_by"]) for h in history] == [
        (None, "pending", f"guest:{guest.sub}"),
        ("pending", "confirmed", f"guest:{guest.sub}"),
        ("confirmed", "checked_in", f"business:{staff.sub}"),
        ("checked_in", "completed", f"business:{staff.sub}"),
    ]

    events = await events_of(house, booking["id"], 8)
    assert [(event.type, event.payload["booking_version"]) for event in events] == [
        ("booking.created", 1),
        ("booking.confirmed", 2),
        ("booking.status_changed", 2),
        ("booking.updated", 3),
        ("booking.checked_in", 4),
        ("booking.status_changed", 4),
        ("booking.completed", 5),
        ("booking.status_changed", 5),
    ]
    assert events[3].payload["changes"]["party_size"] == [2, 1]


async def test_an_event_says_what_consumers_rely_on(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    created = await house.client.command(
        guest, "create_booking", a_create(venue), headers=[("traceparent", trace.encode())]
    )
    (event,) = await events_of(house, created.data["id"], 1)
    headers = dict(event.record.headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_id"].decode() == event.body["event_id"]
    assert headers["ce_type"] == b"booking.created"
    assert headers["ce_subject"].decode() == created.data["id"]
    assert headers["correlation_id"] == created.headers["correlation_id"]
    assert headers["traceparent"][3:35] == trace.encode()[3:35], "the trace is continued"
    assert created.headers["traceparent"][3:35] == trace.encode()[3:35]
    assert event.body["source"] == "booking-reservation-service"
    assert event.payload["resource_type"] == "table"
    assert event.payload["user_id"] == event.payload["guest_id"] == guest.sub
    assert event.payload["metadata"] == {"campaign": "spring"}
    assert set(event.payload["sealed"]) == {"v", "service", "guest"}
    assert event.payload["command_id"] == created.body["command_id"]


async def test_a_paid_booking_is_cancelled_and_the_money_goes_back(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    create = a_create(venue)
    booking = (await house.client.command(guest, "create_booking", create)).data["id"]
    await move(house, guest, booking, "confirmed")
    cancelled = await house.client.command(
        guest, "cancel_booking", {"booking_id": booking, "reason": f"{PERSONAL} is ill"}
    )
    assert cancelled.data["status"] == "cancelled"
    assert cancelled.data["payment_status"] == "refunded"
    assert cancelled.data["amount_refunded"] == cancelled.data["amount_paid"] == "55.00"
    assert cancelled.data["cancelled_by"] == f"guest:{guest.sub}"
    again = await house.client.command(guest, "create_booking", create)
    assert again.status == 201, "the slot is free for others"


async def test_the_venue_names_the_refund_of_a_cancellation(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    booking = (await house.client.command(guest, "create_booking", a_create(venue))).data["id"]
    await move(house, guest, booking, "confirmed")
    cancelled = await house.client.command(
        a_manager(venue), "cancel_booking", {"booking_id": booking, "refund_amount": "20.00"}
    )
    assert cancelled.data["amount_refunded"] == "20.00"
    assert cancelled.data["payment_status"] == "partially_refunded"


async def test_a_cancellation_stands_while_partners_are_away_and_is_made_good_later(
    house: House,
) -> None:
    guest, venue = a_guest(), a_venue()
    booking = await book_and_pay(house, guest, venue)
    house.partners.inventory.faults.add(Fault(Kind.ERROR, "release", times=2))
    house.partners.payment.faults.add(Fault(Kind.ERROR, "refund", times=2))
    cancelled = await move(house, guest, booking["id"], "cancelled")
    assert cancelled.data["status"] == "cancelled"
    assert cancelled.data["amount_refunded"] == "0.00"
    await check(house)  # waits until nothing is owed any more
    events = await events_of(house, booking["id"], 6)
    assert events[-1].type == "booking.updated", "the refund raised the version when it was made"
    assert events[-1].payload["amount_refunded"] == "55.00"
    assert events[-1].payload["payment_status"] == "refunded"


async def test_a_status_of_cancelled_is_a_cancellation(house: House) -> None:
    guest = a_guest()
    booking = (await house.client.command(guest, "create_booking", a_create())).data["id"]
    cancelled = await move(house, guest, booking, "cancelled", reason=f"{PERSONAL} other plans")
    assert cancelled.data["status"] == "cancelled"
    events = await events_of(house, booking, 3)
    assert [e.type for e in events][1:] == ["booking.cancelled", "booking.status_changed"]


async def test_a_walk_in_pays_at_the_venue_and_a_no_show_frees_the_table(house: House) -> None:
    venue = a_venue()
    staff = a_manager(venue, role="staff")
    came = a_create(
        venue, source="walk_in", booking_time=in_hours(-5 / 60), internal_notes="window"
    )
    created = await house.client.command(staff, "create_booking", came)
    assert created.status == 201
    assert created.data["guest_id"], "one is made"
    assert created.data["internal_notes"] == "window"
    booking = created.data["id"]

    paid = await move(house, staff, booking, "confirmed", payment="at_venue")
    assert paid.data["payment_status"] == "at_venue"
    charges = [
        call
        for call in house.partners.payment.ledger()
        if call["call"] == "confirm-intent" and call["body"].get("booking_id") == booking
    ]
    assert charges == []

    gone = await move(house, staff, booking, "no_show")
    assert gone.data["status"] == "no_show"
    events = await events_of(house, booking, 4)
    assert [e.type for e in events] == [
        "booking.created",
        "booking.confirmed",
        "booking.status_changed",
        "booking.status_changed",
    ], "a no-show emits only the latter"


async def test_a_pending_booking_expires_by_itself(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    house.partners.inventory.service.configure(f"/_venues/{venue}", {"hold_seconds": 1.0})
    created = await house.client.command(guest, "create_booking", a_create(venue))
    assert datetime.fromisoformat(created.data["expires_at"]) < datetime.now(UTC) + timedelta(
        seconds=2
    )
    events = await events_of(house, created.data["id"], 3)
    assert [e.type for e in events][1:] == ["booking.expired", "booking.status_changed"]
    assert events[1].payload["changed_by"] == "system"
    found = await house.client.query(guest, "get_booking", {"booking_id": created.data["id"]})
    assert found.data["status"] == "expired"
    other = await house.client.command(a_guest(), "create_booking", a_create(venue))
    assert other.status == 201, "the slot is free again"


async def test_a_hotel_night_ends_at_the_same_wall_time_when_the_clock_changes(
    house: House,
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    first = datetime.now(zone).replace(hour=15, minute=0, second=0, microsecond=0)
    days = [first + timedelta(days=day) for day in range(2, 364)]
    eve, morning = next((a, b) for a, b in pairwise(days) if a.utcoffset() != b.utcoffset())
    night = a_create(
        venue_type="hotel",
        venue_time_zone="Europe/Berlin",
        booking_time=eve.isoformat(),
        inventory_item_id="101",
    )
    booking = (await house.client.command(a_guest(), "create_booking", night)).data
    assert datetime.fromisoformat(booking["end_time"]) == morning
    assert booking["duration_minutes"] in (23 * 60, 25 * 60)
    assert booking["booking_date"] == eve.date().isoformat()
    assert booking["inventory_item_id"] == "101"


async def test_an_admin_books_by_phone_and_only_the_house_sees_the_notes(house: House) -> None:
    guest, venue, admin = a_guest(), a_venue(), an_admin()
    by_phone = a_create(
        venue,
        source="phone",
        guest_id=guest.sub,
        internal_notes="regular",
        booking_time=in_hours(0.1),
    )
    created = await house.client.command(admin, "create_booking", by_phone)
    assert created.data["internal_notes"] == "regular", "and phone needs no lead time"
    identity = {"booking_id": created.data["id"]}
    assert (await house.client.query(guest, "get_booking", identity)).data["internal_notes"] is None
    for insider in (admin, a_manager(venue)):
        seen = (await house.client.query(insider, "get_booking", identity)).data
        assert seen["internal_notes"] == "regular"


async def test_an_update_may_overlap_itself_and_a_touching_slot_is_free(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)

    def at(hours: float) -> str:
        return (start + timedelta(hours=hours)).isoformat()

    create = await house.client.command(
        guest, "create_booking", a_create(venue, booking_time=at(0))
    )
    touching = await house.client.command(
        a_guest(), "create_booking", a_create(venue, booking_time=at(2))
    )
    assert touching.status == 201
    earlier = await house.client.command(
        guest,
        "update_booking",
        {"booking_id": create.data["id"], "expected_version": 1, "booking_time": at(-1)},
    )
    assert earlier.data["booking_time"] == at(-1).replace("+00:00", "Z")
    freed = await house.client.command(
        a_guest(),
        "create_booking",
        a_create(venue, booking_time=at(1), duration_minutes=60),
    )
    assert freed.status == 201


async def test_an_update_clears_with_null_and_keeps_what_is_absent(house: House) -> None:
    guest = a_guest()
    created = (await house.client.command(guest, "create_booking", a_create())).data
    updated = await house.client.command(
        guest,
        "update_booking",
        {"booking_id": created["id"], "expected_version": 1, "special_requests": None},
    )
    assert updated.data["special_requests"] is None
    assert updated.data["guest_name"] == created["guest_name"]
    assert updated.data["version"] == 2
    _, event = await events_of(house, created["id"], 2)
    assert event.type == "booking.updated"
    assert event.payload["changes"] == {}


async def test_a_price_falls_back_when_pricing_is_away(house: House) -> None:
    venue = a_venue()
    house.partners.pricing.faults.add(
        Fault(Kind.ERROR, call="calculate", where={"venue_id": venue}, times=None)
    )
    created = await house.client.command(
        a_guest(), "create_booking", a_create(venue, venue_type="cafe", party_size=3)
    )
    house.partners.pricing.faults.clear()
    assert created.data["price_source"] == "fallback"
    assert created.data["total_price"] == "28.50"
    assert created.data["duration_minutes"] == 60
