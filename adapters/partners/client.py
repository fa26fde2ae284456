"""The one client of a partner: deadline, retries, circuit breaker, and a limit on what it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Self, TypeVar

import msgspec
import structlog
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError, RequestTimeoutError
from pyreqwest.response import Response

from adapters.partners.addresses import Address, AddressCounts, Addresses
from adapters.partners.breaker import Breaker
from adapters.partners.exchange import Exchange, FailedError, GarbledError
from adapters.partners.figures import NO_FIGURES, PartnerFigures
from adapters.partners.names import Names, Resolver, host_of
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

    A Retry-After longer than `timeout_seconds` is not waited for. The names in `urls` are looked up
    again every `resolve_seconds`; 0: never, that is left to the HTTP client.
    """

    urls: tuple[str, ...]
    resolve_seconds: float = 30.0
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
    reached: bool = True  # False: there was no connection, so that nothing was sent
    means_all: bool = False  # what it says about us holds at its other addresses too


class PartnerClient:
    """Asks one partner; an async context manager around its connections."""

    def __init__(
        self,
        partner: Partner,
        settings: PartnerSettings,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        resolver: Resolver,
        figures: PartnerFigures = NO_FIGURES,
    ) -> None:
        self._figures = figures
        self._partner = partner
        self._settings = settings
        self._clock = clock
        self._jitter = jitter
        self._resolver = resolver
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if settings.token is not None:
            self._headers["authorization"] = f"Bearer {settings.token}"
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_reset_seconds)

    async def __aenter__(self) -> Self:
        urls = tuple(url.rstrip("/") for url in self._settings.urls)
        self._addresses = Addresses(self._partner, urls, self._connect)
        self._names = Names(
            self._partner,
            urls,
            self._addresses,
            every_seconds=self._settings.resolve_seconds,
            resolver=self._resolver,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._addresses.close()

    @property
    def addresses(self) -> AddressCounts:
        """How many of its addresses serve and rest now."""
        return self._addresses.counts

    def follow_names(self) -> Coroutine[None, None, None]:
        """Keep to what its names say, until cancelled."""
        return self._names.follow()

    def _connect(self, url: str, ip: str | None) -> Client:
        """A client for each address, since each keeps its own connections alive: what is sent to
        it, the Host header and the name that TLS checks stay those of the URL.
        """
        builder = (
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
        )
        if ip is not None:
            builder = builder.resolve(host_of(url), ip, 0)  # the port is always the URL's
        return builder.build()

    @property
    def is_left_alone(self) -> bool:
        """Whether its breaker is open."""
        return self._breaker.is_open

    async def ask(self, exchange: Exchange[C], call: C, trace: Mapping[str, str]) -> PartnerAnswer:
        """The partner's answer after as many attempts as it takes, or why there is none."""
        now = self._clock()
        self._breaker, admitted = self._breaker.admit(now)
        if not admitted:
            return PartnerUnavailable(self._partner, NOT_ASKED, False)
        path = exchange.path_of(call)
        body = None if exchange.body is None else msgspec.json.encode(exchange.body(call))
        headers = {"idempotency-key": call.key, **trace}
        failed: set[Address] = set()
        may_have_happened = False
        attempt = 0
        while True:
            attempt += 1
            answer = await self._attempt(exchange, call, path, headers, body, failed, now)
            if not isinstance(answer, _Failure):
                if self._breaker.failures:
                    self._note(well=True)
                return after_unheard(answer) if may_have_happened else answer
            may_have_happened |= answer.may_have_happened
            self._figures.failed(call, answer.reason)
            pause = self._pause_after(attempt, answer, failed)
            if pause is None:
                self._note(well=answer.partner_is_well)
                return PartnerUnavailable(self._partner, answer.detail, may_have_happened)
            await asyncio.sleep(pause)
            now = self._clock()

    def _pause_after(self, attempt: int, failure: _Failure, failed: set[Address]) -> float | None:
        """Seconds to the next attempt; None to give up."""
        if not failure.try_again or attempt >= self._settings.attempts or self._breaker.is_open:
            return None
        elsewhere = self._addresses.has_serving_other_than(failed, self._clock())
        if failure.retry_after is None or (elsewhere and not failure.means_all):
            return pause_seconds(attempt, self._jitter())
        if failure.retry_after > self._settings.timeout_seconds:
            return None
        return failure.retry_after + pause_seconds(1, self._jitter())  # not all at the same moment

    async def _attempt(
        self,
        exchange: Exchange[C],
        call: C,
        path: str,
        headers: dict[str, str],
        body: bytes | None,
        failed: set[Address],
        now: float,
    ) -> PartnerAnswer | _Failure:
        """At the first address that can be reached, all within the deadline of one attempt."""
        gives_up_at = now + self._settings.timeout_seconds
        seconds_left = None
        while True:
            address = self._addresses.choose(now, failed)
            answer = await self._exchange(
                address, exchange, call, path, headers, body, seconds_left
            )
            if not isinstance(answer, _Failure) or answer.partner_is_well:
                if address.rest.failures:
                    self._addresses.answered(address)
                return answer
            failed.add(address)
            now = self._clock()
            self._addresses.failed(address, now, reached=answer.reached, detail=answer.detail)
            seconds_left = gives_up_at - now
            if answer.reached:
                return answer
            self._names.want()
            if not self._addresses.has_other_than(failed):
                return answer if len(failed) == 1 else _nowhere(answer, len(failed))
            if seconds_left <= 0:
                return answer

    async def _exchange(
        self,
        address: Address,
        exchange: Exchange[C],
        call: C,
        path: str,
        headers: dict[str, str],
        body: bytes | None,
        seconds_left: float | None,
    ) -> PartnerAnswer | _Failure:
        url = address.url + path
        http = address.http
        request = http.get(url) if body is None else http.post(url).body_bytes(body)
        if seconds_left is not None:
            request = request.timeout(timedelta(seconds=seconds_left))
        address.in_flight += 1
        try:
            async with request.headers(headers).build_streamed() as response:
                read = exchange.reader(response.status)
                if read is None:
                    return _refused(response)
                if _is_within_the_limit(response):
                    return read(bytes(await response.bytes()), call)
                return read(await _up_to_the_limit(response), call)
        except RequestError as error:
            return self._without_answer(error)
        except GarbledError as garbled:
            detail = f"unusable answer: {garbled}"
            return _Failure(detail, may_have_happened=True, reason="garbled")
        except FailedError as failed:
            return _Failure(str(failed), may_have_happened=False, partner_is_well=True)
        finally:
            address.in_flight -= 1

    def _without_answer(self, error: RequestError) -> _Failure:
        """The types tell little: pyreqwest calls a cut connection a ConnectError, and any timeout a
        ConnectTimeoutError. Only the causes say whether there was a connection.
        """
        causes = [cause["message"] for cause in error.details["causes"] or []]
        reached = "client error (Connect)" not in causes
        if reached and isinstance(error, RequestTimeoutError):
            reason, detail = "timeout", f"no answer within {self._settings.timeout_seconds} s"
        else:
            reason = "connection"
            detail = f"connection failed: {causes[-1] if causes else error.message}"
        return _Failure(
            detail, may_have_happened=reached, try_again=True, reached=reached, reason=reason
        )

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


def _is_within_the_limit(response: Response) -> bool:
    """By what it says of its length; raises GarbledError, with the body unread, when that is over
    the limit.
    """
    length = response.get_header("content-length")
    if length is None or not length.isdigit():
        return False
    if int(length) > BODY_LIMIT_BYTES:
        raise GarbledError(f"expected at most {BODY_LIMIT_BYTES} bytes, got {length}")
    return True


async def _up_to_the_limit(response: Response) -> bytes:
    """The whole body; raises GarbledError, without reading on, when it is over the limit."""
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
        retry_after=retry_after_seconds(_retry_after(response), datetime.now(UTC)),
        partner_is_well=400 <= status < 500 and status != 429,
        reason="status",
        means_all=status == 429,
    )


def _retry_after(response: Response) -> str | None:
    """The header as text; None when there is none, or its bytes are no ASCII."""
    try:
        return response.get_header("retry-after")
    except ValueError:
        return None


def _nowhere(last: _Failure, addresses: int) -> _Failure:
    """There is no address left to try; the last one's trouble stands for all."""
    return replace(last, detail=f"{addresses} addresses failed, the last one: {last.detail}")
