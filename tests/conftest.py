"""What every test may ask for, and what holds for all of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

pytest_plugins = ["tests.servers.plugin"]

_LONG = ("canary", "chaos", "service/matrix", "service/faults", "service", "samples", "adapters")


def pytest_configure() -> None:
    """A shell lets what it runs in the background ignore SIGINT, and whatever tests start would
    inherit that: commands that are to be interrupted would go on for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long begins first, so that the processes of a run end at about the same time."""

    def turn(item: pytest.Item) -> int:
        path = item.path.relative_to(config.rootpath / "tests").as_posix()
        return next((at for at, it in enumerate(_LONG) if path.startswith(it)), len(_LONG))

    items.sort(key=turn)


@pytest.fixture(scope="session", autouse=True)
def uncached_loggers() -> Iterator[None]:
    """A logger that was first used while a test had logs configured would keep that configuration
    for ever, and `capture_logs` in a later test of the same process would hear nothing of it.
    """
    configure = structlog.configure

    def without_cache(**options: Any) -> None:
        configure(**{**options, "cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", without_cache)
        yield
