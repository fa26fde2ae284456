"""What only one may have: idempotency keys for a while, booking references for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import column

from adapters.database.column_types import KNOWN_ID
from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import booking_references, idempotency_keys
from handlers.ports import KeyClaim, KeyHolder, PromiseBroken


class Uniqueness:
    """Takes keys and references, inside a transaction of the caller's; always in sorted order."""

    def __init__(self, documents: Documents) -> None:
        # "do update" locks the row of a loser too, so that its holder cannot go before we look.
        self._take_keys = documents.insert(
            idempotency_keys,
            conflict="(key_id) do update set row_id = excluded.row_id,"
            " request_hash = excluded.request_hash, taken_at = excluded.taken_at,"
            " expires_at = excluded.expires_at"
            " where idempotency_keys.expires_at < excluded.taken_at",
            returning=[column("key_id", KNOWN_ID)],
        )
        self._keys = documents.find(idempotency_keys, idempotency_keys.c.key_id)
        self._take_references = documents.insert(
            booking_references,
            conflict="do nothing",
            returning=[column("booking_id", KNOWN_ID)],
        )
        self._references = documents.find(booking_references, booking_references.c.booking_id)

    async def take_keys(
        self, session: Session, claims: Sequence[KeyClaim]
    ) -> Mapping[UUID, KeyHolder]:
        """Each key's holder afterwards; of several claims to one key the first takes it."""
        wanted: dict[UUID, KeyClaim] = {}
        for claim in claims:
            wanted.setdefault(claim.key_id, claim)
        rows = [
            {
                "key_id": claim.key_id,
                "row_id": claim.row_id,
                "request_hash": claim.request_hash,
                "taken_at": claim.sent,
                "expires_at": claim.expires_at,
            }
            for claim in sorted(wanted.values(), key=lambda claim: claim.key_id.int)
        ]
        taken = {row.key_id for row in await session.run(self._take_keys, rows)}
        others = [{"key_id": key_id} for key_id in wanted if key_id not in taken]
        held = await session.run(self._keys, others)
        return {
            **{
                key_id: KeyHolder(claim.row_id, claim.request_hash)
                for key_id, claim in wanted.items()
                if key_id in taken
            },
            **{row.key_id: KeyHolder(row.row_id, row.request_hash) for row in held},
        }

    async def take_references(
        self, session: Session, references: Mapping[UUID, str]
    ) -> frozenset[UUID]:
        """The bookings whose reference another one has."""
        in_order = sorted(references.items(), key=lambda item: item[1])
        rows = await session.run(
            self._take_references,
            [{"reference": text, "booking_id": booking_id} for booking_id, text in in_order],
        )
        refused = references.keys() - {row.booking_id for row in rows}
        standing = await session.run(self._references, [{"booking_id": each} for each in refused])
        for row in standing:
            if row.reference != references[row.booking_id]:
                raise PromiseBroken(
                    f"booking {row.booking_id} has the reference {row.reference},"
                    f" not {references[row.booking_id]}"
                )
        return frozenset(refused - {row.booking_id for row in standing})
