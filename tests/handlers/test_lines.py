"""The line of each outcome: whose it is and how it went, and nothing personal."""

from __future__ import annotations

from uuid import UUID

from tests.handlers.onlookers import Onlookers
from tests.handlers.world import World

CORRELATION = b"6a1f0b1e-7c1d-4f7e-9d57-0b8f2a3c4d5e"
TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


async def test_a_line_names_message_booking_correlation_and_trace() -> None:
    onlookers = Onlookers()
    world = World(onlookers=onlookers)
    headers = [("correlation_id", CORRELATION), ("traceparent", TRACEPARENT)]
    world.create(command_id=UUID(int=5), headers=headers)
    await world.deliver()
    (line,) = onlookers.lines.written
    ms = line["ms"]
    assert isinstance(ms, dict)
    assert sum(spent for stage, spent in ms.items() if stage != "whole") <= ms["whole"] + 1
    assert {name: said for name, said in line.items() if name != "ms"} == {
        "operation": "create_booking",
        "status": 201,
        "code": "ok",
        "message_id": str(UUID(int=5)),
        "booking_id": str(next(iter(world.bookings))),
        "correlation_id": CORRELATION.decode(),
        "trace_id": TRACEPARENT[3:35].decode(),
        "partition": 0,
        "offset": 0,
        "bytes": len(world.log[0].value or b""),
        "age_ms": 0.0,
    }


async def test_a_correlation_id_that_may_be_anything_is_left_out() -> None:
    onlookers = Onlookers()
    world = World(onlookers=onlookers)
    for strange in (b"ann@example.org", b"\xff" * 36, b"x\n2026 [info] stopped" + b"-" * 15):
        world.create(headers=[("correlation_id", strange)], party_size=0)
    await world.deliver()
    assert len(onlookers.lines.written) == 3
    for line in onlookers.lines.written:
        assert line.get("correlation_id") in (None, line["message_id"])


async def test_a_record_that_nobody_can_read_has_a_line_with_its_place() -> None:
    onlookers = Onlookers()
    world = World(onlookers=onlookers)
    world.send_bytes(b"\xff")
    await world.deliver()
    (line,) = onlookers.lines.written
    assert (line["operation"], line["code"], line["offset"]) == ("unreadable", "unreadable", 0)


async def test_what_is_delivered_again_has_one_line_when_it_is_published() -> None:
    onlookers = Onlookers()
    world = World(onlookers=onlookers)
    world.create()
    await world.deliver(abort=True)
    assert onlookers.lines.written == []
    await world.settle()
    assert [line["status"] for line in onlookers.lines.written] == [201]
