"""Puts what the service prints into docs/hardening.md: `python -m tests.app.write_hardening_page`.

A test tells when that is due: after a change of topics, tables or rights.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Final

from tests.service.worker import BOOKING, environment

PAGE: Final = Path(__file__).parents[2] / "docs" / "hardening.md"
SETTINGS: Final = {
    "BOOKING_KAFKA__BOOTSTRAP_SERVERS": "kafka:9093",
    "BOOKING_DATABASE__URL": "postgresql+asyncpg://booking_worker@db:5432/booking",
}
SHOWN: Final = re.compile(r"```console\n\$ booking ([^\n]+)\n(.*?)```", re.DOTALL)


def _printed(found: re.Match[str]) -> str:
    ran = subprocess.run(
        [*BOOKING, *shlex.split(found[1])],
        env=environment(SETTINGS),
        capture_output=True,
        text=True,
        check=True,
    )
    return f"```console\n$ booking {found[1]}\n{ran.stdout}```"


if __name__ == "__main__":
    PAGE.write_text(SHOWN.sub(_printed, PAGE.read_text()))
