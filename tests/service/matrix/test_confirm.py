"""A confirm whose worker dies has the outcome that it has anyway."""

from __future__ import annotations

import pytest

from app.local_servers import KafkaServer, PostgresServer
from tests.service.matrix.matrix import survives_every_kill
from tests.service.matrix.stories import CONFIRM, FORWARDED


@pytest.mark.timeout(300)
async def test_a_confirm_survives_a_kill_at_every_boundary(
    kafka: KafkaServer, postgres: PostgresServer, subtests: pytest.Subtests
) -> None:
    await survives_every_kill(CONFIRM, kafka, postgres, subtests)


@pytest.mark.timeout(300)
async def test_a_confirm_on_its_way_to_its_home_survives_a_kill_at_every_boundary(
    kafka: KafkaServer, postgres: PostgresServer, subtests: pytest.Subtests
) -> None:
    await survives_every_kill(FORWARDED, kafka, postgres, subtests)
