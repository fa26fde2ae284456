"""The inventory service's calls as a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from adapters.partners.exchange import Body, Exchange, FailedError, GarbledError
from adapters.partners.wire import Id, Instant, in_utc, printable, reader, reason_of
from domain.booking import VenueType
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


class _Check(Body):
    venue_id: UUID
    venue_type: VenueType
    booking_time: datetime
    booking_date: date
    party_size: int
    duration_minutes: int
    inventory_item_id: str | None = None


class _Reserve(Body):
    venue_id: UUID
    venue_type: VenueType
    booking_time: datetime
    party_size: int
    booking_reference: str
    booking_id: UUID
    duration_minutes: int
    inventory_item_id: str | None = None


class _Update(Body):
    reservation_id: str
    booking_time: datetime
    party_size: int
    duration_minutes: int


class _Release(Body, kw_only=True):
    reservation_id: str | None = None
    booking_reference: str


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


def _check_body(call: CheckCapacity) -> Body:
    return _Check(
        call.venue_id,
        call.venue_type,
        call.booking_time,
        call.booking_date,
        call.party_size,
        call.duration_minutes,
        call.item,
    )


def _capacity(body: bytes, _: CheckCapacity) -> Capacity:
    told = _read_capacity(body)
    return Capacity(told.available, told.inventory_item_id, printable(told.reason))


def _reserve_body(call: ReserveInventory) -> Body:
    return _Reserve(
        call.venue_id,
        call.venue_type,
        call.booking_time,
        call.party_size,
        call.booking_reference,
        call.booking_id,
        call.duration_minutes,
        call.item,
    )


def _reservation(body: bytes, _: ReserveInventory) -> Reservation:
    told = _read_reservation(body)
    return Reservation(told.reservation_id, told.inventory_item_id, in_utc(told.expires_at))


def _update_body(call: UpdateReservation) -> Body:
    return _Update(call.reservation_id, call.booking_time, call.party_size, call.duration_minutes)


def _updated(body: bytes, call: UpdateReservation) -> ReservationUpdated:
    told = _read_updated(body)
    if told.reservation_id != call.reservation_id:
        raise GarbledError("expected the reservation that was asked for, got another one")
    if not told.updated:
        raise FailedError("the reservation was not updated")
    return ReservationUpdated(told.reservation_id)


def _release_body(call: ReleaseInventory) -> Body:
    return _Release(reservation_id=call.reservation_id, booking_reference=call.booking_reference)


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
