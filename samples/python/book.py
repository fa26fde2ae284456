"""Books a table, then waits for the event that tells everybody: `python book.py`."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from booking_client import BookingClient, Refused
from booking_events import booking_events

SERVERS = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
PREFIX = os.environ.get("TOPIC_PREFIX", "booking")
REPLY_TOPIC = os.environ["REPLY_TOPIC"]  # your service's own: <prefix>.replies.<service>
TOKEN = os.environ["GUEST_TOKEN"]  # of the guest for whom you book


async def main() -> int:
    """Gives the exit code."""
    tomorrow = datetime.now(UTC).replace(hour=19, minute=0, second=0, microsecond=0)
    wish = {
        "venue_id": os.environ.get("VENUE_ID") or str(uuid4()),
        "venue_type": "restaurant",
        "booking_time": (tomorrow + timedelta(days=1)).isoformat(),
        "party_size": 2,
        "guest_name": "Ada Lovelace",
    }
    order_number = str(uuid4())  # keep it with your order before you send anything
    async with BookingClient(SERVERS, PREFIX, REPLY_TOPIC) as client:
        try:
            booking = await client.create_booking(wish, TOKEN, idempotency_key=order_number)
        except Refused as refusal:
            print(f"refused: {refusal}")
            return 1
    print(f"booked {booking['booking_reference']}, {booking['total_price']} {booking['currency']}")
    async for event in booking_events(SERVERS, PREFIX, group="sample-python"):
        payload = event["payload"]
        if payload["booking_id"] == booking["id"]:
            print(f"{event['event_type']} {payload['booking_reference']}")
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
