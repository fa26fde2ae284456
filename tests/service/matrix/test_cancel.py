"""A cancel whose worker dies has the outcome that it has anyway."""

from __future__ import annotations

import pytest

from app.local_servers import KafkaServer, PostgresServer
from tests.service.matrix.matrix import survives_every_kill
from tests.service.matrix.stories import CANCEL


@pytest.mark.timeout(300)
async def test_a_cancel_survives_a_kill_at_every_boundary(
    kafka: KafkaServer, postgres: PostgresServer, subtests: pytest.Subtests
) -> None:
    await survives_every_kill(CANCEL, kafka, postgres, subtests)
