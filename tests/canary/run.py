"""A day on which everything that is personal or secret carries a mark; then every byte is searched.

Own servers, so that all their files can be read. The day has every command, refusals of every kind,
partners and servers that fail, records that nobody can read, and the operators' tools.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from app.demo.partners.faults import Fault, Kind
from app.local_servers import LocalServers
from tests.canary.marks import PERSONAL, Secrets, a_marked_create, mark
from tests.canary.search import Found, leaks
from tests.service import callers
from tests.service.asking import failing, move
from tests.service.callers import NOBODY, Caller, a_guest, a_manager, an_admin
from tests.service.client import Reply
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.own_servers import own_servers
from tests.service.story import at_rest

TOOLS: tuple[tuple[str, ...], ...] = (
    ("dlq", "list"),
    ("dlq", "redrive", "--all", "--dry-run"),
    ("undo", "list", "--all"),
    ("replay", "--dry-run"),
    ("rebuild", "--dry-run"),
    ("topics", "check"),
    ("rekey",),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What was searched for where; `readable` is what could still be read of the erased guest."""

    marks: int
    searched_bytes: int
    found: Sequence[Found]
    readable: Sequence[str]

    @property
    def is_clean(self) -> bool:
        return not self.found and not self.readable


async def run(progress: Callable[[str], None]) -> Report:
    """One day, its search, and what is left of a guest who was erased at its end."""
    secrets = Secrets()
    with own_servers(progress) as servers:
        async with a_house(servers.kafka, servers.postgres, settings=secrets.settings()) as house:
            await house.has_members(1)
            day = Day(house, servers, secrets)
            progress("the day begins")
            await day.happens()
            printed = await day.tools()
            progress("searching")
            await house.rows("checkpoint")
            marks = [*PERSONAL.values(), *secrets.all(), *day.tokens]
            found, searched = await asyncio.to_thread(leaks, marks, house, servers, printed)
            readable = await day.left_of_the_guest()
            return Report(len(marks), searched, found, readable)


class Day:
    """Two guests, of whom one is erased, their venue, and all that goes wrong."""

    def __init__(self, house: House, servers: LocalServers, secrets: Secrets) -> None:
        self._house = house
        self._servers = servers
        self._secrets = secrets
        self._venue = str(uuid4())
        self._guest = self._signed(a_guest(), "guest")
        venues = [self._venue]
        self._staff = self._signed(a_manager(self._venue), "manager", venue_ids=venues)
        self._admin = self._signed(an_admin(), "admin")
        self._bookings: list[dict[str, Any]] = []

    def _signed(self, caller: Caller, role: str, **claims: Any) -> Caller:
        """With the house's own secret."""
        token = callers.token(caller.sub, role, secret=self._secrets.auth, **claims)
        return Caller(caller.sub, token)

    @property
    def tokens(self) -> list[str]:
        """Their signatures: nobody has any use of the rest."""
        known = (self._guest, self._staff, self._admin)
        return [each.token.rsplit(".", 1)[1] for each in known if each.token]

    async def happens(self) -> None:
        await self._bookings_come_and_go()
        await self._much_is_refused()
        await self._nobody_can_read_these()
        await self._partners_fail()
        await self._servers_fail()
        await at_rest(self._house)

    async def _create(self, hours: float, **fields: Any) -> Reply:
        return await self._house.client.command(
            self._guest,
            "create_booking",
            a_marked_create(self._venue, hours, **fields),
            idempotency_key=f"{PERSONAL['key']}-{hours}",
        )

    async def _bookings_come_and_go(self) -> None:
        house, staff = self._house, self._staff
        paid, gone, plain = [(await self._create(hours)).data for hours in (6, 30, 60)]
        await move(house, self._guest, paid["id"], "confirmed")
        change = {
            "booking_id": plain["id"],
            "expected_version": 1,
            "internal_notes": PERSONAL["internal_notes"],
            "guest_name": f"{PERSONAL['guest_name']} again",
        }
        await house.client.command(staff, "update_booking", change)
        await house.client.command(
            self._guest, "cancel_booking", {"booking_id": gone["id"], "reason": PERSONAL["reason"]}
        )
        await move(house, staff, paid["id"], "checked_in", reason=PERSONAL["reason"])
        await move(house, staff, paid["id"], "completed")
        for caller in (self._guest, staff, self._admin):
            for query in ("get_booking", "get_booking_history"):
                await house.client.query(caller, query, {"booking_id": plain["id"]})
        await house.client.query(staff, "list_venue_bookings", {"venue_id": self._venue})
        self._bookings = [paid, gone, plain]

    async def _much_is_refused(self) -> None:
        client, stranger = self._house.client, self._signed(a_guest(), "guest")
        await self._create(6.5)  # no capacity, or taken
        await self._create(90, guest_email=PERSONAL["guest_name"], party_size=-1)
        await self._create(90.5, booking_time=PERSONAL["guest_name"])
        about = {"booking_id": self._bookings[2]["id"], "reason": PERSONAL["reason"]}
        for caller in (stranger, NOBODY, Caller("x", f"{mark('bad')}.{mark('bad')}.x")):
            await client.command(caller, "cancel_booking", about)
        await client.command(self._guest, "cancel_booking", about | {"refund_amount": "1"})
        again = str(uuid4())
        for hours in (200, 201):  # one id, two contents
            data = a_marked_create(self._venue, hours)
            await client.command(self._guest, "create_booking", data, command_id=again)

    async def _nobody_can_read_these(self) -> None:
        junk = PERSONAL["junk"]
        for value in (junk.encode(), json.dumps({"type": junk}).encode(), b"\xff" + junk.encode()):
            for topic in ("commands", "queries"):
                await self._house.client.publish(topic, value)

    async def _partners_fail(self) -> None:
        desks = self._house.partners
        kinds = (Kind.ERROR_AFTER_EFFECT, Kind.GARBAGE, Kind.CUT_AFTER_EFFECT)
        for number, kind in enumerate(kinds):
            for desk in (desks.inventory, desks.pricing, desks.payment):
                with failing(desk, Fault(kind, times=None)):
                    await self._create(300 + 10 * number)

    async def _servers_fail(self) -> None:
        """Both are away while a command is done."""
        for server in (self._servers.postgres, self._servers.kafka):
            asked = asyncio.create_task(self._create(400 + id(server) % 97))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            await asked

    async def tools(self) -> list[tuple[str, bytes]]:
        """What operators' tools print, of which none was asked for what is personal."""
        stories = [("why", each["booking_reference"]) for each in self._bookings]
        printed = []
        for command in (*TOOLS, *stories):
            for options in ((), ("--json",)):
                ran = await booking(self._house, *command, *options)
                printed.append((" ".join((*command, *options)), (ran.out + ran.err).encode()))
        return printed

    async def left_of_the_guest(self) -> list[str]:
        """Of whom everything is asked that can be asked, once they are erased."""
        house, client = self._house, self._house.client
        erased = await client.command(self._guest, "erase_guest", {"guest_id": self._guest.sub})
        assert erased.status == 200, erased.body
        answers = [
            await client.query(self._admin, query, {"booking_id": each["id"]})
            for each in self._bookings
            for query in ("get_booking", "get_booking_history")
        ]
        listed = {"guest_id": self._guest.sub}
        answers.append(await client.query(self._admin, "list_guest_bookings", listed))
        told = [("answers", b"".join(each.record.value or b"" for each in answers))]
        for each in self._bookings:
            ran = await booking(house, "why", each["booking_reference"], "--personal")
            told.append(("why --personal", (ran.out + ran.err).encode()))
        listed_letters = await booking(house, "dlq", "list", "--json")
        for letter in listed_letters.json["letters"]:
            if letter["reason"] != "unreadable":  # nobody knows whose those are
                ran = await booking(house, "dlq", "show", letter["id"], "--personal")
                told.append(("dlq show --personal", (ran.out + ran.err).encode()))
        return [
            f"{what}: {each}"
            for what, content in told
            for each in PERSONAL.values()
            if each.encode() in content
        ]
