"""A demo that praises whatever happens would show nothing: its judge finds each difference."""

from __future__ import annotations

import pytest

from app.demo.client import Reply
from app.demo.judging import deviations, event_deviations, race_deviations
from app.demo.script import Answer

DONE = Reply(201, {"status": "pending", "items": [{"to_status": "pending"}]}, None, False, 1.0)
TAKEN = Reply(409, None, {"code": "slot_unavailable", "detail": "Taken."}, False, 1.0)
SHOWS = {"status": "pending", "items.0.to_status": "pending"}


def test_an_answer_as_told_has_no_deviation() -> None:
    assert list(deviations(DONE, Answer(201), SHOWS)) == []
    assert list(deviations(TAKEN, Answer(409, "slot_unavailable"), {})) == []


@pytest.mark.parametrize(
    ("reply", "told", "shows", "found"),
    [
        (TAKEN, Answer(201), {}, "the reply is 409 slot_unavailable (Taken.), not 201"),
        (TAKEN, Answer(409, "no_capacity"), {}, "not 409 no_capacity"),
        (DONE, Answer(201, replayed=True), {}, "not a replayed one"),
        (DONE, Answer(201), {"status": "confirmed"}, "status is pending, not confirmed"),
        (DONE, Answer(201), {"items.1.to_status": "confirmed"}, "is None, not confirmed"),
    ],
)
def test_a_reply_that_differs_is_told(
    reply: Reply, told: Answer, shows: dict[str, str], found: str
) -> None:
    assert found in "".join(deviations(reply, told, shows))


def test_a_race_is_judged_by_its_outcomes_and_not_by_who_won() -> None:
    answers = (Answer(201), Answer(409, "slot_unavailable"))
    assert list(race_deviations([TAKEN, DONE], answers)) == []
    assert list(race_deviations([DONE, DONE], answers)) == [
        "the replies are 201, 201, not 201, 409 slot_unavailable"
    ]


def test_an_event_too_many_is_told_as_well_as_one_too_few() -> None:
    assert list(event_deviations("dinner", ["booking.created"], ["booking.created"])) == []
    assert list(event_deviations("dinner", ["booking.created"], [])) != []
    assert list(event_deviations("dinner", [], ["booking.created"])) != []
