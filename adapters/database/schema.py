"""What the schema of a database lacks while a worker uses it; the least that can be asked of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.documents import Documents
from adapters.database.revisions import APPLIED, revisions
from adapters.database.session import reading


class SqlSchema:
    """Implements handlers.ports.Schema."""

    def __init__(self, engine: AsyncEngine, documents: Documents) -> None:
        self._engine = engine
        self._documents = documents

    async def pending(self) -> Sequence[str]:
        """The revisions that are not applied, oldest first; none where a newer worker has migrated.

        Raises DatabaseAway.
        """
        known = revisions()
        async with reading(self._engine, self._documents) as session:
            try:
                applied = [row.version_num for row in await session.run(APPLIED)]
            except DBAPIError:  # no outage, so there is no such table
                return known
        if not applied:
            return known
        if applied[0] not in known:
            return ()
        return known[known.index(applied[0]) + 1 :]
