"""The parts that a booking lacks fill exactly what it wants and does not hold."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from adapters.database.claim_parts import Part, Units, missing_parts
from tests.builders import TOMORROW


def hour(number: int) -> timedelta:
    return timedelta(hours=number)


def a_part(item: str | None, start: int, end: int) -> Part:
    return Part(Units.of(item), TOMORROW + hour(start), TOMORROW + hour(end))


parts = st.builds(
    lambda item, start, length: a_part(item, start, start + length),
    st.sampled_from(["a", "b", "c", None]),
    st.integers(0, 5),
    st.integers(1, 5),
)
PROBES = [Units.of(item) for item in ("", "a", "aa", "b", "bb", "c", "d")]


def holds(held: list[Part], units: Units, number: int) -> bool:
    starts_at, ends_at = TOMORROW + hour(number), TOMORROW + hour(number + 1)
    return any(part.units.covers(units) and part.overlaps(starts_at, ends_at) for part in held)


def test_who_holds_nothing_lacks_all_of_it_in_one_part() -> None:
    wanted = a_part(None, 0, 3)
    assert missing_parts(wanted, [a_part("a", 3, 4)]) == (wanted,)


def test_of_the_whole_venue_beside_a_table_all_below_and_all_above_is_missing() -> None:
    found = missing_parts(a_part(None, 0, 1), [a_part("b", 0, 1)])
    assert [part.units for part in found] == [Units(None, "b"), Units("b", None)]


@given(wanted=parts, first=parts, second=parts)
def test_what_is_held_and_what_was_missing_make_up_what_was_wanted(
    wanted: Part, first: Part, second: Part
) -> None:
    held = [first, *missing_parts(second, [first])]  # as a second claim would have left it
    missing = missing_parts(wanted, held)
    for units in PROBES:
        for number in range(10):
            is_wanted = holds([wanted], units, number)
            is_held = holds(held, units, number)
            assert holds(list(missing), units, number) == (is_wanted and not is_held)
    for one, other in combinations([*held, *missing], 2):
        assert not (
            one.overlaps(other.starts_at, other.ends_at)
            and any(one.units.covers(probe) and other.units.covers(probe) for probe in PROBES)
        )
