"""A worker that hangs at any moment and wakes up when another has its work changes nothing more."""

from __future__ import annotations

import pytest

from app.local_servers import KafkaServer, PostgresServer
from tests.service.matrix.matrix import survives_a_late_opening, survives_every_freeze
from tests.service.matrix.stories import CONFIRM


@pytest.mark.timeout(300)
async def test_a_confirm_survives_a_freeze_at_every_boundary(
    kafka: KafkaServer, postgres: PostgresServer, subtests: pytest.Subtests
) -> None:
    await survives_every_freeze(CONFIRM, kafka, postgres, subtests)


async def test_a_lane_that_is_opened_late_begins_where_its_former_owner_ended(
    kafka: KafkaServer, postgres: PostgresServer
) -> None:
    await survives_a_late_opening(CONFIRM, kafka, postgres)
