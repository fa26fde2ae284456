"""A settlement whose worker dies is made, once."""

from __future__ import annotations

import pytest

from app.local_servers import KafkaServer, PostgresServer
from tests.service.matrix.matrix import survives_every_kill
from tests.service.matrix.stories import UNDO_REFUND, UNDO_RELEASE, Story


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "undo",
    [pytest.param(UNDO_REFUND, id="refund"), pytest.param(UNDO_RELEASE, id="release")],
)
async def test_an_undo_survives_a_kill_at_every_boundary(
    undo: Story, kafka: KafkaServer, postgres: PostgresServer, subtests: pytest.Subtests
) -> None:
    await survives_every_kill(undo, kafka, postgres, subtests)
