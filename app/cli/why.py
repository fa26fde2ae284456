"""`booking why`: one booking's whole story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from adapters.database.settings import DatabaseSettings
    from adapters.database.stories import BookingStory
    from handlers.ports import ServiceKeys


def why(
    name: Annotated[
        str, typer.Argument(help="A booking's reference or id, or a command's id.", metavar="NAME")
    ],
    personal: Annotated[
        bool, typer.Option("--personal", help="With name, address, requests, notes and reasons.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell all that was asked of a booking, what was done for it, and what it waits for now.

    It only reads, beside any number of workers. Exit code 1 when nothing is known by that name.

    Example: booking why BR-20261201-ABCDEF
    """
    from datetime import UTC, datetime

    from rich.console import Console

    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import (
        database_failures,
        read_database_settings,
        read_service_keys,
    )
    from app.cli.printing import say_json
    from app.failures import Failure
    from app.why.account import account_of
    from app.why.page import page_of

    settings, keys = read_database_settings(), read_service_keys()
    with database_failures(settings):
        story = run_quietly(_story(settings, keys, name))
    if story is None:
        raise Failure(f"nothing is known of {name}: no such booking, and no command of that id")
    account = account_of(story, datetime.now(UTC), personal=personal)
    if json:
        say_json(account, pretty=True)
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in page_of(account):
        console.print(line)


async def _story(settings: DatabaseSettings, keys: ServiceKeys, name: str) -> BookingStory | None:
    from adapters.database.stories import open_stories

    async with open_stories(settings, keys) as stories:
        return await stories.about(name)
