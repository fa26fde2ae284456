"""The model: from the costs of a create to limits."""

from __future__ import annotations

import pytest

from bench.model import Costs, costs, limits

ONE = Costs(0.5, {"postgresql": 0.2, "kafka": 0.1, "partners": 0.1, "load": 0.1}, 10_000, 900)


@pytest.mark.parametrize(
    ("workers", "cores", "expected"), [(1, 2, 900), (2, 2, 1800), (4, 2, 2000), (4, 64, 3600)]
)
def test_first_the_workers_are_the_limit_and_then_the_machine(
    workers: int, cores: int, expected: float
) -> None:
    assert ONE.here(workers, cores) == pytest.approx(expected)


def test_each_part_has_its_own_limit() -> None:
    found = dict(limits(ONE))
    assert found["a worker with a core"] == 900
    assert found["PostgreSQL, 16 cores"] == pytest.approx(80_000)
    assert found["PostgreSQL's log at 200 MB/s"] == pytest.approx(20_000)
    assert found["Kafka, 4 cores"] == pytest.approx(40_000)


def test_costs_are_those_of_one_worker() -> None:
    quantities = {
        "CPU ms each": 0.5,
        "a second": 900,
        "bytes of PostgreSQL's log": 10_000,
        **{f"CPU ms of {part}": ms for part, ms in ONE.servers_ms.items()},
    }
    figures = [
        {"question": "workers", "subject": subject, "quantity": name, "median": value * factor}
        for subject, factor in (("1 worker", 1), ("2 workers", 7))
        for name, value in quantities.items()
    ]
    assert costs(figures) == ONE
