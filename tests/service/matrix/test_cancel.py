"""A cancel whose worker dies has the outcome that it has anyway."""

from __future__ import annotations

import pytest

from app.local_servers import KafkaServer, PostgresServer
from tests.service.matrix.matrix import survives_every_kill
from tests.service.matrix.stories import CANCEL, CANCEL_PAID_UNHEARD, Story


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "cancel",
    [pytest.param(CANCEL, id="confirmed"), pytest.param(CANCEL_PAID_UNHEARD, id="pending")],
)
async def test_a_cancel_survives_a_kill_at_every_boundary(
    cancel: Story, kafka: KafkaServer, postgres: PostgresServer, subtests: pytest.Subtests
) -> None:
    await survives_every_kill(cancel, kafka, postgres, subtests)
