"""A short run of the chaos runner, as everybody's tests have it; `make chaos` has longer ones."""

from __future__ import annotations

import pytest

from tests.chaos.report import json_line
from tests.chaos.run import run

SEED = 4
SECONDS = 40.0


@pytest.mark.timeout(240)
async def test_forty_seconds_of_chaos_break_no_rule() -> None:
    outcome = await run(SEED, SECONDS, print, confirmation_seconds=6.0)
    assert outcome.violations == [], json_line(outcome)
    told = outcome.figures
    assert sum(told.faults.values()) >= 10, "it was no storm"
    assert told.outcomes["201 done"] >= 50, "hardly anything was booked"
    assert outcome.setback is not None
