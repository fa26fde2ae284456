"""The guards that the service stands on, and the tests that notice when one is gone."""

from __future__ import annotations

from typing import Final

from tests.removals.reading_guards import READING_REMOVALS
from tests.removals.removal import Edit, Removal
from tests.removals.token_guards import TOKEN_REMOVALS

_FROZEN: Final = "tests/service/matrix/test_frozen.py"
_FENCE: Final = "tests/adapters/database/test_fence.py"
_FAULTS: Final = "tests/service/faults"
_KILLS: Final = "tests/service/test_kills.py"
_REPEATS: Final = "tests/service/one_worker/test_repeats.py"
_LIFECYCLE: Final = "tests/service/one_worker/test_lifecycle.py"
_THREE_WORKERS: Final = "tests/service/test_three_workers.py"
_AUDIT: Final = "tests/handlers/test_audit.py"
_SUSPECTS: Final = "tests/adapters/kafka/test_suspects.py"

REMOVALS: Final = (
    Removal(
        "exclusion constraint",
        (
            Edit(
                "adapters/database/migrations/versions/0012_claims_by_point.py",
                """claims_do_not_overlap,"
        f" add constraint claims_do_not_overlap exclude using gist ({overlap})"
""",
                'claims_do_not_overlap"\n',
            ),
        ),
        (f"{_THREE_WORKERS}::test_of_forty_creates_for_one_slot_exactly_one_gets_it",),
        "sold twice",
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
        (f"{_REPEATS}::test_a_repeated_command_id_gets_its_first_answer",),
        "UniqueViolationError",  # of outcomes; what the driver says is withheld
    ),
    Removal(
        "ids of what is retired",
        (
            Edit(
                "handlers/recall.py",
                "retired = await transaction.find_retired(unknown)",
                "retired = await transaction.find_retired([])",
            ),
        ),
        ("tests/handlers/test_retention.py",),
        "Differing items",
    ),
    Removal(
        "retiring by the database's clock",
        (
            Edit(
                "handlers/retention.py",
                "ended_before(min(now, clock), kept)",
                "ended_before(now, kept)",
            ),
        ),
        ("tests/adapters/database/test_clock_ahead.py",),
        "is no partition whose time is over",
    ),
    Removal(
        "stored answers",
        (
            Edit(
                "handlers/journal.py",
                """for key, answer in body["heard"].items():
                self._answers[key] = answer_from_json(answer)
""",
                """for answer in body["heard"].values():
                answer_from_json(answer)
""",
            ),
        ),
        (f"{_KILLS}::test_a_killed_create_goes_by_the_price_that_it_heard_first",),
        "another way than before the kill",
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
        (f"{_KILLS}::test_a_create_whose_worker_is_killed_in_a_call_is_done_once",),
        "AssertionError: reserved twice",
    ),
    Removal(
        "the Kafka fence",
        (
            Edit(
                "adapters/kafka/publishing.py",
                "transactional_id=settings.transactional_id(source.topic, source.partition)",
                "transactional_id="
                'f"{settings.transactional_id(source.topic, source.partition)}-{id(self)}"',
            ),
        ),
        (f"{_FROZEN}::test_a_confirm_survives_a_freeze_at_every_boundary",),
        "[1-9] replies and events came again",
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
        (f"{_FROZEN}::test_a_confirm_survives_a_freeze_at_every_boundary",),
        "are not under way, or have ended",
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
        (f"{_FROZEN}::test_a_lane_that_is_opened_late_begins_where_its_former_owner_ended",),
        "the group's offset went from",
    ),
    Removal(
        "waiting in on_partitions_revoked",
        (
            Edit(
                "adapters/kafka/commands_consumer.py",
                """        async with self._in_hand:
            await self._lanes.close_all()
            # What""",
                """        await self._lanes.close_all()
        if True:
            # What""",
            ),
        ),
        ("tests/service/test_joining.py",),
        "called by both workers",
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
        (f"{_SUSPECTS}::test_what_a_dead_worker_had_in_hand_is_done_alone_and_no_more",),
        "which of them was done alone",
    ),
    Removal(
        "forwarding to the home partition",
        (Edit("handlers/commands.py", "if home == item.record.partition:", "if True:"),),
        (f"{_THREE_WORKERS}::test_of_many_updates_of_one_version_exactly_one_is_made",),
        "PromiseBroken: expected to find booking",
    ),
    Removal(
        "undo rows",
        (
            Edit(
                "handlers/record.py",
                "rows[row.row_id] = replace(row, lies_at=at) if at else row\n",
                "rows[row.row_id] = replace(row, owed=(), lies_at=at)\n",
            ),
        ),
        (
            f"{_LIFECYCLE}::test_a_cancellation_stands_while_partners_are_away_and_is_made_good_later",
        ),
        "held for nobody",
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
        ("tests/service/test_set_back.py",),
        "new records in",
    ),
    Removal(
        "giving up transactions of a frozen worker",
        (
            Edit(
                "adapters/database/engines.py",
                '"idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_SECONDS * 1000)',
                '"idle_in_transaction_session_timeout": "0"',
            ),
        ),
        (
            f"{_FAULTS}/test_frozen_in_a_transaction.py::test_whoever_takes_over_gets_past_its_lock_and_it_changes_nothing_any_more",
        ),
        "TimeoutError",
    ),
    Removal(
        "ending what the server does not count as idle",
        (
            Edit(
                "adapters/database/fence.py",
                "await session.run(self._get_past)",
                "pass",
            ),
        ),
        (
            f"{_FAULTS}/test_frozen_in_a_transaction.py::test_a_statement_that_was_prepared_and_not_run_is_got_past_too",
        ),
        "TimeoutError",
    ),
    Removal(
        "a COMMIT that was not heard of counts as failed",
        (
            Edit(
                "adapters/database/session.py",
                "            await connection.commit()\n",
                "            with __import__('contextlib').suppress(Exception):\n"
                "                await connection.commit()\n",
            ),
        ),
        (f"{_FAULTS}/test_commits.py::test_a_create_has_one_outcome_whatever_became_of_a_commit",),
        "batch failed",
    ),
    Removal(
        "opening a lane waits for the transaction before",
        (
            Edit(
                "adapters/database/fence.py",
                '" for no key update of lanes" if dialect.name == "postgresql" else ""',
                '""',
            ),
        ),
        (f"{_FENCE}::test_opening_waits_for_a_transaction_that_has_read_the_epoch",),
        "assert not {<Task finished",
    ),
    Removal(
        "what is being committed is not aborted",
        (
            Edit(
                "adapters/kafka/publishing.py",
                "if self._producer._txn_manager.state not in _ABORTABLE:",
                "if self._producer._txn_manager.is_fatal_error():",
            ),
        ),
        (f"{_FAULTS}/test_ways.py::test_an_end_that_nobody_answers_is_an_outage_and_no_bug",),
        "Invalid state transition",
    ),
    Removal(
        "one counter for all workers",
        (
            Edit(
                "adapters/database/use_counts.py",
                "uses = rate_counts.uses + excluded.uses",
                "uses = excluded.uses",
            ),
        ),
        (
            "tests/service/test_limits.py::test_of_one_guests_creates_everywhere_exactly_so_many_are_accepted",
        ),
        "accepted",
    ),
    Removal(
        "counted and refused in one transaction",
        (
            Edit(
                "handlers/commands.py",
                "excess = [_closing(one, None) for one in begun if is_over_limit(one)]",
                "excess = []",
            ),
        ),
        (
            "tests/handlers/test_limits.py::test_wherever_the_worker_dies_as_many_are_accepted_as_are_allowed",
        ),
        "rate_limited",
    ),
    Removal(
        "repeats under the rights of now",
        (
            Edit(
                "handlers/lost_rights.py",
                "if known.start.principal != dump_principal(item.asked.principal)",
                "if False",
            ),
        ),
        (f"{_REPEATS}::test_who_lost_the_venue_hears_nothing_of_what_they_did_there",),
        "expected a refusal",
    ),
    Removal(
        "an audit entry with every outcome",
        (
            Edit(
                "handlers/record.py",
                "[*decided(closings, recordings), *notes]",
                "[*decided(closings[1:], recordings[1:]), *notes]",
            ),
        ),
        (f"{_AUDIT}::test_every_outcome_has_one_entry",),
        "IndexError|AssertionError",
    ),
    Removal(
        "answers wait for their audit entries",
        (
            Edit(
                "handlers/queries.py",
                "await self.auditor.write(self.audit, [entry for entry in entries if entry])",
                "entries.clear()",
            ),
        ),
        (f"{_AUDIT}::test_no_answer_comes_before_its_entry_stands",),
        "DID NOT RAISE",
    ),
    Removal(
        "append-only audit log",
        (
            Edit(
                "adapters/database/migrations/versions/0011_audit_cuts.py",
                "end if;\n        raise exception '{_REFUSES}';",
                "end if;\n        return coalesce(new, old);",
            ),
        ),
        ("tests/adapters/database/test_audit.py::test_the_log_cannot_be_emptied",),
        "DID NOT RAISE",
    ),
    Removal(
        "signed cuts of the audit log",
        (
            Edit(
                "app/auditing.py",
                "[anchor_of(each) for each in cuts if is_signed(each, keys)]",
                "[anchor_of(each) for each in cuts]",
            ),
        ),
        ("tests/app/test_audit_cuts.py::test_who_has_only_the_database_cannot_cut",),
        "AssertionError",
    ),
    Removal(
        "links of the audit log",
        (
            Edit(
                "handlers/audit_chain.py",
                'return None if row["previous"] == head.hash else "does not follow from the one'
                ' before"',
                "return None",
            ),
        ),
        ("tests/handlers/test_audit_chain.py",),
        "assert",
    ),
    Removal(
        "three copies of every topic",
        (Edit("adapters/kafka/topics.py", "copies = 3 if brokers >= 3 else 1", "copies = 1"),),
        (
            f"{_FAULTS}/test_cluster.py::test_a_cluster_keeps_topics_three_times_and_two_nodes_have_to_confirm",
        ),
        "Differing items",
    ),
    Removal(
        "looking after the database when idle",
        (Edit("app/main.py", "beside(sweeping.run(), looking.run())", "beside(sweeping.run())"),),
        (f"{_FAULTS}/test_readiness.py::test_a_migration_that_is_pending",),
        "TimeoutError",
    ),
    Removal(
        "standing still by partition",
        (Edit("adapters/kafka/commands_consumer.py", "if not self._stuck:", "if sources:"),),
        ("tests/adapters/kafka/test_readiness.py",),
        "the work of 7 says nothing about 3",
    ),
    *TOKEN_REMOVALS,
    *READING_REMOVALS,
)
