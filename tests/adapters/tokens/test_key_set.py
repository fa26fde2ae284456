"""What of a JWK set may be used; whatever could make a stranger's token genuine must not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from adapters.tokens.key_set import MAX_ENTRIES, KeySet, NoKeySet
from adapters.tokens.keys import Algorithm
from tests.adapters.tokens.a_key import LISTED, KeyPair, a_key, key_list


def found(algorithm: Algorithm, *entries: KeyPair | dict[str, Any]) -> KeySet:
    return KeySet.parse(key_list(*entries), algorithm)


@pytest.mark.parametrize("algorithm", LISTED)
def test_a_listed_key_is_found_by_its_kid_and_bound_to_its_algorithm(algorithm: Algorithm) -> None:
    keys = found(algorithm, a_key("one", algorithm), a_key("two", algorithm))
    (key,) = keys.candidates("two")
    assert key.algorithm_name == algorithm
    assert keys.candidates("three") == ()
    assert keys.unusable == ()


@pytest.mark.parametrize("algorithm", LISTED)
@pytest.mark.parametrize("missing", ["alg", "use", "key_ops"])
def test_what_an_issuer_may_leave_out_may_be_missing(algorithm: Algorithm, missing: str) -> None:
    keys = found(algorithm, a_key("one", algorithm).public(**{missing: None}))
    assert keys.candidates("one")[0].algorithm_name == algorithm


@pytest.mark.parametrize("algorithm", LISTED)
@pytest.mark.parametrize("other", LISTED)
def test_a_key_of_another_kind_is_left_out(algorithm: Algorithm, other: Algorithm) -> None:
    keys = found(algorithm, a_key("one", other).public(alg=None))
    assert keys.is_empty is (algorithm != other)


@pytest.mark.parametrize("algorithm", LISTED)
@pytest.mark.parametrize("claimed", [None, "HS256", "same"])
def test_a_secret_in_a_public_list_is_left_out(algorithm: Algorithm, claimed: str | None) -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "one"}
    named = algorithm if claimed == "same" else claimed
    assert found(algorithm, secret | ({"alg": named} if named else {})).is_empty


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"alg": "RS256"}, "alg"),
        ({"alg": "none"}, "alg"),
        ({"alg": "HS256"}, "alg"),
        ({"alg": ["ES256"]}, "alg"),
        ({"use": "enc"}, "use"),
        ({"use": 1}, "use"),
        ({"key_ops": ["sign"]}, "key_ops"),
        ({"key_ops": []}, "key_ops"),
        ({"key_ops": "verify"}, "key_ops"),
        ({"kty": "oct"}, "kty"),
        ({"kty": None}, "kty"),
        ({"d": "AAAA"}, "private"),
        ({"k": "AAAA"}, "private"),
        ({"crv": "P-384"}, "crv"),
        ({"crv": None}, "crv"),
        ({"x": None}, "lacks"),
        ({"x": 5}, "lacks"),
        ({"x": ""}, "lacks"),
        ({"x": "a b"}, "lacks"),
        ({"x": "AAAA"}, "no key"),
        ({"y": a_key("other").public()["y"]}, "no key"),
        ({"kid": 5}, "kid"),
        ({"kid": ""}, "kid"),
        ({"kid": "a\nb"}, "kid"),
        ({"kid": "k" * 256}, "kid"),
    ],
)
def test_a_key_that_must_not_be_used_is_left_out_and_said_why(
    changes: dict[str, Any], reason: str
) -> None:
    keys = found("ES256", a_key("one").public(**changes), a_key("two"))
    assert keys.by_id.keys() == {"two"}
    assert keys.only is keys.by_id["two"]
    (said,) = keys.unusable
    assert said.startswith("key 1: ")
    assert reason in said


@pytest.mark.parametrize("entry", [None, 5, "key", [], [[]]])
def test_an_entry_that_is_no_object_is_left_out(entry: Any) -> None:
    assert found("ES256", entry, a_key("two")).by_id.keys() == {"two"}


def test_curves_other_than_the_algorithms_own_are_left_out() -> None:
    long = get_default_algorithms()["ES384"].to_jwk(
        generate_private_key(SECP384R1()).public_key(), as_dict=True
    )
    assert found("ES256", {**long, "kid": "one"}).is_empty
    assert found("ES256", {**long, "kid": "one", "crv": "P-256"}).is_empty
    other = get_default_algorithms()["EdDSA"].to_jwk(
        Ed448PrivateKey.generate().public_key(), as_dict=True
    )
    assert found("EdDSA", {**other, "kid": "one"}).is_empty


@pytest.mark.parametrize(("bits", "usable"), [(1024, False), (2047, False), (2048, True)])
def test_rsa_begins_at_2048_bits(bits: int, usable: bool) -> None:
    assert found("RS256", a_key("one", "RS256", bits)).is_empty is not usable


def test_an_rsa_key_so_long_that_each_check_takes_the_workers_time_is_left_out() -> None:
    even = a_key("one", "RS256").public()
    keys = found("RS256", {**even, "n": "_" * 1_500})
    assert "bits" in keys.unusable[0]


def test_a_kid_that_stands_for_several_keys_stands_for_none() -> None:
    keys = found("ES256", a_key("one"), a_key("two"), a_key("three").public(kid="two"))
    assert keys.by_id.keys() == {"one"}
    assert keys.unusable == ("kid two stands for several keys",)
    assert keys.only is None


def test_a_kid_may_stand_for_a_key_of_another_use_too() -> None:
    keys = found("ES256", a_key("one"), a_key("one", "RS256"), a_key("one").public(use="enc"))
    assert keys.by_id.keys() == {"one"}


def test_a_token_without_a_kid_is_tried_with_a_single_key_alone() -> None:
    one, nameless = a_key("one"), a_key("two").public(kid=None)
    assert len(found("ES256", one).candidates(None)) == 1
    assert len(found("ES256", nameless).candidates(None)) == 1
    assert found("ES256", one, nameless).candidates(None) == ()
    assert found("ES256", nameless, nameless).candidates(None) == ()
    assert found("ES256").candidates(None) == ()


def test_a_key_without_a_kid_is_none_for_a_token_that_names_one() -> None:
    assert found("ES256", a_key("one").public(kid=None)).candidates("one") == ()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": null}',
        b"\xff",
        b'{"keys": [], "keys": []}',
        b'{"keys": [NaN]}',
        b'{"keys": [' + b"[" * 40 + b"]" * 40 + b"]}",
        b'{"keys": [' + b",".join([b"{}"] * (MAX_ENTRIES + 1)) + b"]}",
        b'{"keys": []' + b" " * 300_000 + b"}",
    ],
)
def test_what_is_no_list_of_keys_is_refused_as_a_whole(text: bytes) -> None:
    with pytest.raises(NoKeySet):
        KeySet.parse(text, "ES256")


_MEMBERS = st.dictionaries(
    st.sampled_from(["kty", "crv", "alg", "use", "key_ops", "kid", "n", "e", "x", "y", "d", "k"]),
    st.one_of(
        st.none(),
        st.integers(-1, 2**60),
        st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "ES256", "sig", "AQAB"]),
        st.text("aZ9_-= é", max_size=20),
        st.lists(st.sampled_from(["verify", "sign"]), max_size=2),
    ),
    max_size=8,
)


_PAIRS = {(kid, algorithm): a_key(kid, algorithm).public() for kid in "ab" for algorithm in LISTED}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(LISTED), st.sampled_from("ab"), _MEMBERS), max_size=4),
    st.sampled_from(LISTED),
)
def test_whatever_is_listed_only_whole_keys_of_the_algorithm_come_out(
    entries: list[tuple[Algorithm, str, dict[str, Any]]], algorithm: Algorithm
) -> None:
    listed = [_PAIRS[kid, kind] | changes for kind, kid, changes in entries]
    keys = KeySet.parse(json.dumps({"keys": listed}).encode(), algorithm)
    for kid, key in keys.by_id.items():
        assert key.algorithm_name == algorithm
        half = key.Algorithm.to_jwk(key.key, as_dict=True)
        entry = {name: half[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in half}
        assert any(
            all(one.get(name) == value for name, value in entry.items())
            for one in listed
            if one.get("kid") == kid and "d" not in one and "k" not in one
        )
