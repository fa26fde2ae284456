"""The one client of a partner: deadline, retries, circuit breaker, and a limit on what it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Self, TypeVar

import msgspec
import structlog
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError, RequestTimeoutError
from pyreqwest.response import Response

from adapters.partners.breaker import Breaker
from adapters.partners.exchange import Exchange, FailedError, GarbledError
from adapters.partners.figures import NO_FIGURES, PartnerFigures
from adapters.partners.retry import pause_seconds, retry_after_seconds
from domain.effects import Partner, PartnerAnswer, PartnerCall, PartnerUnavailable
from domain.policies.patience import after_unheard

C = TypeVar("C", bound=PartnerCall)

NOT_ASKED: Final = "circuit breaker open"
BODY_LIMIT_BYTES: Final = 256 * 1024
_CONNECT_SECONDS: Final = 2
_AGAIN: Final = frozenset({429, 502, 503, 504})
# These say that the request was turned away at the door. Not so 409 and 422: "key already used".
_SURELY_NOTHING: Final = frozenset({400, 401, 403, 404, 405, 413, 415, 429})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PartnerSettings:
    """Where a partner is, and how patient we are: `timeout_seconds` for each attempt, body and all.

    A Retry-After longer than `timeout_seconds` is not waited for.
    """

    url: str
    timeout_seconds: float = 5.0
    attempts: int = 3
    token: str | None = field(default=None, repr=False)
    breaker_failures: int = 10
    breaker_reset_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt without a usable answer."""

    detail: str
    may_have_happened: bool
    try_again: bool = False
    retry_after: float | None = None
    partner_is_well: bool = False  # it answers, but refuses us: nothing for the breaker
    reason: str = "failed"  # for those who count


class PartnerClient:
    """Asks one partner; an async context manager around its connections."""

    def __init__(
        self,
        partner: Partner,
        settings: PartnerSettings,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        figures: PartnerFigures = NO_FIGURES,
    ) -> None:
        self._figures = figures
        self._partner = partner
        self._settings = settings
        self._clock = clock
        self._jitter = jitter
        self._base_url = settings.url.rstrip("/")
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if settings.token is not None:
            self._headers["authorization"] = f"Bearer {settings.token}"
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_reset_seconds)

    async def __aenter__(self) -> Self:
        self._http: Client = (
            ClientBuilder()
            .no_proxy()
            .follow_redirects(False)
            .gzip(False)  # a small answer must not unfold into a large one
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .connect_timeout(timedelta(seconds=_CONNECT_SECONDS))
            .timeout(timedelta(seconds=self._settings.timeout_seconds))
            .default_headers(self._headers)
            .build()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    @property
    def is_left_alone(self) -> bool:
        """Whether its breaker is open."""
        return self._breaker.is_open

    async def ask(self, exchange: Exchange[C], call: C, trace: Mapping[str, str]) -> PartnerAnswer:
        """The partner's answer after as many attempts as it takes, or why there is none."""
        self._breaker, admitted = self._breaker.admit(self._clock())
        if not admitted:
            return PartnerUnavailable(self._partner, NOT_ASKED, False)
        url = self._base_url + exchange.path_of(call)
        body = None if exchange.body is None else msgspec.json.encode(exchange.body(call))
        headers = {"idempotency-key": call.key, **trace}
        may_have_happened = False
        attempt = 0
        while True:
            attempt += 1
            answer = await self._attempt(exchange, call, url, headers, body)
            if not isinstance(answer, _Failure):
                self._note(well=True)
                return after_unheard(answer) if may_have_happened else answer
            may_have_happened |= answer.may_have_happened
            self._figures.failed(call, answer.reason)
            pause = self._pause_after(attempt, answer)
            if pause is None:
                self._note(well=answer.partner_is_well)
                return PartnerUnavailable(self._partner, answer.detail, may_have_happened)
            await asyncio.sleep(pause)

    def _pause_after(self, attempt: int, failure: _Failure) -> float | None:
        """Seconds to the next attempt; None to give up."""
        if not failure.try_again or attempt >= self._settings.attempts or self._breaker.is_open:
            return None
        if failure.retry_after is None:
            return pause_seconds(attempt, self._jitter())
        if failure.retry_after > self._settings.timeout_seconds:
            return None
        return failure.retry_after + pause_seconds(1, self._jitter())  # not all at the same moment

    async def _attempt(
        self, exchange: Exchange[C], call: C, url: str, headers: dict[str, str], body: bytes | None
    ) -> PartnerAnswer | _Failure:
        request = self._http.get(url) if body is None else self._http.post(url).body_bytes(body)
        try:
            async with request.headers(headers).build_streamed() as response:
                read = exchange.reader(response.status)
                if read is None:
                    return _refused(response)
                return read(await _body_of(response), call)
        except RequestTimeoutError:
            detail = f"no answer within {self._settings.timeout_seconds} s"
            return _Failure(detail, may_have_happened=True, try_again=True, reason="timeout")
        except RequestError as error:
            return _unreachable(error)
        except GarbledError as garbled:
            detail = f"unusable answer: {garbled}"
            return _Failure(detail, may_have_happened=True, reason="garbled")
        except FailedError as failed:
            return _Failure(str(failed), may_have_happened=False, partner_is_well=True)

    def _note(self, *, well: bool) -> None:
        """Tell the breaker, and the log when it opens or closes."""
        before = self._breaker.is_open
        self._breaker = self._breaker.succeeded() if well else self._breaker.failed(self._clock())
        if self._breaker.is_open != before:
            _log.warning(
                "partner left alone" if self._breaker.is_open else "partner is back",
                partner=self._partner.value,
                failures_in_a_row=self._breaker.failures,
            )


async def _body_of(response: Response) -> bytes:
    """The whole body; raises GarbledError, without reading on, when it is over the limit."""
    length = response.get_header("content-length")
    if length is not None and length.isdigit():
        if int(length) > BODY_LIMIT_BYTES:
            raise GarbledError(f"expected at most {BODY_LIMIT_BYTES} bytes, got {length}")
        return bytes(await response.bytes())
    body = bytearray()
    while (chunk := await response.body_reader.read_chunk()) is not None:
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise GarbledError(f"expected at most {BODY_LIMIT_BYTES} bytes, got more")
    return bytes(body)


def _refused(response: Response) -> _Failure:
    """A status that has no meaning for this call."""
    status = response.status
    return _Failure(
        f"status {status}",
        may_have_happened=status not in _SURELY_NOTHING,
        try_again=status in _AGAIN,
        retry_after=retry_after_seconds(response.get_header("retry-after"), datetime.now(UTC)),
        partner_is_well=400 <= status < 500 and status != 429,
        reason="status",
    )


def _unreachable(error: RequestError) -> _Failure:
    """Pyreqwest calls it ConnectError also when the connection was cut after the request was sent;
    only the causes tell.
    """
    causes = [cause["message"] for cause in error.details["causes"] or []]
    return _Failure(
        f"connection failed: {causes[-1] if causes else error.message}",
        may_have_happened="client error (Connect)" not in causes,
        try_again=True,
        reason="connection",
    )
