"""What is remembered for a moment: never longer than it is true, as far as events tell."""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest

from domain.outcome import EventType
from handlers.cache import Corrections, ShortCache
from schemas.examples import event
from schemas.instruments import counter
from schemas.measures import CACHE_LOOKUPS
from tests.handlers.onlookers import Onlookers, words

SECONDS = 5.0


class Memory(ShortCache):
    """With a clock of its own, and its hits and misses to be read."""

    def __init__(self, most: int = 100) -> None:
        self.now = 0.0
        self.onlookers = Onlookers()
        lookups = counter(self.onlookers.meter, CACHE_LOOKUPS)
        super().__init__("reference", SECONDS, lookups, lambda: self.now, most)
        self.corrected(True)

    def remember(self, key: str, group: str, value: object = "value") -> None:
        with self.loading([group]) as loading:
            loading.keep(key, group, value)

    def counted(self, result: str) -> float:
        labels = words(cache="reference", result=result)
        return self.onlookers.values(CACHE_LOOKUPS).get(labels, 0)


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_a_value_is_held_for_its_time_and_no_longer(memory: Memory) -> None:
    assert memory.held("key") is None
    memory.remember("key", "group")
    memory.now = SECONDS - 0.01
    assert memory.held("key") == "value"
    memory.now = SECONDS
    assert memory.held("key") is None
    assert (memory.counted("hit"), memory.counted("miss")) == (1, 2)


def test_a_group_is_forgotten_and_no_other(memory: Memory) -> None:
    for key, group in (("a", "one"), ("b", "one"), ("c", "two")):
        memory.remember(key, group)
    memory.forget("one")
    assert [memory.held(key) for key in "abc"] == [None, None, "value"]
    memory.remember("a", "one")
    assert memory.held("a") == "value"


def test_what_changed_while_it_was_looked_up_is_not_kept(memory: Memory) -> None:
    with memory.loading(["one", "two"]) as loading:
        memory.forget("one")
        loading.keep("a", "one", "old")
        loading.keep("b", "two", "new")
    assert memory.held("a") is None
    assert memory.held("b") == "new"


def test_a_later_look_up_is_kept_beside_an_earlier_one_that_is_not(memory: Memory) -> None:
    with memory.loading(["one"]) as earlier:
        memory.forget("one")
        with memory.loading(["one"]) as later:
            later.keep("a", "one", "new")
        earlier.keep("a", "one", "old")
    assert memory.held("a") == "new"


def test_what_does_not_fit_is_a_miss(memory: Memory) -> None:
    memory.remember("key", "group", 1)
    assert memory.held("key", lambda version: version >= 2) is None
    assert memory.held("key", lambda version: version >= 1) == 1
    assert (memory.counted("hit"), memory.counted("miss")) == (1, 1)


def test_the_oldest_makes_room() -> None:
    memory = Memory(most=3)
    for key in "abcd":
        memory.remember(key, "group")
    assert [memory.held(key) for key in "abcd"] == [None, "value", "value", "value"]
    memory.remember("b", "group")
    memory.remember("e", "group")
    assert [memory.held(key) for key in "bcde"] == ["value", None, "value", "value"]


def test_whom_nobody_corrects_remembers_nothing(memory: Memory) -> None:
    memory.remember("before", "group")
    memory.corrected(False)
    assert memory.held("before") is None
    memory.remember("while nobody corrects", "group")
    assert memory.held("while nobody corrects") is None
    with memory.loading(["group"]) as loading:
        memory.corrected(True)
        loading.keep("begun before", "group", "old")
    assert memory.held("begun before") is None
    memory.remember("after", "group")
    assert memory.held("after") == "value"


def test_what_is_over_makes_room_though_nobody_asks_for_it(memory: Memory) -> None:
    for number in range(50):
        memory.remember(str(number), f"group {number}")
    memory.now = SECONDS
    memory.remember("new", "group")
    assert list(memory._entries) == ["new"]
    assert list(memory._groups) == ["group"]


def test_a_group_may_be_named_twice(memory: Memory) -> None:
    with memory.loading(["one", "one"]) as loading:
        loading.keep("a", "one", "new")
    assert memory.held("a") == "new"
    assert not memory._loading


def test_nothing_is_left_of_what_was_forgotten(memory: Memory) -> None:
    """Else it would grow for as long as the worker lives."""
    for number in range(1000):
        memory.now = float(number)
        memory.remember(str(number), f"group {number}")
        memory.held(str(number - 5))
    memory.forget("group 999")
    assert len(memory._entries) == len(memory._groups) < 10
    assert not memory._loading


def test_an_event_corrects_what_it_is_about(memory: Memory) -> None:
    told = event(EventType.CANCELLED)
    venue, reference = UUID(told["payload"]["venue_id"]), told["payload"]["booking_reference"]
    corrections = Corrections([memory])
    for group in (venue, reference, "another"):
        memory.remember(str(group), group)  # type: ignore[arg-type]  # any group will do
    corrections.changed(orjson.dumps(told))
    assert [memory.held(str(each)) for each in (venue, reference, "another")] == [
        None,
        None,
        "value",
    ]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"payload": {"venue_id": "no", "booking_reference": "BR"}}',
    ],
)
def test_an_event_that_cannot_be_read_may_be_about_anything(
    memory: Memory, value: bytes | None
) -> None:
    memory.remember("key", "group")
    Corrections([memory]).changed(value)
    assert memory.held("key") is None
    memory.remember("key", "group")
    assert memory.held("key") == "value"
