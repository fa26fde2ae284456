"""Money: exact, in one currency, with the currency's own digits; and refunds that add up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.booking import PaymentStatus
from domain.money import Money, minor_digits
from tests.builders import eur, paid

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])
AMOUNTS = st.decimals(0, 10**6, allow_nan=False, allow_infinity=False, places=4)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("110", "EUR", "110.00"), ("1500", "JPY", "1500"), ("1.5", "KWD", "1.500")],
)
def test_it_is_written_with_the_currencys_own_digits(amount: str, currency: str, text: str) -> None:
    assert Money(Decimal(amount), currency).text() == text


@pytest.mark.parametrize(
    ("amount", "currency"),
    # XXX is ISO 4217's code for no currency.
    [("1.005", "EUR"), ("1.5", "JPY"), ("NaN", "EUR"), ("Infinity", "EUR"), ("1", "XXX")],
)
def test_what_is_no_amount_cannot_be_built(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"expected|digits"):
        Money(Decimal(amount), currency)


def test_two_currencies_never_meet() -> None:
    with pytest.raises(ValueError, match="do not mix"):
        eur(1) + Money(Decimal(1), "USD")


@given(AMOUNTS, CURRENCIES)
def test_rounding_moves_an_amount_by_less_than_its_smallest_unit(
    amount: Decimal, currency: str
) -> None:
    rounded = Money.rounded(amount, currency)
    assert abs(rounded.amount - amount) <= Decimal(1).scaleb(-minor_digits(currency)) / 2


@given(st.integers(0, 10**6), st.integers(0, 100))
def test_a_share_is_never_more_than_the_whole(cents: int, percent: int) -> None:
    whole = eur(str(Decimal(cents) / 100))
    assert eur(0) <= whole.share(Decimal(percent)) <= whole


@given(st.lists(st.integers(0, 50), max_size=5))
def test_what_is_kept_and_what_went_back_add_up_to_what_was_paid(parts: list[int]) -> None:
    payment = paid(250)
    for part in parts:
        payment = payment.given_back(eur(part))
    assert payment.kept + payment.refunded == payment.paid
    assert (payment.status is PaymentStatus.REFUNDED) is payment.kept.is_zero
    assert (payment.status is PaymentStatus.SUCCEEDED) is payment.refunded.is_zero
