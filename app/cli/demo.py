"""`booking demo`: the whole service on this machine, and a day of bookings to watch."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class DemoDatabase(StrEnum):
    """What the demo keeps its bookings in."""

    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it running and print lines to paste.")
    ] = False,
    database: Annotated[
        DemoDatabase, typer.Option(help="Where bookings live.")
    ] = DemoDatabase.POSTGRESQL,
    trace: Annotated[
        bool, typer.Option("--trace", help="Print one create's trace at the end.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The outcome for programs.")] = False,
) -> None:
    """Start Kafka, a database, stand-in partners and a worker, and show a day of bookings.

    Nothing has to be installed or set. The first start fetches Kafka.

    Example: booking demo --keep
    """
    from app.demo.main import run_demo

    raise typer.Exit(run_demo(keep=keep, database=database.value, json=json, trace=trace))
