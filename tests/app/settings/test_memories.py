"""What queries may remember, and for how long."""

from __future__ import annotations

import pytest

from app.settings import CacheSettings
from tests.app.settings.loading import LoadWith


def test_queries_remember_nothing_unless_they_are_told_to(settings: LoadWith) -> None:
    assert settings().cache == CacheSettings(0.0, 0.0)
    assert not settings().cache.hears_events


def test_a_memory_needs_the_events(settings: LoadWith) -> None:
    assert settings(CACHE__AVAILABILITY_SECONDS="2.5").cache == CacheSettings(2.5, 0.0)
    assert settings(CACHE__AVAILABILITY_SECONDS="2.5").cache.hears_events
    assert settings(CACHE__REFERENCE_SECONDS="60").cache.hears_events


@pytest.mark.parametrize("name", ["AVAILABILITY", "REFERENCE"])
@pytest.mark.parametrize("value", ["-1", "60.1", "inf", "nan", "long"])
def test_a_memory_is_short(settings: LoadWith, name: str, value: str) -> None:
    (problem,) = settings.refused(**{f"CACHE__{name}_SECONDS": value})
    assert problem.startswith(f"BOOKING_CACHE__{name}_SECONDS is wrong: expected a number of")
