"""One trace from the sender through the service and on to whoever hears of it."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from domain.effects import GetQuote
from handlers.ports import Output
from tests.fakes.partners import FakePartners
from tests.handlers.onlookers import Onlookers
from tests.handlers.world import VENUE, World

TRACE, SENDER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = [("traceparent", f"00-{TRACE}-{SENDER}-01".encode()), ("tracestate", b"shop=7")]
UNSAMPLED = [("traceparent", f"00-{TRACE}-{SENDER}-00".encode())]
STAGES = ["intake", "survey", "recall", "questions", "partners", "record", "publish"]


class Traced:
    """A world with spans, and partners that remember which context they were called in."""

    def __init__(self, **environ: str) -> None:
        self.onlookers = Onlookers(**environ)
        self.partners = FakePartners()
        self.world = World(partners=self.partners, onlookers=self.onlookers)

    @property
    def commands(self) -> list[ReadableSpan]:
        spans = self.onlookers.spans
        return [s for s in spans if s.kind is SpanKind.CONSUMER]

    @property
    def batch(self) -> ReadableSpan:
        (batch,) = [s for s in self.onlookers.spans if s.name.startswith("batch ")]
        return batch

    def below(self, parent: ReadableSpan) -> list[ReadableSpan]:
        children = [s for s in self.onlookers.spans if s.parent and s.parent.span_id == _id(parent)]
        return sorted(children, key=lambda span: span.start_time or 0)


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def traceparent(span: ReadableSpan) -> bytes:
    assert span.context is not None
    here = span.context
    return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}".encode()


def names(spans: Sequence[ReadableSpan]) -> list[str]:
    return [span.name for span in spans]


def said(outputs: Sequence[Output]) -> list[bytes | None]:
    return [dict(output.headers).get("traceparent") for output in outputs]


async def test_a_create_is_one_trace_from_its_sender_to_its_reply_and_event() -> None:
    seen = Traced()
    seen.world.create(headers=SAMPLED)
    await seen.world.deliver()
    (command,) = seen.commands
    assert command.name == "create_booking"
    assert command.parent is not None
    assert (f"{command.parent.trace_id:032x}", f"{command.parent.span_id:016x}") == (TRACE, SENDER)
    assert said(seen.world.to("booking.replies")) == [traceparent(command)]
    assert said(seen.world.to("booking.events")) == [traceparent(command)]
    calls = [span for span in seen.below(command) if span.kind is SpanKind.CLIENT]
    assert sorted(names(calls)) == [
        "inventory check",
        "inventory reserve",
        "payment intent",
        "pricing calculate",
    ]
    stages = [span for span in seen.below(command) if span.kind is SpanKind.INTERNAL]
    assert list(dict.fromkeys(names(stages))) == STAGES
    assert {f"{s.context.trace_id:032x}" for s in (command, *calls, *stages) if s.context} == {
        TRACE
    }
    told = dict(command.attributes or {})
    assert (told["booking.code"], told["booking.status"]) == ("ok", 201)
    assert command.status.status_code is StatusCode.UNSET


async def test_a_partner_is_called_in_the_context_of_its_own_call() -> None:
    seen = Traced()
    seen.world.create(headers=SAMPLED)
    await seen.world.deliver()
    calls = {traceparent(s).decode() for s in seen.onlookers.spans if s.kind is SpanKind.CLIENT}
    assert {trace["traceparent"] for trace in seen.partners.traces} == calls
    assert {trace["tracestate"] for trace in seen.partners.traces} == {"shop=7"}


async def test_two_commands_of_a_batch_keep_their_traces_and_are_linked_to_it() -> None:
    seen = Traced()
    other = "1" * 32
    seen.world.create(hour=1, headers=SAMPLED)
    seen.world.create(hour=9, headers=[("traceparent", f"00-{other}-{SENDER}-01".encode())])
    await seen.world.deliver()
    first, second = seen.commands
    assert [f"{s.context.trace_id:032x}" for s in (first, second) if s.context] == [TRACE, other]
    batch = seen.batch
    assert batch.parent is None
    assert [link.context.span_id for link in batch.links] == [_id(first), _id(second)]
    assert [link.context.span_id for link in first.links] == [_id(batch)]
    assert list(dict.fromkeys(names(seen.below(batch)))) == STAGES


async def test_a_refused_command_says_why_and_its_reply_goes_on() -> None:
    seen = Traced()
    seen.world.create(party_size=0, headers=SAMPLED)
    await seen.world.deliver()
    (command,) = seen.commands
    assert dict(command.attributes or {})["booking.code"] == "validation_failed"
    assert said(seen.world.to("booking.replies")) == [traceparent(command)]
    assert [s for s in seen.below(command) if s.kind is SpanKind.CLIENT] == []


async def test_what_the_service_fails_on_is_an_error_and_what_it_refuses_is_none() -> None:
    seen = Traced()
    seen.partners.is_away_for(GetQuote, times=9)
    seen.world.create(headers=SAMPLED)
    await seen.world.deliver()
    (command,) = seen.commands
    assert command.status.status_code is StatusCode.ERROR
    failed = [s for s in seen.below(command) if s.status.status_code is StatusCode.ERROR]
    assert names(failed) == ["pricing calculate"]


async def test_a_later_wave_is_not_told_of_as_an_earlier_ones_time() -> None:
    seen = Traced()
    seen.world.create(command_id=VENUE, headers=SAMPLED)
    seen.world.create(command_id=VENUE, headers=SAMPLED)
    await seen.world.deliver()
    first, second = seen.commands
    assert names(seen.below(first)).count("recall") == 1
    assert names(seen.below(second)).count("recall") == 1
    assert names(seen.below(seen.batch)).count("recall") == 2


async def test_of_what_is_not_sampled_nothing_is_made_and_its_context_goes_on() -> None:
    seen = Traced()
    seen.world.create(headers=UNSAMPLED)
    await seen.world.deliver()
    assert seen.onlookers.spans == ()
    assert said(seen.world.to("booking.replies")) == [dict(UNSAMPLED)["traceparent"]]
    assert said(seen.world.to("booking.events")) == [dict(UNSAMPLED)["traceparent"]]
    assert {t["traceparent"] for t in seen.partners.traces} == {UNSAMPLED[0][1].decode()}


async def test_a_command_without_a_trace_begins_one() -> None:
    seen = Traced()
    seen.world.create()
    await seen.world.deliver()
    (command,) = seen.commands
    assert command.parent is None
    assert said(seen.world.to("booking.replies")) == [traceparent(command)]


async def test_a_small_share_makes_no_spans_for_the_rest_and_no_headers_either() -> None:
    seen = Traced(OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0")
    seen.world.create(hour=1)
    seen.world.create(hour=9, headers=SAMPLED)
    await seen.world.deliver()
    (command,) = seen.commands
    assert [link.context.span_id for link in seen.batch.links] == [_id(command)], (
        "a batch is kept for the message in it that is"
    )
    assert said(seen.world.to("booking.replies")) == [None, traceparent(command)]


async def test_the_services_own_commands_begin_traces_of_their_own() -> None:
    seen = Traced()
    await seen.world.booked(headers=SAMPLED)
    seen.world.later(minutes=16)
    await seen.world.sweep()
    await seen.world.settle()
    expiry = seen.commands[-1]
    assert (expiry.name, expiry.parent) == ("expire_booking", None)


async def test_a_delivery_that_failed_ends_its_span_and_the_next_has_its_own() -> None:
    seen = Traced()
    seen.world.create(headers=SAMPLED)
    await seen.world.deliver(abort=True)
    (failed,) = seen.commands
    assert dict(failed.attributes or {})["booking.comes_again"] is True
    await seen.world.settle()
    _, done = seen.commands
    assert said(seen.world.to("booking.replies")) == [traceparent(done)]
    assert said(seen.world.to("booking.events")) == [traceparent(failed)], "stored bytes stay"


async def test_a_sampler_that_keeps_everything_does_not_ask_the_sender() -> None:
    seen = Traced(OTEL_TRACES_SAMPLER="always_on")
    seen.world.create(headers=UNSAMPLED)
    await seen.world.deliver()
    (command,) = seen.commands
    assert said(seen.world.to("booking.replies")) == [traceparent(command)]


async def test_a_query_is_traced_too() -> None:
    seen = Traced()
    booking = await seen.world.booked()
    reply = await seen.world.ask("get_booking", {"booking_id": booking["id"]}, headers=SAMPLED)
    query = seen.commands[-1]
    assert query.name == "get_booking"
    assert reply.headers["traceparent"] == traceparent(query)
