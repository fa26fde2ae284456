"""Rules, limits and how long things are kept, as they can be set."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from app.settings import SettingsError
from app.wiring import limits_of
from domain.booking import VenueType
from domain.limits import NO_LIMITS, OperationClass
from domain.principal import Admin, Business, Guest
from domain.retention import Keeping, Period
from domain.rules import ConflictScope, RefundStep
from tests.app.settings.loading import LoadWith


def test_durations_may_be_decimal(settings: LoadWith) -> None:
    rules = settings(
        RULES__MIN_LEAD_MINUTES="0",
        RULES__MAX_DAYS_AHEAD="1.5",
        RULES__CONFIRMATION_MINUTES="0.05",
        RULES__IDEMPOTENCY_HOURS="0.5",
        RULES__NO_SHOW_GRACE_MINUTES="0.5",
        RULES__CHECK_IN_EARLY_MINUTES="1",
        RULES__UNDO_PATIENCE_MINUTES="0.5",
    ).rules
    assert rules.min_lead == timedelta(0)
    assert rules.max_ahead == timedelta(hours=36)
    assert rules.confirmation_window == timedelta(seconds=3)
    assert rules.idempotency_window == timedelta(minutes=30)
    assert rules.no_show_grace == timedelta(seconds=30)
    assert rules.check_in_early == timedelta(minutes=1)
    assert rules.undo_patience == timedelta(seconds=30)


def test_rules_may_differ_by_venue_type(settings: LoadWith) -> None:
    rules = settings(
        RULES__CONFLICT_SCOPE__CAFE="inventory",
        RULES__REFUND__HOTEL="24h:50, 2d:100,90m:12.5",
        PRICING__FALLBACK__RESTAURANT="40",
        PRICING__FALLBACK__CAFE="12.50",
        PRICING__FALLBACK_CURRENCY="JPY",
    ).rules
    assert rules.scope(VenueType.CAFE) is ConflictScope.INVENTORY
    assert rules.scope(VenueType.HOTEL) is ConflictScope.UNIT
    assert rules.refund == {
        VenueType.HOTEL: (
            RefundStep(timedelta(days=2), Decimal(100)),
            RefundStep(timedelta(hours=24), Decimal(50)),
            RefundStep(timedelta(minutes=90), Decimal("12.5")),
        )
    }
    assert rules.fallback.per_person == {
        VenueType.RESTAURANT: Decimal(40),
        VenueType.CAFE: Decimal("12.50"),
    }
    assert (rules.fallback.currency, rules.fallback.is_allowed) == ("JPY", True)


def test_no_price_is_made_up_where_pricing_may_only_be_rejected(settings: LoadWith) -> None:
    assert not settings(PRICING__WHEN_UNAVAILABLE="reject").rules.fallback.is_allowed


def test_limits_differ_by_role_and_class(settings: LoadWith) -> None:
    limits = settings(
        LIMITS__WINDOW_SECONDS="10",
        LIMITS__GUEST__CREATE="3",
        LIMITS__GUEST__READ="unlimited",
        **{f"LIMITS__ADMIN__{each.name}": "unlimited" for each in OperationClass},
    ).limits
    assert limits.window == timedelta(seconds=10)
    assert limits.allowed[Guest] == {
        OperationClass.CREATE: 3,
        OperationClass.CHANGE: 120,
        OperationClass.AVAILABILITY: 300,
    }
    assert Business in limits.allowed
    assert Admin not in limits.allowed


def test_nobody_is_limited_where_limits_or_authentication_are_off(settings: LoadWith) -> None:
    assert settings().limits.allowed.keys() == {Guest, Business, Admin}
    assert limits_of(settings(LIMITS__MODE="off")) == NO_LIMITS
    assert limits_of(settings(LIMITS__MODE="on")) == settings().limits
    assert limits_of(settings(AUTH__MODE="off")) == NO_LIMITS


def test_what_grows_is_kept_for_days_or_for_ever(settings: LoadWith) -> None:
    day = timedelta(days=1)
    assert settings().keeping == Keeping(90 * day, None, Period.MONTH)
    changed = settings(
        RETENTION__COMMANDS_DAYS="0", RETENTION__BOOKINGS_DAYS="700", RETENTION__PARTITION="day"
    )
    assert changed.keeping == Keeping(None, 700 * day, Period.DAY)
    window = settings().rules.idempotency_window
    assert settings(RETENTION__COMMANDS_DAYS="1").keeping.commands == window + day
    for name, value in (("COMMANDS_DAYS", "-1"), ("BOOKINGS_DAYS", "1.5"), ("PARTITION", "week")):
        with pytest.raises(SettingsError, match=f"BOOKING_RETENTION__{name} is wrong"):
            settings(**{f"RETENTION__{name}": value})
