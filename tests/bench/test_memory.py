"""What is said of memory that was watched."""

from __future__ import annotations

import pytest

from bench.questions.memory import growth


def test_what_is_taken_while_it_gets_warm_is_no_growth() -> None:
    samples = [(0.0, 80.0), (0.1, 160.0), *((n / 10, 200.0) for n in range(2, 10))]
    assert growth(samples)["% more in the second half"] == 0


def test_a_leak_shows() -> None:
    samples = [(n / 10, 100.0 + n) for n in range(100)]
    found = growth(samples)
    assert found["% more in the second half"] > 20
    assert found["most MB"] == found["MB at the end"] == pytest.approx(199)
