"""What the guest pays with is kept for whoever resumes the command, and for nobody else."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from domain.booking import PaymentStatus
from domain.effects import CreateIntent, Intent
from domain.money import Money
from handlers.journal import Journal

_CALL = CreateIntent(
    "k",
    UUID(int=1),
    "BR-1",
    Money(Decimal(110), "EUR"),
    UUID(int=2),
    payment_method_id='pm-canary"',
)
_ANSWER = Intent("pi_1", PaymentStatus.REQUIRES_PAYMENT, client_secret="secret-canary")


def test_an_entry_has_it_and_the_story_has_not() -> None:
    journal = Journal()
    journal.about_to(_CALL)
    asked = journal.write()
    journal.hear(_CALL, _ANSWER)
    assert "pm-canary" in asked
    assert '"payment_method_id":null' in journal.story()
    assert '"client_secret":null' in journal.story()
    assert "canary" not in journal.story()


@pytest.mark.parametrize("is_answered", [False, True])
def test_the_story_of_a_resumed_command_has_it_neither(is_answered: bool) -> None:
    first = Journal()
    first.about_to(_CALL)
    if is_answered:
        first.hear(_CALL, _ANSWER)
    resumed = Journal([first.write()])
    assert resumed.begun() == [(_CALL, _ANSWER if is_answered else None)]
    assert "canary" not in resumed.story()
    assert resumed.story() == first.story()
