"""How often principals may ask, by role and class of operation."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.settings.section import Section, setting
from app.settings.words import Count
from domain.limits import NO_LIMITS, Limits, OperationClass
from domain.principal import Admin, Business, Guest, Principal

_UNLIMITED: Final = "unlimited"


def _allowance(written: object) -> object:
    return None if written == _UNLIMITED else written


Allowance = Annotated[Count | None, BeforeValidator(_allowance)]
"""How many in a window; None: as many as they like, and they are not counted."""


def _allowed(counts: OperationClass, number: int) -> Any:
    return setting("a whole number from 1 to 1000000, or unlimited", _MEANING[counts], number)


_MEANING: Final = {
    OperationClass.CREATE: "Creates of one principal in a window",
    OperationClass.CHANGE: "Updates, cancellations and changes of status, together",
    OperationClass.READ: "Look-ups, lists and histories, together",
    OperationClass.AVAILABILITY: "Availability checks, which ask inventory and pricing",
}


class _Allowed(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class GuestLimits(_Allowed):
    """Of one guest."""

    create: Allowance = _allowed(OperationClass.CREATE, 60)
    change: Allowance = _allowed(OperationClass.CHANGE, 120)
    read: Allowance = _allowed(OperationClass.READ, 600)
    availability: Allowance = _allowed(OperationClass.AVAILABILITY, 300)


class BusinessLimits(_Allowed):
    """Of one member of staff or manager; a venue's own software speaks as one of them."""

    create: Allowance = _allowed(OperationClass.CREATE, 3_000)
    change: Allowance = _allowed(OperationClass.CHANGE, 6_000)
    read: Allowance = _allowed(OperationClass.READ, 30_000)
    availability: Allowance = _allowed(OperationClass.AVAILABILITY, 15_000)


class AdminLimits(_Allowed):
    """Of one admin; a service that books for everybody speaks as one."""

    create: Allowance = _allowed(OperationClass.CREATE, 30_000)
    change: Allowance = _allowed(OperationClass.CHANGE, 60_000)
    read: Allowance = _allowed(OperationClass.READ, 300_000)
    availability: Allowance = _allowed(OperationClass.AVAILABILITY, 150_000)


class LimitsSection(Section, prefix="BOOKING_LIMITS__"):
    """How often one principal may ask, all workers together; beyond that it is `rate_limited`."""

    mode: Literal["on", "off"] = setting(
        "on or off",
        "off: nobody is limited, and nothing is counted; the same where authentication is off",
        "on",
    )
    window_seconds: Annotated[int, Field(ge=1, le=86_400)] = setting(
        "a whole number of seconds from 1 to 86400",
        "Length of the windows; at the turn of two, as much as both allow may come at once",
        60,
    )
    guest: GuestLimits = setting(
        "one variable per class, such as BOOKING_LIMITS__GUEST__CREATE", "", GuestLimits()
    )
    business: BusinessLimits = setting(
        "one variable per class, such as BOOKING_LIMITS__BUSINESS__CREATE", "", BusinessLimits()
    )
    admin: AdminLimits = setting(
        "one variable per class, such as BOOKING_LIMITS__ADMIN__CREATE", "", AdminLimits()
    )

    @property
    def value(self) -> Limits:
        if self.mode == "off":
            return NO_LIMITS
        roles: dict[type[Principal], _Allowed] = {
            Guest: self.guest,
            Business: self.business,
            Admin: self.admin,
        }
        numbers = {
            role: {each: getattr(allowed, each.value) for each in OperationClass}
            for role, allowed in roles.items()
        }
        return Limits(
            timedelta(seconds=self.window_seconds),
            {
                role: {counts: n for counts, n in by_class.items() if n is not None}
                for role, by_class in numbers.items()
                if any(n is not None for n in by_class.values())
            },
        )
