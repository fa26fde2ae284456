"""What is sealed of events: read as it was written, by this version and by those before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest

from domain.lifecycle import Status
from domain.outcome import StatusChange
from schemas.sealed import (
    CommandPart,
    GuestPart,
    PersonalPart,
    ServicePart,
    dump_guest_part,
    dump_personal,
    dump_service_part,
    load_guest_part,
    load_personal,
    load_service_part,
)

AT = datetime(2026, 11, 28, 11, 22, 24, 314000, UTC)
ID = UUID("00000000-0000-4000-8000-0000000000a1")
COMMAND = CommandPart(
    principal='{"kind":"Admin","id":"admin-1"}',
    operation="create_booking",
    run=0,
    origin=("booking.commands", 3, 77, 1_780_000_000_000),
    sent=AT,
    decided=AT,
    reply_route=None,
    key_id=ID,
    status=201,
    erased_with=None,
)
OURS = ServicePart(StatusChange(None, Status.PENDING, "admin:admin-1", None), COMMAND)
THEIRS = GuestPart(PersonalPart(guest_name="Zoë", internal_notes="shy"), "ill", "pi_1_secret")


def test_each_part_comes_back_as_it_was() -> None:
    assert load_service_part(dump_service_part(OURS)) == OURS
    assert load_guest_part(dump_guest_part(THEIRS)) == THEIRS
    assert load_personal(dump_personal(THEIRS.personal)) == THEIRS.personal


def test_what_is_not_there_is_not_written() -> None:
    assert dump_personal(THEIRS.personal) == '{"guest_name":"Zoë","internal_notes":"shy"}'.encode()
    assert dump_guest_part(GuestPart()) == b"[{},null,null]"


def test_instants_that_were_written_with_an_offset_are_read() -> None:
    written = dump_service_part(OURS)
    before = written.replace(b"24.314000Z", b"24.314000+00:00")
    assert before != written
    assert load_service_part(before) == OURS


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (load_personal, b'{"guest_shoe_size":"42"}'),
        (load_guest_part, b"[{},null,null,null]"),
        (load_service_part, b'{"history":null,"command":{}}'),
        (
            load_service_part,
            orjson.dumps(orjson.loads(dump_service_part(OURS)) | {"more": 1}),
        ),
    ],
)
def test_what_is_not_understood_wholly_is_not_read_at_all(
    load: Callable[[bytes], object], text: bytes
) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        load(text)


def test_no_repr_shows_anything_personal() -> None:
    shown = repr([THEIRS, THEIRS.personal])
    assert [word for word in ("Zoë", "shy", "ill", "secret") if word in shown] == []
