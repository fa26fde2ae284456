"""`booking docs`: the messages as other teams and their tools want to read them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Format(StrEnum):
    """How the document is written."""

    JSON = "json"
    YAML = "yaml"
    HTML = "html"
    MARKDOWN = "md"


def docs(
    format_: Annotated[
        Format,
        typer.Option("--format", help="AsyncAPI 3 as json or yaml; html and md are for reading."),
    ] = Format.YAML,
    output: Annotated[
        Path | None,
        typer.Option(help="A file; for html a folder, booking-docs unless said."),
    ] = None,
) -> None:
    """Document all messages: topics, keys, headers, fields, errors, with examples.

    Brokers, topics and groups are those of the settings; without any, those of a first try on
    this machine. Nothing is connected to, and no secret is shown.

    Example: booking docs --format html --output public
    """
    from adapters.kafka.settings import KafkaSettings
    from app.cli.printing import say
    from app.documents.asyncapi import document
    from app.documents.messages_page import messages_page
    from app.documents.viewer_page import ViewerMissing, write_page
    from app.failures import WrongUse
    from app.settings.auth import AuthSection
    from app.settings.kafka import KafkaSection

    if format_ is Format.MARKDOWN:
        _give(messages_page(), output)
        return
    auth = _read(AuthSection)
    told = document(
        _read(KafkaSection) or KafkaSettings("localhost:9092"),
        needs_token=auth is None or auth.mode != "off",
    )
    if format_ is not Format.HTML:
        _give(_as_text(told, format_), output)
        return
    folder = output or Path("booking-docs")
    try:
        write_page(told, folder)
    except (ViewerMissing, OSError) as error:
        raise WrongUse(str(error)) from error
    say(f"open {folder / 'index.html'}")


def _read(section: Any) -> Any:
    """Its value; None where nothing is set of what it cannot do without. Raises SettingsError."""
    from app.settings import SettingsError, read

    try:
        return read(section)[section].value
    except SettingsError as error:
        if all(problem.is_missing for problem in error.problems):
            return None
        raise


def _as_text(told: dict[str, Any], format_: Format) -> str:
    import json

    import yaml

    if format_ is Format.JSON:
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    return yaml.dump(told, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=100)


def _dumper() -> Any:
    """Every place is written out: readers of YAML differ in how well they follow aliases."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return Plain


def _give(text: str, output: Path | None) -> None:
    from app.cli.printing import say

    if output is None:
        say(text.removesuffix("\n"))
    else:
        output.write_text(text, "utf-8")
