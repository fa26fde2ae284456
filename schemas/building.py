"""From a readable command and who asks to the domain's command, or to everything wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from domain.booking import Contact, Source, Venue
from domain.commands import (
    Asked,
    CancelBooking,
    Changes,
    ChangeStatus,
    Command,
    CreateBooking,
    EndCommand,
    EraseGuest,
    ExpireBooking,
    SettleUndo,
    UpdateBooking,
)
from domain.lifecycle import Status
from domain.principal import Guest, Principal
from domain.reference import proposed_reference
from domain.refusal import FieldError, Refusal
from domain.time_slot import TimeSlot
from schemas.commands import (
    COMMAND_DATA,
    CancelBookingData,
    CreateBookingData,
    EndCommandData,
    EraseGuestData,
    ExpireBookingData,
    SettleUndoData,
    UpdateBookingData,
    UpdateBookingStatusData,
)
from schemas.envelope import RawCommand
from schemas.field_errors import field_errors, invalid, unknown_field
from schemas.fields import Data
from schemas.slots import both_given, slot_of

MAX_KEY: Final = 255


def asked_by(principal: Principal, raw: RawCommand, run: int = 0) -> Asked:
    """Who asks and as what; all ids that the command gives away follow from it."""
    key = raw.idempotency_key if isinstance(raw.idempotency_key, str) else None
    return Asked(principal, raw.command_id, run, key)


def build_command(raw: RawCommand, asked: Asked) -> Command | Refusal:
    """The command, or `validation_failed` with every field that is wrong.

    Whether the principal may do it is not judged here (schemas.powers says what to ask).
    """
    errors = list(_envelope_errors(raw))
    data = _validated(raw, errors)
    if errors or data is None:
        return invalid(errors)
    built = _BUILDERS[type(data)](asked, data)
    return invalid([built]) if isinstance(built, FieldError) else built


def _envelope_errors(raw: RawCommand) -> Iterator[FieldError]:
    yield from map(unknown_field, raw.unknown)
    key = raw.idempotency_key
    if key is None:
        return
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY:
        yield FieldError("idempotency_key", f"must be text of 1 to {MAX_KEY} characters")
    elif not key.isprintable():
        yield FieldError("idempotency_key", "must hold printable characters only")


def _validated(raw: RawCommand, errors: list[FieldError]) -> Data | None:
    """The data when its fields are right; adds what is wrong to `errors`."""
    if raw.data is None:
        errors.append(FieldError("data", "is required"))
        return None
    try:
        return COMMAND_DATA[raw.type].model_validate(raw.data)
    except ValidationError as error:
        errors.extend(field_errors(error, "data"))
        if _names_two_ends(raw.data):
            errors.append(both_given())
        return None


def _names_two_ends(data: Any) -> bool:
    return isinstance(data, dict) and None not in (
        data.get("duration_minutes"),
        data.get("end_time"),
    )


def _create(asked: Asked, data: CreateBookingData) -> CreateBooking | FieldError:
    timed = slot_of(data)
    if isinstance(timed, FieldError):
        return timed
    slot, booking_date = timed
    source = data.source or Source.WEB
    guest_id = data.guest_id or _own_guest_id(asked, source)
    if guest_id is None:
        return FieldError("data.guest_id", "is required unless source is phone or walk_in")
    booking_id = asked.derived("booking")
    return CreateBooking(
        asked=asked,
        booking_id=booking_id,
        booking_reference=proposed_reference(booking_date, booking_id),
        venue=Venue(data.venue_id, data.venue_type, data.venue_name, data.venue_time_zone),
        slot=slot,
        booking_date=booking_date,
        party_size=data.party_size,
        item=data.inventory_item_id,
        contact=Contact(guest_id, data.guest_name, data.guest_email, data.guest_phone),
        payment_method_id=data.payment_method_id,
        special_requests=data.special_requests,
        internal_notes=data.internal_notes,
        source=source,
        metadata=data.metadata,
    )


def _own_guest_id(asked: Asked, source: Source) -> UUID | None:
    """A guest books for themself; who calls or walks in becomes a guest by it."""
    if isinstance(asked.principal, Guest):
        return asked.principal.id
    if source in (Source.PHONE, Source.WALK_IN):
        return asked.derived("guest")
    return None


def _update(asked: Asked, data: UpdateBookingData) -> UpdateBooking | FieldError:
    sent = data.model_fields_set - {"booking_id", "expected_version"}
    if not sent:
        return FieldError("data", "names nothing to change")
    if {"duration_minutes", "end_time"} <= sent:
        return both_given()
    if {"booking_time", "end_time"} <= sent:
        try:
            TimeSlot(data.booking_time, data.end_time)
        except ValueError as error:
            return FieldError("data.end_time", str(error))
    changes = {_DOMAIN_NAMES.get(name, name): getattr(data, name) for name in sent}
    return UpdateBooking(asked, data.booking_id, data.expected_version, Changes(**changes))


_DOMAIN_NAMES: Final = {"inventory_item_id": "item"}


def _cancel(asked: Asked, data: CancelBookingData) -> CancelBooking:
    return CancelBooking(
        asked, data.booking_id, data.expected_version, data.reason, data.refund_amount
    )


def _change_status(asked: Asked, data: UpdateBookingStatusData) -> ChangeStatus | FieldError:
    if data.payment is not None and data.status is not Status.CONFIRMED:
        return FieldError("data.payment", "goes only with the status confirmed")
    return ChangeStatus(
        asked, data.booking_id, data.status, data.expected_version, data.reason, data.payment
    )


def _erase(asked: Asked, data: EraseGuestData) -> EraseGuest:
    return EraseGuest(asked, data.guest_id)


def _expire(asked: Asked, data: ExpireBookingData) -> ExpireBooking:
    return ExpireBooking(asked, data.booking_id, data.expected_version, data.attempt)


def _settle(asked: Asked, data: SettleUndoData) -> SettleUndo:
    return SettleUndo(asked, data.undo_id, data.booking_id, data.attempt)


def _end(asked: Asked, data: EndCommandData) -> EndCommand:
    return EndCommand(asked, data.row_id)


_BUILDERS: Final[dict[type[Data], Callable[[Asked, Any], Command | FieldError]]] = {
    CreateBookingData: _create,
    UpdateBookingData: _update,
    CancelBookingData: _cancel,
    UpdateBookingStatusData: _change_status,
    EraseGuestData: _erase,
    ExpireBookingData: _expire,
    SettleUndoData: _settle,
    EndCommandData: _end,
}
