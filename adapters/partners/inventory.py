"""The inventory service's calls as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from adapters.partners.exchange import Exchange, FailedError, GarbledError, Json, without_none
from adapters.partners.wire import Id, Instant, in_utc, printable, reader, reason_of
from domain.effects import (
    Capacity,
    CheckCapacity,
    Full,
    NothingHeld,
    Released,
    ReleaseInventory,
    Reservation,
    ReservationUpdated,
    ReserveInventory,
    UpdateReservation,
)


class _Capacity(msgspec.Struct):
    available: bool
    inventory_item_id: Id | None = None
    reason: str | None = None


class _Reservation(msgspec.Struct):
    reservation_id: Id
    inventory_item_id: Id | None = None
    expires_at: Instant | None = None


class _Updated(msgspec.Struct):
    reservation_id: Id
    updated: bool


_read_capacity: Final = reader(_Capacity)
_read_reservation: Final = reader(_Reservation)
_read_updated: Final = reader(_Updated)


def _check_body(call: CheckCapacity) -> Json:
    return without_none(
        venue_id=call.venue_id,
        venue_type=call.venue_type,
        booking_time=call.booking_time,
        booking_date=call.booking_date,
        party_size=call.party_size,
        duration_minutes=call.duration_minutes,
        inventory_item_id=call.item,
    )


def _capacity(body: bytes, _: CheckCapacity) -> Capacity:
    told = _read_capacity(body)
    return Capacity(told.available, told.inventory_item_id, printable(told.reason))


def _reserve_body(call: ReserveInventory) -> Json:
    return without_none(
        venue_id=call.venue_id,
        venue_type=call.venue_type,
        booking_time=call.booking_time,
        party_size=call.party_size,
        booking_reference=call.booking_reference,
        booking_id=call.booking_id,
        duration_minutes=call.duration_minutes,
        inventory_item_id=call.item,
    )


def _reservation(body: bytes, _: ReserveInventory) -> Reservation:
    told = _read_reservation(body)
    return Reservation(told.reservation_id, told.inventory_item_id, in_utc(told.expires_at))


def _update_body(call: UpdateReservation) -> Json:
    return {
        "reservation_id": call.reservation_id,
        "booking_time": call.booking_time,
        "party_size": call.party_size,
        "duration_minutes": call.duration_minutes,
    }


def _updated(body: bytes, call: UpdateReservation) -> ReservationUpdated:
    told = _read_updated(body)
    if told.reservation_id != call.reservation_id:
        raise GarbledError("expected the reservation that was asked for, got another one")
    if not told.updated:
        raise FailedError("the reservation was not updated")
    return ReservationUpdated(told.reservation_id)


def _release_body(call: ReleaseInventory) -> Json:
    return without_none(
        reservation_id=call.reservation_id, booking_reference=call.booking_reference
    )


def _full(body: bytes, _: ReserveInventory | UpdateReservation) -> Full:
    return Full(reason_of(body))


INVENTORY: Final[Mapping[type[Any], Exchange[Any]]] = {
    CheckCapacity: Exchange("/api/v1/inventory/check-availability", _check_body, success=_capacity),
    ReserveInventory: Exchange(
        "/api/v1/inventory/reserve", _reserve_body, success=_reservation, refusals={409: _full}
    ),
    UpdateReservation: Exchange(
        "/api/v1/inventory/update-reservation",
        _update_body,
        success=_updated,
        refusals={409: _full},
    ),
    ReleaseInventory: Exchange(
        "/api/v1/inventory/release",
        _release_body,
        success=lambda _body, _call: Released(),  # the status says all; the body is not defined
        refusals={404: lambda _body, _call: NothingHeld()},
    ),
}
