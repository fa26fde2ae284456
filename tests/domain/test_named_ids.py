"""Ids that stand in databases and at partners: they must never come out otherwise."""

from __future__ import annotations

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from domain.named_ids import named_id


@given(st.uuids(), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_named_id_is_the_one_of_the_standard(namespace: UUID, name: str) -> None:
    assert named_id(namespace, name) == uuid5(namespace, name)
