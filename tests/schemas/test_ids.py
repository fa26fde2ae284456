"""Ids are written and read as the standard library does it."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import id_from, id_text


@given(st.uuids())
def test_an_id_is_written_and_read_as_the_standard_library_does(id_: UUID) -> None:
    assert id_text(id_) == str(id_)
    assert id_from(str(id_)) == id_from(id_.bytes) == id_
    assert type(id_from(id_.bytes)) is UUID


@pytest.mark.parametrize("written", ["", "x", "0" * 31, b"", b"123456789012345"])
def test_what_is_no_id_is_refused(written: str | bytes) -> None:
    with pytest.raises(ValueError, match="UUID"):
        id_from(written)
