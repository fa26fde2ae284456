"""`booking why`: one booking's whole story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from adapters.database.settings import DatabaseSettings
    from adapters.database.stories import BookingStory
    from app.operators import OperatorsLog
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

    It only reads, beside any number of workers; with --personal the audit log says so. Exit code 1
    when nothing is known by that name.

    Example: booking why BR-20261201-ABCDEF
    """
    from datetime import UTC, datetime

    from rich.console import Console

    from app.cli.asynchronous import run_quietly
    from app.cli.database_access import (
        database_failures,
        read_database_settings,
        read_operators_log,
        read_service_keys,
    )
    from app.cli.printing import say_json
    from app.failures import Failure
    from app.why.account import account_of
    from app.why.page import page_of

    log, keys = read_operators_log() if personal else None, read_service_keys()
    settings = log.database if log else read_database_settings()
    with database_failures(settings):
        story = run_quietly(_story(settings, keys, name, log))
    if story is None:
        raise Failure(f"nothing is known of {name}: no such booking, and no command of that id")
    account = account_of(story, datetime.now(UTC), personal=personal)
    if json:
        say_json(account, pretty=True)
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in page_of(account):
        console.print(line)


async def _story(
    settings: DatabaseSettings, keys: ServiceKeys, name: str, log: OperatorsLog | None
) -> BookingStory | None:
    """With a log: written there before anybody sees it."""
    from adapters.database.stories import open_stories

    async with open_stories(settings, keys) as stories:
        story = await stories.about(name)
    if log is not None and story is not None:
        await _note(log, story)
    return story


async def _note(log: OperatorsLog, story: BookingStory) -> None:
    from app.operators import deed
    from handlers.ports import Effect

    booking, starts = story.booking, [each.start for each in story.commands]
    told = [start.booking_id for start in starts if start.booking_id]
    about = {
        "message_id": starts[0].command_id if starts and not told else None,
        "booking_id": booking.id if booking else next(iter(told), None),
        "booking_reference": booking.reference if booking else None,
        "guest_id": booking.contact.guest_id if booking else None,
        "venue_id": booking.venue.id if booking else None,
    }
    await log.write(deed("why", Effect.GUEST_DATA, **about))
