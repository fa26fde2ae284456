"""What `booking send` makes of what was typed."""

from __future__ import annotations

from uuid import UUID, uuid4

import orjson
import pytest

from app.cli.message import Asking, build_message, message_types
from app.failures import WrongUse


def built(type_: str, text: str, **changes: str) -> Asking:
    given = {"token": None, "key": None, "idempotency_key": None} | changes
    return build_message(type_, text, topic_prefix="booking", **given)


def test_data_alone_gets_a_type_and_an_id() -> None:
    asking = built("cancel_booking", '{"booking_id": "b"}')
    value = orjson.loads(asking.output.value)
    assert value == {
        "type": "cancel_booking",
        "command_id": asking.message_id,
        "data": {"booking_id": "b"},
    }
    assert str(UUID(asking.message_id)) == asking.message_id


def test_a_query_has_a_query_id_and_its_own_topic() -> None:
    asking = built("get_booking", "{}")
    assert asking.output.topic == "booking.queries"
    assert orjson.loads(asking.output.value)["query_id"] == asking.message_id


def test_a_whole_message_keeps_its_ids() -> None:
    given = {"type": "create_booking", "command_id": "c", "idempotency_key": "k", "data": {}}
    asking = built("create_booking", orjson.dumps(given).decode())
    assert orjson.loads(asking.output.value) == given
    assert asking.message_id == "c"


def test_the_key_is_the_venue_in_small_letters() -> None:
    venue = uuid4()
    text = orjson.dumps({"venue_id": str(venue).upper()}).decode()
    assert built("create_booking", text).output.key == str(venue).encode()


def test_the_key_may_be_given() -> None:
    assert built("cancel_booking", "{}", key="mine").output.key == b"mine"


@pytest.mark.parametrize("venue", ["7", '"elsewhere"', "null"])
def test_a_venue_that_is_none_leaves_the_key_out(venue: str) -> None:
    assert built("create_booking", f'{{"venue_id": {venue}}}').output.key is None


def test_token_and_correlation_id_are_headers() -> None:
    asking = built("get_booking", "{}", token="t")
    headers = dict(asking.output.headers)
    assert headers["authorization"] == b"Bearer t"
    assert headers["correlation_id"] == asking.correlation_id.encode()


def test_an_idempotency_key_stands_beside_the_data() -> None:
    value = orjson.loads(built("create_booking", "{}", idempotency_key="k").output.value)
    assert value["idempotency_key"] == "k"


@pytest.mark.parametrize(
    ("type_", "text", "words"),
    [
        ("create_boking", "{}", "did you mean create_booking?"),
        ("expire_booking", "{}", "there is no expire_booking"),
        ("create_booking", "{", "not JSON"),
        ("create_booking", "[]", "not a JSON object"),
        ("create_booking", '{"type": "cancel_booking", "data": {}}', "says it is a cancel_booking"),
    ],
)
def test_what_makes_no_sense_is_refused(type_: str, text: str, words: str) -> None:
    with pytest.raises(WrongUse, match=words.replace("?", r"\?")):
        built(type_, text)


def test_system_commands_are_not_offered() -> None:
    assert "create_booking" in message_types()
    assert "check_availability" in message_types()
    assert "expire_booking" not in message_types()
