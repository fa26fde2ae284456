"""What the process says about itself: one line per fact on stderr, as JSON or for people.

Nobody is supposed to log what is personal; should it happen, the field is blotted out here. A
traceback never shows the values of variables, since they hold bookings and tokens, and of another's
exception never the message: a codec's, for one, repeats what it could not encode.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from app.cli.printing import escaped
from app.outcome_lines import JsonHandler

_BLOTTED: Final = "***"
_PERSONAL: Final = frozenset(
    {
        "authorization",
        "email",
        "guest_email",
        "guest_name",
        "guest_phone",
        "internal_notes",
        "password",
        "phone",
        "secret",
        "special_requests",
        "token",
    }
)
# Whose exceptions say nothing personal, by rule.
_OURS: Final = ("adapters.", "app.", "domain.", "handlers.", "schemas.")
# They report every attempt to connect; the worker says once what it waits for.
_CHATTY: Final = {
    "aiokafka": logging.CRITICAL,
    "alembic": logging.WARNING,
    "asyncio": logging.ERROR,
    "faststream": logging.ERROR,
    "opentelemetry": logging.CRITICAL,  # app/collector says once that nobody takes what it sends
    "sqlalchemy": logging.ERROR,
}


def configure_logs(
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO",
    style: Literal["json", "console"] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send all logs of the process, structlog's and the standard library's, the same way.

    Without a `style` a terminal gets lines for people, and everything else JSON.
    """
    out = stream or sys.stderr
    style = style or ("console" if out.isatty() else "json")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _blot_out,
    ]
    handler = JsonHandler(out) if style == "json" else logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(style, out.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, threshold in _CHATTY.items():
        # Below INFO aiokafka logs the records themselves.
        logging.getLogger(name).setLevel(logging.INFO if level == "DEBUG" else threshold)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _rendering(style: Literal["json", "console"], colors: bool) -> list[Processor]:
    if style == "json":
        told = structlog.processors.ExceptionRenderer(_told)
        return [told, structlog.processors.JSONRenderer()]
    console = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_draw)
    return [_on_one_line, console]


def _on_one_line(logger: Any, method: str, event: EventDict) -> EventDict:
    """JSON escapes by itself; for people, nothing that was quoted may look like a line of ours."""
    return {name: escaped(said) if isinstance(said, str) else said for name, said in event.items()}


def _draw(out: TextIO, exc_info: ExcInfo) -> None:
    """Indented: a message may have lines."""
    out.write("\n" + "\n".join(f"  {escaped(line)}" for line in _told(exc_info).split("\n")))


def _told(exc_info: ExcInfo) -> str:
    """The tracebacks of an exception and of what led to it, oldest first."""
    return "\n\n".join(_each(exc_info[1], set()))


def _each(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield from _each(error.__cause__ or error.__context__, seen)
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _each(part, seen)
    kind = type(error)
    is_ours = kind.__module__.startswith(_OURS)
    frames = "".join(traceback.format_tb(error.__traceback__))
    said = str(error) if is_ours else "(message withheld)"
    yield f"{frames}{kind.__module__}.{kind.__qualname__}: {said}"


def _blot_out(logger: Any, method: str, event: EventDict) -> EventDict:
    for name in _PERSONAL.intersection(event):
        event[name] = _BLOTTED
    return event
