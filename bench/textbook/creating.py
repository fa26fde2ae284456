"""One create: looked at, asked for at the partners, written."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.textbook.messages import CreateBooking, Refused
from bench.textbook.partners import Partners
from bench.textbook.tables import Booking, History


async def create_booking(
    command: CreateBooking, guest_id: UUID, session: AsyncSession, partners: Partners
) -> Booking:
    """The booking, written but not committed."""
    wish, now = command.data, datetime.now(UTC)
    if wish.booking_time < now + timedelta(minutes=30):
        raise Refused(400, "booking_in_past")
    end = wish.booking_time + timedelta(minutes=wish.duration_minutes)
    venue = str(wish.venue_id)
    await session.execute(text("select pg_advisory_xact_lock(hashtext(:v))"), {"v": venue})
    if await session.scalar(Booking.overlapping(wish, end)):
        raise Refused(409, "slot_unavailable")
    id_, reference = uuid4(), f"BR-{wish.booking_time:%Y%m%d}-{uuid4().hex[:8].upper()}"
    asked = wish.model_dump(
        mode="json",
        include={"venue_id", "venue_type", "booking_time", "party_size", "duration_minutes"},
    )
    item = {"inventory_item_id": wish.inventory_item_id} if wish.inventory_item_id else {}
    capacity, price = await asyncio.gather(
        partners.ask(
            "inventory",
            "inventory/check-availability",
            f"{command.command_id}-check",
            {**asked, **item, "booking_date": f"{wish.booking_time:%Y-%m-%d}"},
        ),
        partners.ask(
            "pricing",
            "pricing/calculate",
            f"{command.command_id}-price",
            {**asked, "guest_id": str(guest_id)},
        ),
    )
    if not capacity["available"]:
        raise Refused(409, "no_capacity")
    named = {"booking_reference": reference, "booking_id": str(id_)}
    held = await partners.ask(
        "inventory",
        "inventory/reserve",
        f"{command.command_id}-reserve",
        {**asked, **item, **named},
    )
    paid = await partners.ask(
        "payment",
        "payments/intents",
        f"{command.command_id}-pay",
        {
            **named,
            "amount": str(price["total_price"]),
            "currency": price["currency"],
            "guest_id": str(guest_id),
        },
    )
    booking = Booking(
        **wish.model_dump(exclude={"inventory_item_id"}),
        id=id_,
        booking_reference=reference,
        guest_id=guest_id,
        end_time=end,
        status="pending",
        version=1,
        base_price=Decimal(str(price["base_price"])),
        tax_amount=Decimal(str(price["tax_amount"])),
        discount_amount=Decimal(str(price["discount_amount"])),
        total_price=Decimal(str(price["total_price"])),
        currency=price["currency"],
        payment_intent_id=paid["payment_intent_id"],
        payment_status=paid["status"],
        inventory_reservation_id=held["reservation_id"],
        inventory_item_id=held.get("inventory_item_id"),
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(minutes=15),
    )
    history = History(booking_id=id_, version=1, to_status="pending", created_at=now)
    session.add_all([booking, history])
    return booking
