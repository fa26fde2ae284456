"""Money: an exact amount in one currency; two currencies never meet in a sum."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final

from domain.values import dataclass

# ISO 4217: the active currencies; funds codes and metals are left out.
_TWO_DIGITS: Final = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON
    RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
    TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG""".split()
_DIGITS: Final = {
    **dict.fromkeys(_TWO_DIGITS, 2),
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}
_STEPS: Final = {code: Decimal(1).scaleb(-digits) for code, digits in _DIGITS.items()}
"""The smallest amount of each."""
_CENT: Final = _STEPS["EUR"]


def is_currency(code: str) -> bool:
    """Whether `code` is an active ISO 4217 currency, in capitals."""
    return code in _DIGITS


def minor_digits(currency: str) -> int:
    """Digits after the point: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency's own number of digits; may be zero, negative only as a difference.

    Raises ValueError for an unknown currency, a NaN or infinite amount, or too many digits.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if (step := _STEPS.get(self.currency)) is None:
            raise ValueError(f"expected an ISO 4217 currency, got {self.currency!r}")
        if not self.amount.is_finite():
            raise ValueError(f"expected a finite amount, got {self.amount}")
        if self.amount != self.amount.quantize(step):
            raise ValueError(f"{self.amount} has more digits than {self.currency} has")

    @classmethod
    def rounded(cls, amount: Decimal, currency: str) -> Money:
        """The nearest amount the currency can express, halves away from zero."""
        step = _STEPS.get(currency, _CENT)
        return cls(amount.quantize(step, ROUND_HALF_UP), currency)

    @classmethod
    @lru_cache(maxsize=256)
    def zero(cls, currency: str) -> Money:
        return cls(Decimal(0), currency)

    @property
    def is_zero(self) -> bool:
        return not self.amount

    def text(self) -> str:
        """Decimal text with the currency's digits: "110.00", "1500"."""
        return f"{self.amount:.{minor_digits(self.currency)}f}"

    def share(self, percent: Decimal) -> Money:
        """That percentage of it, rounded to what the currency can express."""
        return Money.rounded(self.amount * percent / 100, self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other.amount


@dataclass(frozen=True, slots=True)
class Price:
    """What a booking costs, and who said so; all four amounts share `total`'s currency."""

    base: Money
    tax: Money
    discount: Money
    total: Money
    is_fallback: bool
    decision_reference: str | None

    @property
    def currency(self) -> str:
        return self.total.currency
