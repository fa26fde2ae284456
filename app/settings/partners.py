"""Where the partner services are, and how patient the worker is with them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from app.settings.section import Section, setting
from app.settings.words import Count, PositiveDuration, comma_separated
from domain.booking import VenueType
from domain.money import is_currency
from domain.rules import Fallback

if TYPE_CHECKING:
    from adapters.partners import PartnerSettings

# No user and password: it is shown.
_URL: Final = r"^https?://(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?(/[^\s?#]*)?$"
_DAY_SECONDS: Final = 86_400


def _of_one_kind(urls: tuple[str, ...]) -> tuple[str, ...]:
    """An http:// one beside others would get what they keep secret, whenever they are away."""
    different = {url.rstrip("/") for url in urls}
    if len({url.partition(":")[0] for url in urls}) != 1 or len(different) != len(urls):
        raise ValueError("expected addresses that are all http or all https, each once")
    return urls


Urls = Annotated[
    tuple[Annotated[str, Field(pattern=_URL)], ...],
    BeforeValidator(comma_separated),
    AfterValidator(_of_one_kind),
]
Price = Annotated[Decimal, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class PartnerSection(Section):
    """What all three have in common."""

    url: Urls = setting(
        "an http:// or https:// address without query and password, or several of one kind,"
        " separated by commas",
        "Where the service answers; several share the calls",
    )
    resolve_seconds: Annotated[int, Field(ge=0, le=_DAY_SECONDS)] = setting(
        "a whole number of seconds, 0 for never",
        "How often the names in it are looked up again; the addresses of a name share the calls",
        30,
    )
    timeout_seconds: PositiveDuration = setting(
        "a number of seconds above 0", "For one call, its body included", 5.0
    )
    attempts: Annotated[Count, Field(le=20)] = setting(
        "a whole number from 1 to 20", "Tries of one call, as far as it is safe to repeat", 3
    )
    token: SecretStr | None = setting("a service token", "Sent as Bearer", None)
    breaker_failures: Count = setting(
        "a whole number from 1 on", "Failures in a row after which nobody calls any more", 10
    )
    breaker_reset_seconds: PositiveDuration = setting(
        "a number of seconds above 0", "Then one trial call this often", 10.0
    )

    @property
    def value(self) -> PartnerSettings:
        from adapters.partners import PartnerSettings

        return PartnerSettings(
            urls=self.url,
            resolve_seconds=self.resolve_seconds,
            timeout_seconds=self.timeout_seconds,
            attempts=self.attempts,
            token=self.token.get_secret_value() if self.token else None,
            breaker_failures=self.breaker_failures,
            breaker_reset_seconds=self.breaker_reset_seconds,
        )


class InventorySection(PartnerSection, prefix="BOOKING_INVENTORY__"):
    """The service that knows rooms and tables."""


class PaymentSection(PartnerSection, prefix="BOOKING_PAYMENT__"):
    """The service that takes money and gives it back."""


def _fallback_price() -> Any:
    return setting("a price above 0", "Price per person while pricing is away; none: refused", None)


class FallbackPrices(BaseModel):
    """What a person costs while nobody can be asked, by venue type."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    hotel: Price | None = _fallback_price()
    restaurant: Price | None = _fallback_price()
    cafe: Price | None = _fallback_price()
    retail: Price | None = _fallback_price()


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError("expected a currency")
    return code


class PricingSection(PartnerSection, prefix="BOOKING_PRICING__"):
    """The service that makes prices, and what is done without it."""

    when_unavailable: Literal["fallback", "reject"] = setting(
        "fallback or reject", "Without an answer: take the fallback price, or refuse", "fallback"
    )
    fallback: FallbackPrices = setting(
        "one variable per venue type, such as BOOKING_PRICING__FALLBACK__HOTEL",
        "",
        FallbackPrices(),
    )
    fallback_currency: Annotated[str, AfterValidator(_currency)] = setting(
        "an ISO 4217 currency in capitals", "Of the fallback prices", "EUR"
    )

    @property
    def fallback_value(self) -> Fallback:
        prices = {kind: getattr(self.fallback, kind.value) for kind in VenueType}
        return Fallback(
            is_allowed=self.when_unavailable == "fallback",
            currency=self.fallback_currency,
            per_person={kind: price for kind, price in prices.items() if price is not None},
        )
