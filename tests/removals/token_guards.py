"""The guards of tokens and signatures; the rest of them is told in docs/tokens.md."""

from __future__ import annotations

from typing import Final

from tests.removals.removal import Edit, Removal

_KEYS: Final = "tests/adapters/tokens/test_listed_keys.py"
_TOKENS: Final = "tests/adapters/tokens/test_listed_tokens.py"
_SIGNING: Final = "tests/adapters/tokens/test_signing_keys.py"
_WAITING: Final = "tests/handlers/test_keys_of_tokens.py"

TOKEN_REMOVALS: Final = (
    Removal(
        "the algorithm belongs to the key",
        (
            Edit(
                "adapters/tokens/compact.py",
                'right = [key for key in keys if self.header.get("alg") == key.algorithm_name]',
                "right = list(keys)",
            ),
        ),
        (f"{_TOKENS}::test_a_token_that_names_another_algorithm_than_its_key_is_refused",),
        "expected a refusal, got Guest",
    ),
    Removal(
        "forgetting what a former list let in",
        (Edit("adapters/tokens/authenticator.py", "self._genuine.clear()", "pass"),),
        (f"{_KEYS}::test_a_key_that_is_listed_no_more_is_refused_also_for_tokens_that_were_known",),
        r"assert \[True",
    ),
    Removal(
        "asking for an unknown key once a minute",
        (
            Edit(
                "adapters/tokens/listed_keys.py",
                " or self._clock() < self._asked_at + ASKED_EVERY_SECONDS",
                "",
            ),
        ),
        (f"{_KEYS}::test_unknown_kids_have_the_list_read_once_a_minute_at_most",),
        "assert 11 == 2",
    ),
    Removal(
        "waiting for keys that cannot be asked for",
        (
            Edit(
                "adapters/tokens/listed_keys.py",
                "if any(map(self.lacks, key_ids)) and self._is_patient():",
                "if False:",
            ),
        ),
        (f"{_WAITING}::test_a_command_under_a_new_key_waits_for_the_list_and_is_then_done",),
        "DID NOT RAISE",
    ),
    Removal(
        "not waiting for ever",
        (Edit("adapters/tokens/listed_keys.py", "return is_patient", "return True"),),
        (f"{_WAITING}::test_when_patience_is_over_only_the_unknown_key_is_refused",),
        "KeysAway",
    ),
    Removal(
        "a signature is for one value",
        (
            Edit(
                "adapters/tokens/service_signature.py",
                "[purpose, value, origin, principal]",
                "[purpose, origin, principal]",
            ),
        ),
        (f"{_SIGNING}::test_a_signature_cannot_be_used_on_another_record",),
        "is not None",
    ),
)
