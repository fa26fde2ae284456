"""The stand-ins as honest services: what they hold, price, charge and remember."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.demo.partners import Partners, partners

VENUE = "8a3c1f52-6f0a-4f2e-9a51-0d6f3a2b7c10"


class Wire:
    """Calls to one stand-in, as any client would make them."""

    def __init__(self, client: httpx.AsyncClient, url: str, prefix: str) -> None:
        self._client = client
        self._url = url
        self._prefix = prefix

    async def post(self, call: str, key: str = "k", **body: Any) -> httpx.Response:
        return await self._client.post(
            f"{self._url}{self._prefix}/{call}", json=body, headers={"idempotency-key": key}
        )

    async def get(self, path: str) -> Any:
        return (await self._client.get(self._url + path)).json()

    async def admin(self, method: str, path: str, **body: Any) -> None:
        (await self._client.request(method, self._url + path, json=body)).raise_for_status()


@pytest.fixture
async def running() -> AsyncIterator[Partners]:
    async with partners() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        yield client


@pytest.fixture
def inventory(running: Partners, client: httpx.AsyncClient) -> Wire:
    return Wire(client, running.inventory_url, "/api/v1/inventory")


@pytest.fixture
def pricing(running: Partners, client: httpx.AsyncClient) -> Wire:
    return Wire(client, running.pricing_url, "/api/v1/pricing")


@pytest.fixture
def payment(running: Partners, client: httpx.AsyncClient) -> Wire:
    return Wire(client, running.payment_url, "/api/v1/payments")


def a_stay(**changed: Any) -> dict[str, Any]:
    return {
        "venue_id": VENUE,
        "venue_type": "restaurant",
        "booking_time": "2027-03-01T19:00:00+01:00",
        "party_size": 4,
        "booking_reference": "BR-20270301-ABCDEF",
        "booking_id": "0b7e2d0e-93f5-4a6e-8e4e-2f1f5e8b4d11",
        "duration_minutes": 120,
    } | changed


async def test_a_reserve_under_the_same_key_has_one_effect(inventory: Wire) -> None:
    first, again = [await inventory.post("reserve", **a_stay()) for _ in range(2)]
    assert first.json() == again.json()
    assert [call["effect"] for call in (await inventory.get("/_ledger"))["calls"]] == [True, False]
    assert len((await inventory.get("/_state"))["reservations"]) == 1


async def test_the_same_key_with_another_body_is_refused(inventory: Wire) -> None:
    await inventory.post("reserve", **a_stay())
    assert (await inventory.post("reserve", **a_stay(party_size=5))).status_code == 422


async def test_a_venue_with_items_gives_a_free_one_until_it_is_full(inventory: Wire) -> None:
    await inventory.admin("PUT", f"/_venues/{VENUE}", items=["T1", "T2"])
    held = [await inventory.post("reserve", key=str(n), **a_stay()) for n in range(3)]
    assert [answer.status_code for answer in held] == [200, 200, 409]
    assert [answer.json().get("inventory_item_id") for answer in held] == ["T1", "T2", None]
    later = await inventory.post("reserve", key="later", **a_stay(booking_time="2027-03-01T20:00Z"))
    assert later.json()["inventory_item_id"] == "T1"  # half-open: 21:00 to 21:00 touches


async def test_units_count_the_busiest_moment_and_not_all_neighbours(inventory: Wire) -> None:
    await inventory.admin("PUT", f"/_venues/{VENUE}", units=2)
    for key, hour in (("a", 10), ("b", 12)):
        await inventory.post("reserve", key=key, **a_stay(booking_time=f"2027-03-01T{hour}:00Z"))
    across = a_stay(booking_time="2027-03-01T11:00Z")
    assert (await inventory.post("reserve", key="c", **across)).status_code == 200
    assert (await inventory.post("reserve", key="d", **across)).status_code == 409


async def test_a_release_is_repeatable_and_says_when_nothing_was_held(inventory: Wire) -> None:
    reference = a_stay()["booking_reference"]
    assert (await inventory.post("release", booking_reference=reference)).status_code == 404
    await inventory.post("reserve", **a_stay())
    released = [await inventory.post("release", booking_reference=reference) for _ in range(2)]
    assert [answer.status_code for answer in released] == [200, 200]
    assert (await inventory.get("/_state"))["reservations"] == []


async def test_an_update_of_a_reservation_does_not_collide_with_itself(inventory: Wire) -> None:
    await inventory.admin("PUT", f"/_venues/{VENUE}", items=["T1"])
    held = (await inventory.post("reserve", **a_stay())).json()["reservation_id"]
    moved = a_stay(booking_time="2027-03-01T18:30Z")
    updated = await inventory.post("update-reservation", reservation_id=held, **moved)
    assert updated.json() == {"reservation_id": held, "updated": True}


async def test_the_same_question_always_costs_the_same(pricing: Wire) -> None:
    quotes = [(await pricing.post("calculate", key=key, **a_stay())).json() for key in "ab"]
    assert quotes[0] == quotes[1]
    assert (quotes[0]["total_price"], quotes[0]["tax_amount"]) == ("110.00", "10.00")


async def test_a_venue_may_ask_in_another_currency_and_in_numbers(pricing: Wire) -> None:
    await pricing.admin(
        "PUT", f"/_venues/{VENUE}", currency="JPY", per_person="1500", as_numbers=True
    )
    estimate = await pricing.post("estimate", **a_stay())
    assert estimate.json() == {"estimated_price": 6600.0, "currency": "JPY"}


async def an_intent(payment: Wire, method: str | None = None) -> str:
    created = await payment.post(
        "intents",
        booking_id="b",
        amount="110.00",
        currency="EUR",
        guest_id="g",
        payment_method_id=method,
    )
    return str(created.json()["payment_intent_id"])


@pytest.mark.parametrize(
    ("method", "status", "says"),
    [
        (None, 200, "succeeded"),
        ("pm_card", 200, "succeeded"),
        ("pm_processing", 200, "processing"),
        ("pm_requires_action", 200, "requires_action"),
        ("pm_declined", 402, "failed"),
    ],
)
async def test_the_payment_method_decides_what_a_confirm_says(
    payment: Wire, method: str | None, status: int, says: str
) -> None:
    intent = await an_intent(payment, method)
    assert (await payment.post(f"intents/{intent}/confirm", booking_id="b")).status_code == status
    assert (await payment.get(f"/api/v1/payments/intents/{intent}"))["status"] == says


async def test_refunds_never_exceed_what_was_paid(payment: Wire) -> None:
    intent = await an_intent(payment)
    order = {"payment_intent_id": intent, "booking_id": "b", "reason": "cancelled"}
    assert (await payment.post("refunds", "early", amount="1.00", **order)).status_code == 422
    await payment.post(f"intents/{intent}/confirm", booking_id="b")
    for key, amount, status in (("a", "60", 200), ("a", "60", 200), ("b", "50.01", 422)):
        assert (await payment.post("refunds", key, amount=amount, **order)).status_code == status
    assert (await payment.get("/_state"))["intents"][0]["amount_refunded"] == "60"


async def test_a_fault_strikes_only_the_calls_it_was_ordered_for(inventory: Wire) -> None:
    await inventory.admin(
        "POST", "/_faults", kind="error", call="reserve", where={"venue_id": VENUE}, times=2
    )
    elsewhere = await inventory.post("reserve", key="x", **a_stay(venue_id="elsewhere"))
    here = [await inventory.post("reserve", **a_stay()) for _ in range(3)]
    assert [elsewhere.status_code, *(answer.status_code for answer in here)] == [200, 503, 503, 200]


async def test_an_effect_lands_although_its_client_has_gone(inventory: Wire) -> None:
    await inventory.admin("POST", "/_faults", kind="latency", seconds=0.05)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await inventory.post("reserve", **a_stay())
    async with asyncio.timeout(5):
        while not (await inventory.get("/_state"))["reservations"]:
            pass  # each look is a round trip


async def test_a_nonsense_order_is_refused(running: Partners, client: httpx.AsyncClient) -> None:
    for order in ({"kind": "earthquake"}, {"kind": "error", "times": 0}, {}, {"kind": "x", "y": 1}):
        refused = await client.post(running.inventory_url + "/_faults", json=order)
        assert refused.status_code == 400


async def test_the_process_prints_its_addresses_and_ends_on_sigterm() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.demo.partners", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    urls = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    assert set(urls) == {"inventory_url", "pricing_url", "payment_url"}
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 20) == 0
