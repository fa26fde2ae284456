"""The page that a person reads: the booking now, its commands in time order, what is owed.

Colours help and are never needed: everything that they say stands there in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from app.cli.printing import shown

Account = Mapping[str, Any]

_INDENT: Final = "    "
_GOOD, _BAD, _DIM, _BOLD, _OPEN = "green", "red", "dim", "bold", "yellow"


def page_of(account: Account) -> Iterator[Text]:
    """Line by line; strangers' words in it as app/cli/printing has them."""
    account = shown(account)
    yield from _booking(account)
    for command in account["commands"]:
        yield Text()
        yield from _command(command)
    if account["undo"]:
        yield Text()
        yield Text("owed to partners", _BOLD)
        for row in account["undo"]:
            yield from undo_lines(row)
    if not account["with_personal_data"] and account["booking"]:
        yield Text()
        yield Text("Name, email, phone, requests, notes and reasons: with --personal.", _DIM)


def undo_lines(row: Account) -> Iterator[Text]:
    """One thing owed: what, since when, and what became of the tries."""
    row = shown(row)
    done = row["done_at"]
    line = Text("  ").append("done " if done else "OPEN ", _GOOD if done else _OPEN)
    yield line.append(f"{row['partner']}: {row['what']}")
    tries = f"{row['attempts']} {'try' if row['attempts'] == 1 else 'tries'}"
    ends = f"done {_short(done)}" if done else f"next {_short(row['next_try'])}"
    yield Text(f"{_INDENT}   since {_short(row['since'])}, {tries}, {ends}", _DIM)
    about = row["booking_reference"] or row["booking_id"]
    yield Text(f"{_INDENT}   booking {about}, venue {row['venue_id']}", _DIM)
    if row["detail"]:
        yield Text(f"{_INDENT}   last told: {row['detail']}", _DIM if done else _OPEN)
    yield Text(f"{_INDENT}   undo {row['undo_id']}", _DIM)


def _booking(account: Account) -> Iterator[Text]:
    booking = account["booking"]
    if booking is None:
        yield Text("There is no booking: what was to make it was refused, or has not ended.", _BOLD)
        yield from _waiting(account["waits_for"])
        return
    title = Text(booking["booking_reference"], _BOLD).append(f"  {booking['status']}", _OPEN)
    yield title.append(f"  version {booking['version']}  {booking['id']}", _DIM)
    item = booking["inventory_item_id"] or "the whole venue"
    name = f" {booking['venue_name']}" if booking["venue_name"] else ""
    yield _fact("where", f"{booking['venue_type']}{name}, {item}  (venue {booking['venue_id']})")
    yield _fact("when", f"{booking['booking_time']} to {booking['end_time']}")
    yield _fact("who", f"guest {booking['guest_id']}, party of {booking['party_size']}")
    if account["with_personal_data"]:
        for name in ("guest_name", "guest_email", "guest_phone", "special_requests"):
            yield _fact(name.removeprefix("guest_"), str(booking[name]))
        for name in ("internal_notes", "cancellation_reason"):
            yield _fact(name.replace("_", " "), str(booking[name]))
    currency = booking["currency"]
    yield _fact("price", f"{booking['total_price']} {currency}, {booking['price_source']}")
    paid = f"paid {booking['amount_paid']}, refunded {booking['amount_refunded']}"
    intent = booking["payment_intent_id"] or "no intent"
    yield _fact("money", f"{booking['payment_status']}, {paid} {currency}  ({intent})")
    yield _fact("hold", _hold(account, booking))
    yield from _waiting(account["waits_for"])


def _hold(account: Account, booking: Account) -> str:
    claims = [f"{c['item'] or 'whole venue'} {c['starts_at']}" for c in account["claims"]]
    claimed = f"slot claimed: {', '.join(claims)}" if claims else "no slot claimed"
    return f"{booking['inventory_reservation_id']}, {claimed}"


def _waiting(waits: Sequence[str]) -> Iterator[Text]:
    if not waits:
        yield _fact("waits for", "nothing; what comes next comes from a client", _GOOD)
    for each in waits:
        yield _fact("waits for", each, _OPEN)


def _fact(name: str, what: str, style: str | None = None) -> Text:
    return Text(f"  {name:<10}", _DIM).append(what, style or "none")


def _command(command: Account) -> Iterator[Text]:
    outcome = command["outcome"]
    line = Text(_short(command["decided"]), _DIM).append(f"  {command['operation']}", _BOLD)
    line.append("  ").append(*_ending(outcome))
    took = f"  {command['took_ms']} ms" if command["took_ms"] is not None else ""
    yield line.append(f"{took}  by {command['by']}")
    run = f", run {command['run']}" if command["run"] else ""
    yield Text(f"{_INDENT}command {command['command_id']}{run}", _DIM)
    where = f"{_INDENT}sent {_short(command['sent'])} at {command['sent_at']}"
    if command["read_at"] != command["sent_at"]:
        where += f", done at {command['read_at']}"
    yield Text(where, _DIM)
    if outcome and outcome["detail"]:
        yield Text(f"{_INDENT}{outcome['detail']}", _BAD)
    rows = [*map(_call, command["calls"]), *_claims(command), *_outputs(outcome)]
    for number, row in enumerate(rows, start=1):
        yield Text(f"{_INDENT}{'└' if number == len(rows) else '├'} ", _DIM).append_text(row)


def _ending(outcome: Account | None) -> tuple[str, str]:
    if outcome is None:
        return "STARTED, NOT ENDED", _OPEN
    if outcome["code"] is not None:
        return f"{outcome['status']} {outcome['code']}", _BAD
    if outcome["outcome_of"] is not None:
        return f"{outcome['status']}, the outcome of {outcome['outcome_of']}", _DIM
    return str(outcome["status"]), _GOOD


def _call(call: Account) -> Text:
    at = _clock(call["made"]) if call["made"] else "--:--:--.---"
    line = Text(f"{at}  {call['partner']} {call['call']}")
    if call["arguments"]:
        line.append(f"  {_listed(call['arguments'])}", _DIM)
    answer = call["answer"]
    if answer is None:
        return line.append("  no answer was heard", _OPEN)
    is_bad = answer["kind"] in {"PartnerUnavailable", "Full", "Declined"}
    told = {name: value for name, value in answer.items() if name not in {"kind", "partner"}}
    line.append(f"  → {answer['kind']} {_listed(told)}".rstrip(), _BAD if is_bad else _GOOD)
    return line if call["took_ms"] is None else line.append(f"  {call['took_ms']} ms", _DIM)


def _claims(command: Account) -> Iterator[Text]:
    if command["lost_claims"]:
        yield Text("the slot was claimed by another booking", _BAD)


def _outputs(outcome: Account | None) -> Iterator[Text]:
    if outcome is None:
        return
    if reply := outcome["reply"]:
        to = "" if reply["partition"] is None else f"/{reply['partition']}"
        line = Text(f"reply {outcome['status']} to {reply['topic']}{to}")
        yield line.append(f"  correlation id {reply['correlation_id']}", _DIM)
    for event in outcome["events"]:
        line = Text(f"event {event['type']}, version {event['version']}")
        yield line.append(f"  {event['event_id']}", _DIM)
    if reason := outcome["dead_letter"]:
        yield Text(f"dead letter, {reason}: see booking dlq list", _BAD)


def _listed(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _short(instant: str) -> str:
    return instant.replace("T", " ")


def _clock(instant: str) -> str:
    return instant[11:23]
