"""Every code that a client can meet, in a real reply: its status, whether to retry, its extras."""

from __future__ import annotations

import time
from typing import Final

import pytest

from app.demo.partners.faults import Fault, Kind
from tests.service.asking import book, book_and_pay, failing, move
from tests.service.builders import a_create, a_venue, in_hours
from tests.service.callers import NOBODY, Caller, a_guest, a_manager, an_admin, token
from tests.service.client import Reply
from tests.service.house import House

pytestmark = pytest.mark.asyncio(loop_scope="package")

RETRYABLE: Final = {
    "rate_limited",
    "deadline_passed",
    "inventory_unavailable",
    "pricing_unavailable",
    "payment_failed",
}


def refused(reply: Reply, status: int, code: str) -> Reply:
    """Demand this refusal and what all of its code have in common."""
    assert (reply.status, reply.code) == (status, code), reply.body
    assert reply.error["retryable"] is (code in RETRYABLE)
    assert reply.error["title"]
    assert reply.error["detail"]
    if code in RETRYABLE and reply.body.get("command_id"):
        assert "new command" in reply.error["detail"]
    return reply


def fields(reply: Reply) -> set[str]:
    return {error["field"] for error in reply.error["errors"]}


async def test_validation_failed_names_every_field(house: House) -> None:
    wrong = a_create(party_size=0, venue_type="bar", booking_time="2027-01-01T19:00:00", colour="x")
    reply = await house.client.command(a_guest(), "create_booking", wrong)
    refused(reply, 400, "validation_failed")
    assert fields(reply) == {
        "data.party_size",
        "data.venue_type",
        "data.booking_time",
        "data.colour",
    }


async def test_invalid_transition_says_what_is_allowed(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    booking = await book(house, guest, venue)
    reply = await move(house, a_manager(venue), booking["id"], "completed")
    refused(reply, 400, "invalid_transition")
    assert (reply.error["from"], reply.error["to"]) == ("pending", "completed")
    assert set(reply.error["allowed"]) == {"confirmed", "cancelled", "expired"}
    again = await move(house, guest, booking["id"], "pending")
    refused(again, 400, "invalid_transition")
    unknown = await move(house, guest, booking["id"], "eaten")
    refused(unknown, 400, "validation_failed")


async def test_booking_in_past(house: House) -> None:
    past = a_create(booking_time=in_hours(-1))
    refused(await house.client.command(a_guest(), "create_booking", past), 400, "booking_in_past")


async def test_too_soon_for_a_booking_and_for_a_check_in(house: House) -> None:
    soon = a_create(booking_time=in_hours(0.25))
    refused(await house.client.command(a_guest(), "create_booking", soon), 400, "too_soon")
    venue = a_venue()
    booking = await book_and_pay(house, a_guest(), venue)
    staff = a_manager(venue, role="staff")
    refused(await move(house, staff, booking["id"], "checked_in"), 400, "too_soon")
    refused(await move(house, staff, booking["id"], "no_show"), 400, "too_soon")


async def test_too_late_once_the_stay_has_begun(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    begun = a_create(venue, source="walk_in", guest_id=guest.sub, booking_time=in_hours(-1 / 60))
    created = await house.client.command(a_manager(venue), "create_booking", begun)
    cancelled = await house.client.command(
        guest, "cancel_booking", {"booking_id": created.data["id"]}
    )
    refused(cancelled, 400, "too_late")


async def test_too_far_ahead(house: House) -> None:
    far = a_create(booking_time=in_hours(24 * 367))
    refused(await house.client.command(a_guest(), "create_booking", far), 400, "too_far_ahead")


async def test_not_modifiable_once_it_has_ended(house: House) -> None:
    guest = a_guest()
    booking = await book(house, guest)
    await house.client.command(guest, "cancel_booking", {"booking_id": booking["id"]})
    change = {"booking_id": booking["id"], "expected_version": 2, "party_size": 3}
    reply = await house.client.command(guest, "update_booking", change)
    refused(reply, 400, "not_modifiable")


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_requires_action", "payment_required"),
        ("pm_processing", "payment_required"),
        ("pm_declined", "payment_declined"),
    ],
)
async def test_a_payment_that_is_not_made(house: House, method: str, code: str) -> None:
    guest = a_guest()
    booking = await book(house, guest, payment_method_id=method)
    refused(await move(house, guest, booking["id"], "confirmed"), 400, code)
    found = await house.client.query(guest, "get_booking", {"booking_id": booking["id"]})
    assert found.data["status"] == "pending"


async def test_price_increase_requires_payment_names_both_totals(house: House) -> None:
    guest = a_guest()
    booking = await book_and_pay(house, guest)
    change = {"booking_id": booking["id"], "expected_version": 2, "party_size": 4}
    reply = await house.client.command(guest, "update_booking", change)
    refused(reply, 400, "price_increase_requires_payment")
    assert {"55.00", "110.00"} <= set(map(str, reply.error.values()))


async def test_deadline_passed_frees_the_key(house: House) -> None:
    guest, create = a_guest(), a_create()
    late = [("deadline", b"2026-01-01T00:00:00Z")]
    reply = await house.client.command(
        guest, "create_booking", create, idempotency_key="late", headers=late
    )
    refused(reply, 400, "deadline_passed")
    again = await house.client.command(guest, "create_booking", create, idempotency_key="late")
    assert again.status == 201
    malformed = await house.client.command(
        guest, "create_booking", a_create(), headers=[("deadline", b"tomorrow")]
    )
    refused(malformed, 400, "validation_failed")


async def test_unauthenticated(house: House) -> None:
    guest = a_guest()
    long_ago = int(time.time()) - 7200
    for bad in (
        None,
        "no token at all",
        token(guest.sub, "guest", secret="another secret of more than 32 bytes!"),
        token(guest.sub, "guest", exp=long_ago),
        token(guest.sub, "guest", type="refresh"),
    ):
        reply = await house.client.command(Caller(guest.sub, bad), "create_booking", a_create())
        refused(reply, 401, "unauthenticated")
    query = await house.client.query(NOBODY, "get_booking", {"booking_id": a_venue()})
    refused(query, 401, "unauthenticated")


async def test_forbidden_is_what_a_role_may_never_do(house: House) -> None:
    guest = a_guest()
    booking = await book(house, guest)
    for reply in (
        await move(house, guest, booking["id"], "checked_in"),
        await move(house, guest, booking["id"], "confirmed", payment="at_venue"),
        await house.client.command(guest, "create_booking", a_create(internal_notes="mine")),
        await house.client.command(guest, "create_booking", a_create(guest_id=a_guest().sub)),
        await house.client.command(guest, "create_booking", a_create(source="walk_in")),
        await house.client.command(a_manager(), "create_booking", a_create(guest_id=guest.sub)),
        await house.client.query(guest, "list_guest_bookings", {"guest_id": a_guest().sub}),
        await house.client.query(
            a_manager(a_venue()), "list_venue_bookings", {"venue_id": a_venue()}
        ),
    ):
        refused(reply, 403, "forbidden")


@pytest.mark.parametrize("role", ["admin", "system"])
async def test_forbidden_are_the_services_own_commands(house: House, role: str) -> None:
    pretender = Caller("me", token("me", role))
    data = {"booking_id": a_venue(), "expected_version": 1}
    reply = await house.client.command(pretender, "expire_booking", data)
    refused(reply, 403, "forbidden")


async def test_booking_not_found_is_also_somebody_elses(house: House) -> None:
    booking = await book(house, a_guest())
    for stranger, id_ in (
        (a_guest(), booking["id"]),
        (a_manager(a_venue()), booking["id"]),
        (an_admin(), a_venue()),
    ):
        query = await house.client.query(stranger, "get_booking", {"booking_id": id_})
        refused(query, 404, "booking_not_found")
        command = await house.client.command(stranger, "cancel_booking", {"booking_id": id_})
        refused(command, 404, "booking_not_found")


async def test_version_conflict_tells_the_current_version(house: House) -> None:
    guest = a_guest()
    booking = await book_and_pay(house, guest)
    change = {"booking_id": booking["id"], "expected_version": 1, "party_size": 1}
    reply = await house.client.command(guest, "update_booking", change)
    refused(reply, 409, "version_conflict")
    assert reply.error["current_version"] == 2


async def test_slot_unavailable_and_availability_agree(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    create = a_create(venue)
    asked = {
        name: create[name] for name in ("venue_id", "venue_type", "booking_time", "party_size")
    }
    before = await house.client.query(guest, "check_availability", asked)
    assert before.data["available"] is True
    assert before.data["price_estimate"]["estimated_price"] == "55.00"
    await book(house, guest, venue)
    reply = await house.client.command(a_guest(), "create_booking", create)
    refused(reply, 409, "slot_unavailable")
    after = await house.client.query(a_guest(), "check_availability", asked)
    assert after.data["available"] is False
    assert after.data["reasons"] == ["slot_unavailable"]
    (conflict,) = after.data["conflicts"]
    assert set(conflict) == {"starts_at", "ends_at", "inventory_item_id"}


async def test_no_capacity_is_the_inventorys_no(house: House) -> None:
    venue = a_venue()
    house.partners.inventory.service.configure(f"/_venues/{venue}", {"max_party_size": 4})
    reply = await house.client.command(a_guest(), "create_booking", a_create(venue, party_size=5))
    refused(reply, 409, "no_capacity")


async def test_inventory_unavailable_leaves_nothing_and_frees_the_key(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    create = a_create(venue)
    lost = Fault(Kind.CUT_AFTER_EFFECT, "reserve", where={"venue_id": venue}, times=2)
    with failing(house.partners.inventory, lost):
        reply = await house.client.command(guest, "create_booking", create, idempotency_key="k")
        refused(reply, 500, "inventory_unavailable")
    again = await house.client.command(guest, "create_booking", create, idempotency_key="k")
    assert again.status == 201


async def test_inventory_unavailable_for_a_question(house: House) -> None:
    create = a_create()
    asked = {
        name: create[name] for name in ("venue_id", "venue_type", "booking_time", "party_size")
    }
    away = Fault(
        Kind.ERROR, "check-availability", where={"venue_id": create["venue_id"]}, times=None
    )
    with failing(house.partners.inventory, away):
        reply = await house.client.query(a_guest(), "check_availability", asked)
    refused(reply, 500, "inventory_unavailable")


async def test_pricing_unavailable_where_no_fallback_is_configured(house: House) -> None:
    create = a_create()
    nonsense = Fault(Kind.GARBAGE, "calculate", times=None, garbage="nan_price")
    with failing(house.partners.pricing, nonsense):
        reply = await house.client.command(a_guest(), "create_booking", create)
    refused(reply, 500, "pricing_unavailable")
    assert (await house.client.command(a_guest(), "create_booking", create)).status == 201


async def test_payment_failed_leaves_no_reservation(house: House) -> None:
    create = a_create()
    away = Fault(Kind.ERROR, "create-intent", times=None)
    with failing(house.partners.payment, away):
        reply = await house.client.command(a_guest(), "create_booking", create)
    refused(reply, 500, "payment_failed")
    assert (await house.client.command(a_guest(), "create_booking", create)).status == 201


async def test_a_charge_whose_answer_was_lost_is_used_and_never_made_again(house: House) -> None:
    guest = a_guest()
    booking = await book(house, guest)
    where = {"booking_id": booking["id"]}
    house.partners.payment.faults.add(Fault(Kind.CUT_AFTER_EFFECT, "confirm-intent", where, 2))
    with failing(house.partners.payment, Fault(Kind.ERROR, "find-intent", times=None)):
        unheard = await move(house, guest, booking["id"], "confirmed")
        refused(unheard, 500, "payment_failed")
    paid = await move(house, guest, booking["id"], "confirmed")
    assert paid.data["payment_status"] == "succeeded"
