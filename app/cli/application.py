"""All commands under one name, and the one place where their errors become lines and exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from app.cli.audit import audit
from app.cli.demo import demo
from app.cli.dlq import dlq
from app.cli.docs import docs
from app.cli.grants import grants
from app.cli.health import health
from app.cli.migrate import migrate
from app.cli.printing import escaped, remark, say
from app.cli.rebuild import rebuild
from app.cli.rekey import rekey
from app.cli.replay import replay
from app.cli.retention import retention
from app.cli.run import run as run_command
from app.cli.send import send
from app.cli.token import token
from app.cli.topics import topics
from app.cli.undo import undo
from app.cli.watch import watch
from app.cli.why import why
from app.failures import Failure

application = typer.Typer(
    help="Bookings over Kafka: commands in, exactly one reply, events out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"booking {version('booking-worker')}")
        raise typer.Exit


@application.callback()
def _booking(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which it is.")
    ] = False,
) -> None:
    pass


for _command in (demo, run_command, send, watch):
    application.command()(_command)
application.add_typer(topics, name="topics")
application.command()(why)
application.add_typer(undo, name="undo")
application.add_typer(dlq, name="dlq")
application.add_typer(audit, name="audit")
application.command()(grants)
for _command in (migrate, retention, replay, rebuild, rekey, health, token, docs):
    application.command()(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code. Bugs keep their traceback."""
    try:
        code = application(arguments, prog_name="booking", standalone_mode=False)
    except Failure as failure:
        _complain(str(failure))
        return failure.exit_code
    except typer.TyperException as error:
        _complain(error.format_message().rstrip("."))
        return 2
    except typer.Abort:
        return 1
    return code if isinstance(code, int) else 0


def _complain(message: str) -> None:
    for line in message.splitlines():
        remark(f"booking: {escaped(line)}")
