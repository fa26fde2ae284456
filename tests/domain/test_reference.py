"""References: short, readable over the phone, and following from the booking alone."""

from __future__ import annotations

import re
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.reference import proposed_reference

_DAY = date(2030, 5, 7)
_ID = UUID("0d9a8f52-5a1c-5b7e-9f42-3c6e1b7a8d90")


@given(st.dates(date(1970, 1, 1), date(9998, 12, 31)), st.uuids(), st.integers(0, 9))
def test_a_reference_has_its_day_and_no_look_alikes(day: date, id_: UUID, attempt: int) -> None:
    reference = proposed_reference(day, id_, attempt)
    assert re.fullmatch(rf"BR-{day:%Y%m%d}-[2-9A-HJ-NP-Z]{{8}}", reference)


def test_the_same_booking_gets_the_same_proposal() -> None:
    assert proposed_reference(_DAY, _ID) == proposed_reference(_DAY, _ID) == "BR-20300507-FSFRP5EJ"


def test_every_attempt_proposes_another() -> None:
    assert len({proposed_reference(_DAY, _ID, attempt) for attempt in range(20)}) == 20


@given(st.uuids(version=5), st.uuids(version=5))
def test_other_bookings_get_other_references(one: UUID, other: UUID) -> None:
    same = proposed_reference(_DAY, one) == proposed_reference(_DAY, other)
    assert same == (one == other)
