"""What one test configures does not deafen another."""

from __future__ import annotations

from io import StringIO

import pytest
import structlog
from structlog.testing import capture_logs

from app.logs import configure_logs

pytestmark = pytest.mark.usefixtures("logs_as_they_were")
_log = structlog.get_logger(__name__)


def test_a_logger_is_heard_after_logs_were_configured_and_reset() -> None:
    configure_logs(stream=StringIO())
    _log.warning("while configured")
    structlog.reset_defaults()
    with capture_logs() as lines:
        _log.warning("heard")
    assert [line["event"] for line in lines] == ["heard"]
