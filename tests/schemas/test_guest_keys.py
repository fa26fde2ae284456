"""A guest's key in its topic: what was written is read, and everything else is refused as such."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID

import pytest

from handlers.ports import WrappedKey
from schemas.guest_keys import dump_key, load_key, wrapped_by
from tests.adapters.database.sealing import KEYS
from tests.builders import NOW

GUEST_ID: Final = UUID("00000000-0000-4000-8000-0000000000a1")
WRITTEN: Final = {"key_id": str(GUEST_ID), "guest_id": str(GUEST_ID), "wrapped": "1.k.AAAA"}


def test_what_was_written_is_read() -> None:
    made = KEYS.create(GUEST_ID)
    key = WrappedKey(made.id, made.guest_id, made.wrapped, NOW)
    assert load_key(dump_key(key)) == (key.id, key.guest_id, key.wrapped)
    assert wrapped_by(key.wrapped) == KEYS.current


def test_the_name_of_a_key_may_hold_dots() -> None:
    assert wrapped_by("1.2026.11.AAAA") == "2026.11"


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        json.dumps(WRITTEN).encode().replace(b"AAAA", b"\xff"),
        json.dumps(WRITTEN).encode()[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        *(
            json.dumps(WRITTEN | changed).encode()
            for changed in (
                {"key_id": None},
                {"guest_id": f"{{{GUEST_ID}}}"},
                {"wrapped": 1},
                {"wrapped": ""},
                {"wrapped": "AAAA"},
                {"wrapped": "1.AAAA"},
                {"wrapped": "1..AAAA"},
                {"wrapped": "1.k."},
                {"wrapped": "1.k\0.AAAA"},
            )
        ),
    ],
)
def test_what_is_no_key_is_refused(written: bytes) -> None:
    with pytest.raises(ValueError, match="not a guest's key"):
        load_key(written)


def test_what_it_says_beside_is_passed_over() -> None:
    beside: dict[str, Any] = WRITTEN | {"later": {"a": [1]}}
    assert load_key(json.dumps(beside).encode()) == (GUEST_ID, GUEST_ID, "1.k.AAAA")
