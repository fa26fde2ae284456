"""What the day remembers: when it began, and each named booking as it was shown last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.demo.script import Hours, Minutes, Of


class Unknown(Exception):
    """The story speaks of a booking that never came to be."""


@dataclass(slots=True)
class Memory:
    """Bookings by their names in the story."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    bookings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def booking_id(self, name: str) -> str:
        """Raises Unknown."""
        return str(self.filled(Of(name, "id")))

    def filled_all(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same with every placeholder replaced. Raises Unknown."""
        return {name: self.filled(value) for name, value in values.items()}

    def filled(self, value: Any) -> Any:
        """A placeholder's value as the wire has it. Raises Unknown."""
        match value:
            case Of(name, field_name):
                if name not in self.bookings:
                    raise Unknown(f"there is no booking called {name}")
                return self.bookings[name][field_name]
            case Hours(after_next):
                hour = self.began.replace(minute=0, second=0, microsecond=0)
                return _text(hour + timedelta(hours=after_next + 1))
            case Minutes(from_now):
                minute = self.began.replace(second=0, microsecond=0)
                return _text(minute + timedelta(minutes=from_now))
            case _:
                return value


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
