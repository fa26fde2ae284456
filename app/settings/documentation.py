"""docs/settings.md, made from the sections; `python -m app.settings.documentation` prints it."""

from __future__ import annotations

import sys
from inspect import getdoc

from app.settings.reading import ALL
from app.settings.section import Section, Variable

_INTRODUCTION = """\
# Settings

Made from `app/settings`; a test keeps this page and the code in step.

The service is set by environment variables, or by a file `.env` in the directory where it is
started; the environment wins. A variable that is set to nothing counts as not set. Every command
reads only the sections it needs: `booking topics create` asks for Kafka and nothing else.

A wrong or missing setting stops the command with exit code 2 and one line for each:

    BOOKING_KAFKA__DELIVERY is wrong: expected exactly_once or at_least_once

The line never repeats the value, since it may be secret. A name that begins with `BOOKING_` and is
no setting gets a warning that names the nearest one. In development the service starts without keys
of its own and says so; production refuses that, `BOOKING_AUTH__MODE=off`, a short
`BOOKING_AUTH__SECRET`, and keys of tokens over plain http from another machine.

Each variable marked as a secret may be given as a file instead: `BOOKING_AUTH__SECRET_FILE` names
a file that holds what `BOOKING_AUTH__SECRET` would. A newline at its end is dropped. It is an error
to set both; a file that is missing, empty or not to be read is named. Files are read once, when the
service starts. Connections over TLS are set up step by step in [hardening](hardening.md).

`BOOKING_TEST_KAFKA` and `BOOKING_TEST_DATABASE_URL` belong to the tests: servers to use instead of
starting some.
"""


def settings_page() -> str:
    """The page as Markdown: one table for each section."""
    return "\n".join((_INTRODUCTION, *map(_table, ALL)))


def _table(section: type[Section]) -> str:
    lines = [
        f"## {section.prefix}*",
        "",
        getdoc(section) or "",
        "",
        "| variable | expected | default | meaning |",
        "|---|---|---|---|",
        *map(_row, section.variables()),
    ]
    return "\n".join(lines) + "\n"


def _row(variable: Variable) -> str:
    default = "**required**" if variable.is_required else variable.default or "none"
    meaning = (
        f"{variable.meaning} (secret, or `…_FILE`)" if variable.is_secret else variable.meaning
    )
    return f"| `{variable.name}` | {variable.expected} | {default} | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(settings_page())
