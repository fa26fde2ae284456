"""Ids that stand in databases and at partners: they must never come out otherwise."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from domain.commands import Asked
from domain.named_ids import named_id, timed_id
from domain.principal import Guest

NAMES = st.text(st.characters(exclude_categories=["Cs"]))
MOMENTS = st.integers(0, (1 << 48) - 1)  # ms since 1970
TIMED = st.builds(lambda ms, rest: timed_id(ms * 1_000_000, rest), MOMENTS, st.binary(min_size=10))


def time_of(timed: UUID) -> int:
    assert timed.version == 7
    assert timed.variant == "specified in RFC 4122"
    return timed.int >> 80


@given(st.uuids().filter(lambda each: each.version != 7), NAMES)
def test_a_named_id_is_the_one_of_the_standard(namespace: UUID, name: str) -> None:
    assert named_id(namespace, name) == uuid5(namespace, name)


@given(TIMED, NAMES)
def test_beside_an_id_with_a_time_it_has_that_time_and_the_same_hash(near: UUID, name: str) -> None:
    named = named_id(near, name)
    assert time_of(named) == time_of(near)
    hashed = uuid5(near, name)
    assert (named.int ^ hashed.int) & (1 << 76) - 1 == 0
    assert named_id(near, name) == named
    assert named_id(near, f"{name}, another") != named


@given(MOMENTS, st.binary(min_size=10, max_size=10))
def test_a_timed_id_holds_its_time_and_what_is_random(ms: int, randomness: bytes) -> None:
    timed = timed_id(ms * 1_000_000 + 999_999, randomness)
    assert time_of(timed) == ms
    assert timed.int & (1 << 62) - 1 == int.from_bytes(randomness, "big") & (1 << 62) - 1


def test_all_that_a_command_gives_away_lies_where_its_id_lies() -> None:
    """In the order of the command ids, if these have one; scoped by principal all the same."""
    ids = [timed_id(each * 1_000_000, bytes([255 - each]) * 10) for each in range(1, 20)]
    asked = [Asked(Guest(UUID(int=1)), each) for each in ids]
    for one, next_one in pairwise(asked):
        assert one.row_id < next_one.row_id
        assert one.derived("booking") < next_one.derived("booking")
    assert Asked(Guest(UUID(int=2)), ids[0]).row_id != asked[0].row_id


def test_what_follows_from_an_id_without_a_time_has_never_changed() -> None:
    asked = Asked(Guest(UUID(int=1)), UUID("1f0e9d8c-7b6a-4958-8776-655443322110"))
    assert str(asked.row_id) == "091a5239-2eae-5a9e-a92c-00ba3402eab3"
    assert str(asked.derived("booking")) == "6e0e7fb1-1de6-5987-8018-2d0c7bb4146b"
