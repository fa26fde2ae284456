"""The command `booking`; each of its commands is one file, which imports what it needs when run."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed or refused, 2 asked or set up wrongly."""
    from app.cycles import look_for_cycles_seldom

    look_for_cycles_seldom()
    from app.cli.application import run

    sys.exit(run(arguments))
