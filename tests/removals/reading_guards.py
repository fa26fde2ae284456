"""The guards of queries that a replica or a memory answers: what docs/reads.md promises."""

from __future__ import annotations

from typing import Final

from tests.removals.removal import Edit, Removal

_CHOICE: Final = "tests/adapters/database/test_replica_choice.py"
_REPLICA: Final = "tests/adapters/database/test_replica.py"
_HEARING: Final = "tests/adapters/kafka/test_hearing_events.py"
_ROWS: Final = "tests/adapters/database/test_remembered_rows.py"
_CACHE: Final = "tests/handlers/test_cache.py"
_BROKEN: Final = "tests/adapters/database/test_broken_rows.py"
_PAGES: Final = "tests/adapters/database/test_pages.py"
_LIMITS: Final = "tests/handlers/test_limits.py"
_ANSWERS: Final = "tests/handlers/test_partner_answers.py"

READING_REMOVALS: Final = (
    Removal(
        "asking the primary for what a replica has older",
        (
            Edit(
                "adapters/database/replica.py",
                "for key, each in there.items() if each.version >= known.get(key, 0)",
                "for key, each in there.items()",
            ),
        ),
        (f"{_CHOICE}::test_nobody_gets_less_than_he_knows",),
        "assert",
    ),
    Removal(
        "leaving a replica alone after a failure",
        (
            Edit(
                "adapters/database/replica.py",
                "if self._clock() < self._resting_until:",
                "if False:",
            ),
        ),
        (f"{_CHOICE}::test_a_look_that_began_before_a_failure_ends_no_rest",),
        "assert",
    ),
    Removal(
        "a replica that has more than its primary",
        (
            Edit(
                "adapters/database/standby.py",
                "if standby.reached > primary.reached:  #",
                "if False:  #",
            ),
        ),
        (f"{_REPLICA}::test_a_standby_that_has_more_than_its_primary_is_no_copy_of_it",),
        "assert None is not None",
    ),
    Removal(
        "looking up again what is remembered older than somebody knows it",
        (
            Edit(
                "adapters/database/reads.py",
                "cache.held(reference, _no_older_than(known.get(reference, 0)))",
                "cache.held(reference)",
            ),
        ),
        (f"{_ROWS}::test_who_knows_a_later_version_gets_it",),
        "assert",
    ),
    Removal(
        "not keeping what changed while it was looked up",
        (Edit("handlers/cache.py", "load.changed.add(group)", "pass"),),
        (f"{_CACHE}::test_what_changed_while_it_was_looked_up_is_not_kept",),
        "assert 'old' is None",
    ),
    Removal(
        "remembering nothing while the events cannot be heard",
        (Edit("handlers/cache.py", "if not self._is_corrected:", "if False:"),),
        (f"{_CACHE}::test_whom_nobody_corrects_remembers_nothing",),
        "assert",
    ),
    Removal(
        "asking again after an event",
        (
            Edit(
                "handlers/partner_answers.py",
                "if other is None or not other.loading.is_current(question.venue_id):",
                "if other is None:",
            ),
        ),
        (f"{_ANSWERS}::test_who_asks_after_an_event_gets_no_answer_from_before",),
        "assert",
    ),
    Removal(
        "finding the one row that cannot be read",
        (
            Edit(
                "handlers/lookups.py",
                """        if len(keys) == 1:
            return {keys[0]: error}
""",
                """        raise error
""",
            ),
        ),
        (f"{_BROKEN}::test_a_booking_that_cannot_be_read_costs_no_other_its_answer",),
        "CannotRead",
    ),
    Removal(
        "bounds of a list in UTC",
        (
            Edit(
                "domain/queries.py",
                "object.__setattr__(self, name, at.astimezone(UTC))",
                "pass",
            ),
        ),
        (f"{_PAGES}::test_bounds_may_be_written_with_any_offset",),
        "CannotRead",
    ),
    Removal(
        "counting a query once",
        (Edit("handlers/limits.py", "if use[0] not in self._counted[use[0].partition]", ""),),
        (f"{_LIMITS}::test_a_batch_that_is_tried_again_is_counted_once",),
        "DID NOT RAISE",
    ),
    Removal(
        "asking the brokers of the events whether they are there",
        (Edit("adapters/kafka/hearing_events.py", "await watched.ask_brokers()", "pass"),),
        (f"{_HEARING}::test_while_the_broker_is_away_nothing_is_heard_and_that_is_said",),
        "TimeoutError",
    ),
)
