"""What the process says about itself: one line per fact on stderr, as JSON or for people.

Nobody is supposed to log what is personal; should it happen, the field is blotted out here. A
traceback never shows the values of variables, since they hold bookings and tokens.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

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
    # The default would draw tracebacks with the local variables in them.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


def _blot_out(logger: Any, method: str, event: EventDict) -> EventDict:
    for name in _PERSONAL.intersection(event):
        event[name] = _BLOTTED
    return event
