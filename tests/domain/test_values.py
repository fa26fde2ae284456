"""A value is what its fields are, like a frozen dataclass of the standard library."""

from __future__ import annotations

import dataclasses

from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Ours:
    one: int
    two: str = dataclasses.field(compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    one: int
    two: str = dataclasses.field(compare=False)


def test_values_are_equal_and_hashed_by_the_fields_that_count() -> None:
    assert Ours(1, "a") == Ours(1, "b") != Ours(2, "a")
    assert hash(Ours(1, "a")) == hash(Ours(1, "b")) == hash(Theirs(1, "a"))


def test_a_value_has_its_fields_and_no_others() -> None:
    assert dataclasses.replace(Ours(1, "a"), one=2) == Ours(2, "a")
    assert not hasattr(Ours(1, "a"), "__dict__")


def test_the_type_checker_refuses_to_change_a_value() -> None:
    value = Ours(1, "a")
    value.one = 2  # type: ignore[misc]  # mypy would refuse this very comment if it let it pass
