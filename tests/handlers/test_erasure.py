"""A guest who is erased: what nobody can read any more, and what stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from handlers.condemned import TRIES
from handlers.outputs import dump_outputs
from handlers.ports import CannotOpen, Output, Record
from schemas.sealed import PERSONAL_FIELDS
from tests.handlers.world import ADMIN, GUEST, STAFF, STRANGER, World

PERSON: dict[str, Any] = {
    "guest_name": "Ada Lovelace",
    "guest_email": "ada@example.org",
    "guest_phone": "+33123456789",
    "special_requests": "By the window, please.",
}
KEYS = "booking.guest-keys"


async def erased(world: World, **options: Any) -> UUID:
    asked = world.send("erase_guest", {"guest_id": str(GUEST.id)}, **options)
    await world.settle()
    world.later(seconds=1)  # what was sent until now was sent before
    return asked


async def test_a_read_of_an_erased_guest_is_the_booking_without_them(world: World) -> None:
    booking = await world.booked(**PERSON, key="k")
    answer = world.reply_to(await erased(world))
    assert answer.status == 200
    assert answer.booking == {"guest_id": str(GUEST.id), "erased_at": "2026-06-01T12:00:00Z"}
    shown = (await world.ask("get_booking", {"booking_id": booking["id"]})).booking
    del booking["payment_client_secret"]
    assert shown == booking | dict.fromkeys(PERSONAL_FIELDS) | {"guest_erased": True}


async def test_lists_and_history_are_without_them_too(world: World) -> None:
    booking = await world.booked(**PERSON)
    world.cancel(booking, reason="Ada is ill")
    await world.settle()
    await erased(world)
    listed = (await world.ask("list_guest_bookings", {"guest_id": str(GUEST.id)})).booking
    history = (await world.ask("get_booking_history", {"booking_id": booking["id"]})).booking
    assert [each["guest_erased"] for each in listed["items"]] == [True]
    assert [each["reason"] for each in history["items"]] == [None, None]
    assert [each["to_status"] for each in history["items"]] == ["pending", "cancelled"]


async def test_a_repeat_gets_the_first_answer_without_them(world: World) -> None:
    asked = world.create(**PERSON, key="k")
    await world.settle()
    first = world.reply_to(asked).booking | {"payment_client_secret": None}
    await erased(world)
    world.create(command_id=asked, **PERSON, key="k")
    by_key = world.create(**PERSON, key="k")
    await world.settle()
    _, again = world.replies_to(asked)
    expected = first | dict.fromkeys(PERSONAL_FIELDS) | {"guest_erased": True}
    for reply in (again, world.reply_to(by_key)):
        assert (reply.status, reply.is_replayed) == (201, True)
        assert reply.booking == expected


async def test_nothing_opens_what_was_published_of_them(world: World) -> None:
    await world.booked(**PERSON)
    (event,) = world.events
    (key,) = world.guests_keys().values()
    sealed = event["payload"]["sealed"]["guest"]
    place = f"event/{event['payload']['booking_id']}/1"
    assert b"Ada Lovelace" in key.open(sealed, place)
    await erased(world)
    assert world.guests_keys() == {}
    with pytest.raises(CannotOpen):
        world.database.service_keys.open(sealed, place)


async def test_the_topic_of_keys_hears_of_it_and_once_more_when_no_lane_can_err(
    world: World,
) -> None:
    await world.booked(**PERSON)
    (key,) = world.guests_keys()
    await erased(world)
    told = [(each.key, each.is_tombstone) for each in world.to(KEYS)]
    name = str(key).encode()
    assert told == [(name, False), (name, True)]
    world.later(minutes=4)
    await world.sweep()
    assert len(world.to(KEYS)) == 2
    world.later(minutes=2)
    await world.sweep()
    await world.sweep()
    assert [each.is_tombstone for each in world.to(KEYS)] == [False, True, True]


async def test_a_create_that_is_delivered_again_brings_no_key_back(world: World) -> None:
    world.create(**PERSON)
    await world.deliver(abort=True)  # its row stands; Kafka has nothing of it
    key = await _destroyed(world)
    await world.deliver()
    assert key.encode() not in [each.key for each in world.to(KEYS) if not each.is_tombstone]
    (reply,) = world.replies
    assert reply.status == 201
    assert reply.booking["guest_name"] is None


async def _destroyed(world: World) -> str:
    """By another lane."""
    (key,) = world.guests_keys()
    async with world.database.transaction("booking.commands", {}) as transaction:
        await transaction.destroy_keys([GUEST.id], world.now)
    return str(key)


async def test_what_is_in_hand_when_they_are_erased_is_not_written_under_a_new_key(
    world: World,
) -> None:
    """Another lane erases them between the reading of the booking and the writing of its change."""
    booking = await world.booked(**PERSON)
    transactions = world.watched.count

    def before(number: int) -> None:
        if number == transactions + 3:  # survey, recall with the reading, and then the recording
            rows = world.database.tables.guest_keys
            for key_id, row in list(rows.items()):
                rows[key_id] = replace(row, wrapped=None)

    world.watched.before_transaction = before
    changed = world.update(booking, party_size=3)
    await world.settle()
    reply = world.reply_to(changed).booking
    assert (reply["party_size"], reply["guest_name"], reply["guest_erased"]) == (3, None, True)
    (standing,) = world.bookings.values()
    assert (standing.party_size, standing.contact.name) == (3, None)
    assert world.guests_keys() == {} or not standing.is_personal


async def test_who_comes_back_is_a_new_guest_under_the_same_id(world: World) -> None:
    first = await world.booked(**PERSON)
    await erased(world)
    second = await world.booked(guest_name="Ada again", hour=5)
    shown = [
        (await world.ask("get_booking", {"booking_id": each["id"]})).booking["guest_name"]
        for each in (first, second)
    ]
    assert shown == [None, "Ada again"]


async def test_bookings_of_an_erased_guest_go_on(world: World) -> None:
    booking = await world.booked(**PERSON)
    await erased(world)
    moved = world.update(booking, guest_phone="+33999999999", by=STAFF)
    await world.settle()
    assert world.reply_to(moved).booking["guest_phone"] == "+33999999999"
    gone = world.cancel(booking, by=STAFF)
    await world.settle()
    assert (world.reply_to(gone).status, world.reply_to(gone).booking["status"]) == (
        200,
        "cancelled",
    )


async def test_erasing_twice_or_nobody_is_done_as_well(world: World) -> None:
    for _ in range(2):
        assert world.reply_to(await erased(world, by=ADMIN)).status == 200


@pytest.mark.parametrize("by", [STRANGER, STAFF], ids=["another guest", "staff"])
async def test_others_are_not_theirs_to_erase(world: World, by: Any) -> None:
    await world.booked(**PERSON)
    reply = world.reply_to(await erased(world, by=by))
    assert (reply.status, reply.code) == (403, "forbidden")
    assert len(world.guests_keys()) == 1


async def test_no_outcome_holds_anything_personal_in_the_clear(world: World) -> None:
    booking = await world.booked(**PERSON, key="the-key-of-ada")
    world.update(booking, special_requests="No nuts", internal_notes="is Ada", by=STAFF)
    await world.settle()
    world.cancel(booking, reason="Ada is ill")
    world.create(party_size=0, guest_name="Ada Lovelace")
    await world.settle()
    kept = repr([world.database.tables.outcomes, world.database.tables.stories])
    for clear in (*PERSON.values(), "the-key-of-ada", "No nuts", "is Ada", "Ada is ill"):
        assert clear not in kept, clear
    assert '"secret"' not in kept
    assert dump_outputs(world.to(KEYS)), "keys were published"


# --- in the very moment ---


async def erase_by_another_lane(world: World) -> None:
    async with world.database.transaction("booking.commands", {}) as transaction:
        await transaction.destroy_keys([GUEST.id], world.now)


async def test_a_create_that_was_sent_before_is_written_without_them(world: World) -> None:
    await world.booked(guest_name="Ada", hour=5)
    done = False

    async def on_call(when: str, call: object) -> None:
        nonlocal done
        if not done:
            done = True
            await erase_by_another_lane(world)

    world.partners.on_call = on_call
    asked = world.create(guest_name="Ada Lovelace")
    await world.settle()
    reply = world.reply_to(asked)
    assert (reply.status, reply.booking["guest_name"], reply.booking["guest_erased"]) == (
        201,
        None,
        True,
    )
    id_ = {"booking_id": reply.booking["id"]}
    shown = (await world.ask("get_booking", id_)).booking
    assert (shown["guest_name"], shown["guest_erased"]) == (None, True)


async def test_a_letter_of_what_was_sent_before_holds_nothing(world: World) -> None:
    await world.booked(guest_name="Ada", hour=5)

    async def boom(when: str, call: object) -> None:
        await erase_by_another_lane(world)
        raise ZeroDivisionError

    world.partners.on_call = boom
    world.create(guest_name="Ada Lovelace")
    await world.settle()
    (letter,) = world.to("booking.dead-letter")
    record = Record(letter.topic, 0, 0, 1, letter.key, letter.value, letter.headers)
    assert "erased" in (world.read_letter(record).unopened or "")


def _bytes(output: Output) -> tuple[str, bytes]:
    return output.topic, output.value


async def test_the_key_of_a_letter_is_in_the_topic_also_when_it_comes_again(world: World) -> None:
    async def boom(when: str, call: object) -> None:
        raise ZeroDivisionError

    world.partners.on_call = boom
    world.create(guest_name="Ada")
    first = await world.deliver(abort=True)
    again = await world.deliver()
    assert sorted(again[0], key=_bytes) == sorted(first[0], key=_bytes)
    (key,) = world.guests_keys()
    assert [output.key for output in world.to(KEYS)] == [str(key).encode()]


async def test_a_key_that_cannot_be_opened_blocks_no_lane(world: World) -> None:
    await world.booked(guest_name="Ada", hour=5)
    rows = world.database.tables.guest_keys
    for key_id, row in list(rows.items()):
        rows[key_id] = replace(row, wrapped="1.gone.eHg=")
    asked = world.create(guest_name="Ada")
    for _ in range(TRIES):
        with pytest.raises(CannotOpen):
            await world.deliver(at_most=1, alone=True)
    await world.deliver(at_most=1, alone=True)
    assert world.reply_to(asked).status == 500
    (letter,) = world.to("booking.dead-letter")
    assert dict(letter.headers)["dlq_sealed"] == b"service"


async def test_a_repeat_that_is_delivered_again_gives_the_same_bytes(world: World) -> None:
    world.create(guest_name="Ada", key="k")
    await world.settle()
    await erase_by_another_lane(world)
    world.create(guest_name="Ada", key="k")
    first = await world.deliver(abort=True)
    assert await world.deliver() == first


async def test_what_is_told_of_them_anew_is_theirs_again(world: World) -> None:
    booking = await world.booked(guest_name="Ada")
    await erase_by_another_lane(world)
    world.later(minutes=1)
    asked = world.update(booking, guest_phone="+33999999999", by=STAFF)
    await world.settle()
    about = {"booking_id": booking["id"]}
    shown = (await world.ask("get_booking", about, by=STAFF)).booking
    told = world.reply_to(asked).booking
    assert (told["guest_phone"], told.get("guest_erased")) == ("+33999999999", None)
    assert (shown["guest_phone"], shown.get("guest_erased")) == ("+33999999999", None)


async def test_clearing_what_is_personal_is_no_erasure(world: World) -> None:
    booking = await world.booked(special_requests="No nuts")
    world.update(booking, special_requests=None)
    await world.settle()
    shown = (await world.ask("get_booking", {"booking_id": booking["id"]})).booking
    assert (shown["special_requests"], shown.get("guest_erased")) == (None, None)


async def test_an_empty_reason_is_sealed_like_any_other(world: World) -> None:
    booking = await world.booked(payment_method_id=None)
    asked = world.move(booking, "confirmed", reason="", payment="at_venue", by=STAFF)
    await world.settle()
    assert world.reply_to(asked).status == 200
