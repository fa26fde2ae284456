"""Availability: the same judgement as a create's, told instead of done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.booking import VenueType
from domain.commands import CheckAvailability
from domain.effects import (
    Capacity,
    CheckCapacity,
    Estimate,
    FindConflicts,
    GetEstimate,
    TakenSlot,
)
from domain.refusal import Code, Refusal
from domain.rules import ConflictScope, Rules
from domain.workflows.check_availability import check_availability
from tests.builders import NOW, TOMORROW, VENUE_ID, a_slot, at, eur, rules
from tests.domain.given import INVENTORY_AWAY, PRICING_AWAY, Ended, given

FREE = {
    CheckCapacity: Capacity(True, "table-4", None),
    GetEstimate: Estimate(eur(100)),
    FindConflicts: (),
}
TAKEN = (TakenSlot(a_slot(), "table-4"),)


def check(script: dict[Any, Any], house: Rules | None = None, **fields: Any) -> Ended[Any]:
    query = CheckAvailability(
        query_id=UUID(int=1),
        venue_id=VENUE_ID,
        venue_type=VenueType.RESTAURANT,
        slot=fields.get("slot", a_slot()),
        booking_date=TOMORROW.date(),
        party_size=2,
        item=fields.get("item"),
    )
    return given(check_availability(query, at(), house or rules())).answers({**FREE, **script})


def test_a_free_slot_is_available_at_a_price() -> None:
    found = check({}).result
    assert (found.is_available, found.reasons) == (True, ())
    assert found.estimate == Estimate(eur(100))


def test_conflicts_are_looked_up_on_the_item_that_inventory_names() -> None:
    ended = check({FindConflicts: TAKEN})
    assert ended.one(FindConflicts).item == "table-4"
    assert ended.result.reasons == (Code.SLOT_UNAVAILABLE,)
    assert ended.result.conflicts == TAKEN


def test_the_item_asked_for_counts_before_inventorys() -> None:
    assert check({}, item="table-9").one(FindConflicts).item == "table-9"


def test_inventory_saying_no_is_a_reason() -> None:
    ended = check({CheckCapacity: Capacity(False, None, "full")})
    assert ended.result.reasons == (Code.NO_CAPACITY,)


def test_inventory_away_is_a_refusal() -> None:
    ended = check({CheckCapacity: INVENTORY_AWAY})
    assert isinstance(ended.result, Refusal)
    assert ended.result.code is Code.INVENTORY_UNAVAILABLE


def test_pricing_away_leaves_no_estimate() -> None:
    found = check({GetEstimate: PRICING_AWAY}).result
    assert (found.is_available, found.estimate) == (True, None)


def test_a_slot_that_the_rules_refuse_still_gets_the_whole_answer() -> None:
    found = check({FindConflicts: TAKEN}, slot=a_slot(NOW + timedelta(minutes=5))).result
    assert found.reasons == (Code.TOO_SOON, Code.SLOT_UNAVAILABLE)
    assert (found.is_available, found.estimate) == (False, Estimate(eur(100)))


def test_where_inventory_alone_decides_there_are_no_conflicts() -> None:
    pooled = rules(conflict_scope={VenueType.RESTAURANT: ConflictScope.INVENTORY})
    assert check({FindConflicts: TAKEN}, pooled).result.is_available
