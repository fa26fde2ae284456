"""The guards that the service stands on, and the tests that notice when one is gone."""

from __future__ import annotations

from typing import Final

from tests.removals.removal import Edit, Removal

REMOVALS: Final = (
    Removal(
        "exclusion constraint",
        (
            Edit(
                "adapters/database/migrations/versions/0001_everything.py",
                """
    alter table claims add constraint claims_do_not_overlap exclude using gist (
        uuidrange(venue_id, venue_id, '[]') with &&, unit with &&, during with &&
    )
""",
                "select 1",
            ),
        ),
        ("tests/service/test_three_workers.py", "-k", "forty_creates"),
    ),
    Removal(
        "command-id dedupe",
        (
            Edit(
                "handlers/recall.py",
                "known = dict(await transaction.find_commands([item.row_id for item in items]))",
                "known = dict(await transaction.find_commands([]))",
            ),
            Edit(
                "adapters/database/starting.py",
                'conflict="(row_id) do nothing"',
                'conflict="(row_id) do update set decided = excluded.decided"',
            ),
        ),
        ("tests/service/one_worker/test_repeats.py",),
    ),
    Removal(
        "stored answers",
        (Edit("handlers/commands.py", "Journal(begun.journal)", "Journal()"),),
        ("tests/service/test_kills.py", "tests/handlers/test_crashes.py"),
    ),
    Removal(
        "keys to partners",
        (
            Edit(
                "adapters/partners/client.py",
                '"idempotency-key": call.key',
                '"idempotency-key": __import__("uuid").uuid4().hex',
            ),
        ),
        ("tests/service/test_kills.py",),
    ),
    Removal(
        "the Kafka fence",
        (
            Edit(
                "adapters/kafka/publishing.py",
                '{settings.group_id}-{source.topic}-{source.partition}"',
                '{settings.group_id}-{source.topic}-{source.partition}-{id(self)}"',
            ),
        ),
        ("tests/adapters/kafka/test_frozen_worker.py",),
    ),
    Removal(
        "the database epoch",
        (
            Edit(
                "adapters/database/fence.py",
                "partition for partition, epoch in epochs.items() if current.get(partition) !="
                " epoch",
                "partition for partition in epochs if partition not in current",
            ),
        ),
        ("tests/adapters/database/test_fence.py",),
    ),
    Removal(
        "throwing away the first batch",
        (
            Edit(
                "adapters/kafka/commands_consumer.py",
                "        return lanes\n\n    async def _do(",
                "        return self._lanes.opened(parts)\n\n    async def _do(",
            ),
        ),
        ("tests/adapters/kafka/test_lanes.py",),
    ),
    Removal(
        "waiting in on_partitions_revoked",
        (
            Edit(
                "adapters/kafka/commands_consumer.py",
                """        self._standstill.over()
        async with self._in_hand:
            await self._lanes.close_all()
""",
                """        self._standstill.over()
        await self._lanes.close_all()
""",
            ),
        ),
        ("tests/adapters/kafka/test_rebalance.py",),
    ),
    Removal(
        "doing suspects alone",
        (
            Edit(
                "adapters/kafka/lanes.py",
                "return self.suspect_until is not None and record.offset < self.suspect_until",
                "return False",
            ),
        ),
        ("tests/adapters/kafka/test_suspects.py",),
    ),
    Removal(
        "forwarding to the home partition",
        (Edit("handlers/commands.py", "if home == item.record.partition:", "if True:"),),
        ("tests/service/test_three_workers.py",),
    ),
    Removal(
        "undo rows",
        (
            Edit(
                "handlers/record.py",
                "            rows |= {row.row_id: row for row in"
                " self._recording(closing, rows, now)}\n",
                "            rows |= {row.row_id: replace(row, owed=()) for row in"
                " self._recording(closing, rows, now)}\n",
            ),
            Edit(
                "handlers/record.py",
                "from dataclasses import dataclass\n",
                "from dataclasses import dataclass, replace\n",
            ),
        ),
        ("tests/service/test_outages.py", "tests/service/test_kills.py"),
    ),
    Removal(
        "the published mark",
        (
            Edit(
                "handlers/commands.py",
                "return mark is not None and mark.covers(record.coordinates)",
                "return False",
            ),
        ),
        ("tests/handlers/test_replays.py",),
    ),
)
