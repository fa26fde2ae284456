"""What the process says about itself: one line per fact on stderr, as JSON or for people.

Nobody is supposed to log what is personal; should it happen, the field is blotted out here. A
traceback never shows the values of variables, since they hold bookings and tokens.
"""

from __future__ import annotations

import logging
import sys
from io import StringIO
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from app.cli.printing import escaped

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
# They report every attempt to connect; the worker says once what it waits for.
_CHATTY: Final = {
    "aiokafka": logging.CRITICAL,
    "alembic": logging.WARNING,
    "asyncio": logging.ERROR,
    "faststream": logging.ERROR,
    "sqlalchemy": logging.ERROR,
}


def configure_logs(
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO",
    style: Literal["json", "console"] = "json",
    stream: TextIO | None = None,
) -> None:
    """Send all logs of the process, structlog's and the standard library's, the same way."""
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _blot_out,
    ]
    handler = logging.StreamHandler(out)
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
        logging.getLogger(name).setLevel(logging.DEBUG if level == "DEBUG" else threshold)
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
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    console = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_traceback)
    return [_on_one_line, console]


def _on_one_line(logger: Any, method: str, event: EventDict) -> EventDict:
    """JSON escapes by itself; for people, nothing that was quoted may look like a line of ours."""
    return {name: escaped(said) if isinstance(said, str) else said for name, said in event.items()}


def _traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """Without the values of variables, which structlog's own would draw, and indented: an error's
    message may have lines.
    """
    plain = StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    out.write("\n".join(f"  {escaped(line)}" for line in plain.getvalue().split("\n")))


def _blot_out(logger: Any, method: str, event: EventDict) -> EventDict:
    for name in _PERSONAL.intersection(event):
        event[name] = _BLOTTED
    return event
