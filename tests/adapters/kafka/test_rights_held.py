"""What a broker says of a group while it does not know it yet is no answer about rights."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupLoadInProgressError, NotCoordinatorForGroupError

from adapters.kafka import rights_held
from adapters.kafka.acls import Operation, Resource, Right

READS_THE_GROUP = Right(Resource.GROUP, "workers", frozenset({Operation.READ}))


@dataclass
class AnsweringAdmin:
    """Knows a coordinator for every group, which answers with this code and these rights."""

    code: int
    granted: int

    async def find_coordinator(self, _name: str, _kind: int) -> int:
        return 1

    async def _send_request(self, _request: Any, _node: int) -> Any:
        group: tuple[Any, ...] = (self.code, "workers", "", "", "", [], self.granted)
        return SimpleNamespace(groups=[group])


async def held(code: int, granted: int) -> frozenset[Operation]:
    admin: Any = AnsweringAdmin(code, granted)
    return (await rights_held._held_on_groups(admin, [READS_THE_GROUP]))["workers"]


@pytest.mark.parametrize("error", [GroupLoadInProgressError, NotCoordinatorForGroupError])
async def test_a_coordinator_that_is_not_ready_is_to_be_asked_again(error: Any) -> None:
    with pytest.raises(error):
        await held(error.errno, -1)


async def test_a_coordinator_that_is_ready_tells_what_is_granted() -> None:
    assert await held(0, 1 << Operation.READ) == {Operation.READ}
