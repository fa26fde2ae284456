"""Nothing personal and no secret lies where it must not: the day of marks, in short."""

from __future__ import annotations

import pytest

from tests.canary.marks import PERSONAL
from tests.canary.run import run

pytestmark = pytest.mark.timeout(300)


async def test_no_mark_is_found_in_files_topics_logs_or_tools() -> None:
    report = await run(lambda line: None)
    assert report.found == []
    assert report.readable == []
    assert report.marks > len(PERSONAL)
    assert report.searched_bytes > 10_000_000
