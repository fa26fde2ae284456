"""The house's rules, as far as they can be set."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.settings.section import Section, setting
from app.settings.words import Duration, PositiveDuration, refund_policy
from domain.booking import VenueType
from domain.rules import ConflictScope, Fallback, RefundStep, Rules


def _policy(written: object) -> object:
    return refund_policy(written) if isinstance(written, str) else written


RefundPolicy = Annotated[tuple[RefundStep, ...], BeforeValidator(_policy)]


def _scope() -> Any:
    return setting(
        "unit or inventory",
        "unit: one booking at a time for an item, or for a venue without items; inventory: the"
        " inventory service alone decides",
        ConflictScope.UNIT,
    )


def _refund() -> Any:
    return setting(
        'notice:percent, several separated by commas, such as "48h:100,24h:50" (m, h or d)',
        "What a cancellation that long before the start gives back; less notice gives nothing",
        None,
        "all of it before the start",
    )


class ConflictScopes(BaseModel):
    """Who decides whether a slot is free, by venue type."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    hotel: ConflictScope = _scope()
    restaurant: ConflictScope = _scope()
    cafe: ConflictScope = _scope()
    retail: ConflictScope = _scope()


class RefundPolicies(BaseModel):
    """What a cancellation gives back, by venue type."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    hotel: RefundPolicy | None = _refund()
    restaurant: RefundPolicy | None = _refund()
    cafe: RefundPolicy | None = _refund()
    retail: RefundPolicy | None = _refund()


class RulesSection(Section, prefix="BOOKING_RULES__"):
    """Decimals are allowed in all of them, so that a test need not wait for a whole minute."""

    min_lead_minutes: Duration = setting(
        "a number of minutes, 0 or more",
        "A booking starts at least this long after it was sent; 0 for phone and walk_in",
        30.0,
    )
    max_days_ahead: Annotated[PositiveDuration, Field(le=3660)] = setting(
        "a number of days above 0, at most 3660", "A booking starts at most this far ahead", 365.0
    )
    confirmation_minutes: PositiveDuration = setting(
        "a number of minutes above 0", "A pending booking expires after this", 15.0
    )
    idempotency_hours: PositiveDuration = setting(
        "a number of hours above 0", "An idempotency key is remembered this long", 24.0
    )
    no_show_grace_minutes: Duration = setting(
        "a number of minutes, 0 or more", "A no-show is one this long after the start", 15.0
    )
    check_in_early_minutes: Duration = setting(
        "a number of minutes, 0 or more", "Check-in opens this long before the start", 720.0
    )
    undo_patience_minutes: Duration = setting(
        "a number of minutes, 0 or more",
        "A call whose answer was lost may land this long after; what is owed for it is looked at"
        " until then",
        2.0,
    )
    conflict_scope: ConflictScopes = setting(
        "one variable per venue type, such as BOOKING_RULES__CONFLICT_SCOPE__HOTEL",
        "",
        ConflictScopes(),
    )
    refund: RefundPolicies = setting(
        "one variable per venue type, such as BOOKING_RULES__REFUND__HOTEL", "", RefundPolicies()
    )

    def value(self, fallback: Fallback) -> Rules:
        refunds = {kind: getattr(self.refund, kind.value) for kind in VenueType}
        return Rules(
            min_lead=timedelta(minutes=self.min_lead_minutes),
            max_ahead=timedelta(days=self.max_days_ahead),
            confirmation_window=timedelta(minutes=self.confirmation_minutes),
            no_show_grace=timedelta(minutes=self.no_show_grace_minutes),
            check_in_early=timedelta(minutes=self.check_in_early_minutes),
            idempotency_window=timedelta(hours=self.idempotency_hours),
            undo_patience=timedelta(minutes=self.undo_patience_minutes),
            conflict_scope={kind: getattr(self.conflict_scope, kind.value) for kind in VenueType},
            refund={kind: steps for kind, steps in refunds.items() if steps is not None},
            fallback=fallback,
        )
