"""A create whose worker dies has the outcome that it has anyway."""

from __future__ import annotations

import pytest

from app.local_servers import KafkaServer, PostgresServer
from tests.service.matrix.matrix import survives_every_kill
from tests.service.matrix.stories import CREATE


@pytest.mark.timeout(300)
async def test_a_create_survives_a_kill_at_every_boundary(
    kafka: KafkaServer, postgres: PostgresServer, subtests: pytest.Subtests
) -> None:
    await survives_every_kill(CREATE, kafka, postgres, subtests)


@pytest.mark.timeout(300)
async def test_at_least_once_a_create_survives_too_and_only_its_outputs_may_come_again(
    kafka: KafkaServer, postgres: PostgresServer, subtests: pytest.Subtests
) -> None:
    await survives_every_kill(CREATE, kafka, postgres, subtests, exactly_once=False)
