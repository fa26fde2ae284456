"""What is stored comes back as it was."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.booking import PaymentStatus
from domain.effects import Capacity, Intent, PartnerAnswer, PartnerCall, Reservation
from domain.money import Money, minor_digits
from domain.principal import Guest, Principal
from domain.undo import Owed
from schemas import stored

_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_instants = st.datetimes(datetime(1970, 1, 2), datetime(9998, 1, 1), timezones=_offsets)  # noqa: DTZ001  # the strategy adds the offset
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts
_metadata = st.dictionaries(_texts, _scalars | st.lists(_scalars, max_size=3), max_size=3)


@st.composite
def _money(draw: st.DrawFn) -> Money:
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    return Money(Decimal(draw(st.integers(0, 10**12))).scaleb(-minor_digits(currency)), currency)


def _drawn(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    if arms := get_args(hint):
        if get_origin(hint) is frozenset:
            return st.frozensets(_drawn(arms[0]), max_size=3)
        if "Mapping" in str(hint):
            return st.none() | _metadata
        return st.one_of([_drawn(arm) for arm in arms])
    known = {
        datetime: _instants,
        Money: _money(),
        str: _texts,
        int: st.integers(0, 10**6),
        type(None): st.none(),
    }
    if hint in known:
        return known[hint]
    if fields := getattr(hint, "__dataclass_fields__", None):
        hints = get_type_hints(hint)
        return st.builds(hint, **{name: _drawn(hints[name]) for name in fields})
    return st.from_type(hint)


@given(_drawn(PartnerAnswer))
def test_a_partners_answer_survives_storage(answer: PartnerAnswer) -> None:
    assert stored.answer_from_json(_through_text(answer)) == answer


@given(_drawn(PartnerCall))
def test_a_partner_call_survives_storage(call: PartnerCall) -> None:
    assert stored.call_from_json(_through_text(call)) == call


@given(_drawn(Owed))
def test_what_is_owed_survives_storage(owed: Owed) -> None:
    assert stored.load_owed(stored.dump_owed(owed)) == owed


@given(_drawn(Principal))
def test_a_principal_survives_storage(principal: Principal) -> None:
    assert stored.load_principal(stored.dump_principal(principal)) == principal


@given(_instants)
def test_an_instant_keeps_the_offset_that_was_sent(at: datetime) -> None:
    kept = stored.answer_from_json(_through_text(Reservation("r-1", None, at)))
    assert isinstance(kept, Reservation)
    assert kept.expires_at is not None
    assert kept.expires_at.isoformat() == at.isoformat()


def test_money_keeps_its_exact_digits() -> None:
    paid = Intent("pi_1", PaymentStatus.SUCCEEDED, Money(Decimal("110.00"), "EUR"))
    kept = stored.answer_from_json(_through_text(paid))
    assert isinstance(kept, Intent)
    assert kept.amount is not None
    assert str(kept.amount.amount) == "110.00"


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"kind": ["Capacity"]},
        {"kind": "Guest", "id": "0b38a2f6-1a3b-4f5e-9d83-0c7f5b9f3c11"},
        {"kind": "Capacity", "available": True},
        {"kind": "Capacity", "available": True, "item": None, "reason": None, "more": 1},
        {"kind": "Reservation", "reservation_id": "r", "item": None, "expires_at": 5},
        {"kind": "Estimate", "price": ["x", "EUR"]},
        {"kind": "Estimate", "price": ["NaN", "EUR"]},
        {"kind": "Estimate", "price": []},
        {"kind": "os"},
    ],
)
def test_a_stored_value_that_is_not_an_answer_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"expected|stored"):
        stored.answer_from_json(value)


def test_a_call_is_not_taken_for_an_answer() -> None:
    capacity = Capacity(available=True, item=None, reason=None)
    with pytest.raises(ValueError, match="'Capacity'"):
        stored.call_from_json(_through_text(capacity))


def test_a_stored_principal_is_readable_to_people() -> None:
    guest = Guest(UUID("0b38a2f6-1a3b-4f5e-9d83-0c7f5b9f3c11"))
    assert json.loads(stored.dump_principal(guest)) == {"kind": "Guest", "id": str(guest.id)}


def _through_text(value: Any) -> Any:
    return json.loads(stored.dump({"told": value}))["told"]
