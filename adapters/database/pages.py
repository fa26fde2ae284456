"""Pages of bookings: all that a batch asks for in one statement for each kind of list.

Each question is a row of the statement's document, with every bound set, so that the same plan
serves all. PostgreSQL answers row by row from an index in the order of the page; SQLite, which has
no LATERAL, numbers all that there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Integer, column
from sqlalchemy.sql.selectable import TextualSelect

from adapters.database.documents import Document, Documents
from adapters.database.tables import bookings
from handlers.ports import GuestPage, Page

MOST_ROWS: Final = 2_000
"""That one statement brings; they are in memory together until they are bookings."""
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)
_NO_ID: Final = UUID(int=0)
_OF_GUEST: Final = (
    "guest_id = q.owner and (q.status is null or bookings.status = q.status)"
    " and (q.venues is null or {is_among_venues})"
)
# Not "q.status is null or", which no index can be used for: a venue may have millions.
_OF_VENUE: Final = "venue_id = q.owner"
_OF_VENUE_IN_STATUS: Final = "venue_id = q.owner and bookings.status = q.status"
_ON_PAGE: Final = (
    "booking_time >= q.starts_from and booking_time < q.starts_before"
    # The first condition is for the index, which cannot use the second.
    " and booking_time <= q.last_start and (booking_time < q.last_start or id > q.last_id)"
)
_IN_ORDER: Final = "booking_time desc, id"
_COLUMNS: Final[Mapping[str, Column[Any] | type]] = {
    "ord": int,
    "owner": bookings.c.venue_id,
    "starts_from": bookings.c.booking_time,
    "starts_before": bookings.c.booking_time,
    "last_start": bookings.c.booking_time,
    "last_id": bookings.c.id,
    "status": str,
    "venues": str,
    "most": int,
}


class Pages:
    """The statements, and how questions are put to them."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._statements = {
            kind: self._statement(kind) for kind in (_OF_GUEST, _OF_VENUE, _OF_VENUE_IN_STATUS)
        }

    def statements(self, asked: Collection[Page]) -> Iterator[tuple[TextualSelect, Sequence[Page]]]:
        """Each with the pages that it is for, which bring no more than MOST_ROWS. A row that comes
        back has the place of its page among them (`ord`), and then the columns of `bookings`.
        """
        by_kind: dict[str, list[Page]] = defaultdict(list)
        for page in asked:
            by_kind[_kind_of(page)].append(page)
        for kind, pages in by_kind.items():
            for some in _within_most_rows(pages):
                yield self._statements[kind], some

    def _statement(self, kind: str) -> TextualSelect:
        questions = self._documents.rows_typed(_COLUMNS, alias="q")
        is_among_venues = self._documents.contains("q.venues", "venue_id")
        found = self._documents.first_of_each(
            questions,
            bookings,
            where=f"{kind.format(is_among_venues=is_among_venues)} and {_ON_PAGE}",
            order=_IN_ORDER,
            most="q.most",
        )
        names = ", ".join(f"page.{each.name}" for each in bookings.c)
        return self._documents.select(
            f"select page.ord, {names} from ({found}) as page order by page.ord, {_IN_ORDER}",
            column("ord", Integer()),
            *bookings.c,
        )


def questions(pages: Sequence[Page]) -> Document:
    """The document of a statement for these pages."""
    return [_question(place, page) for place, page in enumerate(pages)]


def _question(place: int, page: Page) -> Mapping[str, object]:
    listing = page.listing
    last_start, last_id = listing.after or (_LATEST, _NO_ID)
    if isinstance(page, GuestPage):
        owner, venues = page.guest_id, page.venue_ids
    else:
        owner, venues = page.venue_id, None
    return {
        "ord": place,
        "owner": owner,
        "starts_from": listing.starts_from or _EARLIEST,
        "starts_before": listing.starts_before or _LATEST,
        "last_start": last_start,
        "last_id": last_id,
        "status": listing.status,
        "venues": None if venues is None else " ".join(map(str, venues)),
        "most": listing.limit + 1,
    }


def _kind_of(page: Page) -> str:
    if isinstance(page, GuestPage):
        return _OF_GUEST
    return _OF_VENUE if page.listing.status is None else _OF_VENUE_IN_STATUS


def _within_most_rows(pages: Sequence[Page]) -> Iterator[Sequence[Page]]:
    """As many at a time as bring no more than MOST_ROWS; one at least."""
    some: list[Page] = []
    rows = 0
    for page in pages:
        rows += page.listing.limit + 1
        if some and rows > MOST_ROWS:
            yield some
            some, rows = [], page.listing.limit + 1
        some.append(page)
    if some:
        yield some
