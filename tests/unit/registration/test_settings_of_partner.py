from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ocpi.faults import Fault, Invalid
from ocpi.registration.settings_of_partner import (
    DEFAULTS,
    LEARNABLE,
    changed_settings,
    given_settings,
    partner_settings,
    token_habits,
)
from ocpi.store.port import Partner, PartnerStatus

PLAIN = Partner("p-1", "EMSP", "Partner", PartnerStatus.REGISTERED, "2026-01-01T00:00:00Z")
ALL = {
    "token_encoding": "auto",
    "explicit_nulls": False,
    "trailing_slash": "keep",
    "push": {"locations": True, "sessions": True, "cdrs": True, "tariffs": True, "tokens": True},
    "patch": True,
    "requests_per_minute": 600,
    "page_size": 100,
}


def with_settings(**given: Any) -> Partner:
    return replace(PLAIN, settings=given)


def test_what_nobody_set_is_the_default() -> None:
    assert given_settings(PLAIN) == partner_settings(PLAIN) == ALL


def test_what_was_given_counts_and_of_pushes_one_by_one() -> None:
    found = given_settings(with_settings(page_size=7, push={"cdrs": False}))
    assert found == {**ALL, "page_size": 7, "push": {**ALL["push"], "cdrs": False}}  # type: ignore[dict-item] # a dict
    assert DEFAULTS["push"]["cdrs"] is True


@pytest.mark.parametrize(
    ("given", "learned", "expected"),
    [
        ({}, {"token_encoding": "base64"}, "base64"),
        ({}, {"token_encoding": "plain"}, "plain"),
        ({}, {"token_encoding": "auto"}, "auto"),
        ({}, {"token_encoding": "rot13"}, "auto"),
        ({}, {"trailing_slash": "base64"}, "auto"),
        ({"token_encoding": "plain"}, {"token_encoding": "base64"}, "plain"),
        ({"token_encoding": "auto"}, {"token_encoding": "base64"}, "base64"),
    ],
)
def test_what_was_learned_counts_where_the_operator_leaves_it_to_us(
    given: dict[str, Any], learned: dict[str, str], expected: str
) -> None:
    partner = replace(with_settings(**given), learned=learned)
    assert partner_settings(partner)["token_encoding"] == expected
    assert given_settings(partner)["token_encoding"] == given.get("token_encoding", "auto")
    assert token_habits(partner) == {
        "encoding": given.get("token_encoding", "auto"),
        "learned": learned.get("token_encoding"),
    }


@pytest.mark.parametrize(
    ("given", "learned", "expected"),
    [
        ("keep", "add", "add"),
        ("keep", "strip", "strip"),
        ("keep", "keep", "keep"),
        ("keep", "base64", "keep"),
        ("add", "strip", "add"),
        ("strip", "add", "strip"),
    ],
)
def test_the_slash_is_learned_too(given: str, learned: str, expected: str) -> None:
    partner = replace(with_settings(trailing_slash=given), learned={"trailing_slash": learned})
    assert partner_settings(partner)["trailing_slash"] == expected


def test_what_can_be_learned_is_what_these_settings_know() -> None:
    assert LEARNABLE == {
        "token_encoding": ("auto", ("plain", "base64")),
        "trailing_slash": ("keep", ("add", "strip")),
    }


@pytest.mark.parametrize(
    "change",
    [
        {},
        *({"token_encoding": value} for value in ("plain", "base64", "auto")),
        *({"trailing_slash": value} for value in ("keep", "add", "strip")),
        *({name: value} for name in ("explicit_nulls", "patch") for value in (True, False)),
        *({"requests_per_minute": value} for value in (1, 60_000)),
        *({"page_size": value} for value in (1, 1000)),
        {"page_size": 5, "patch": False},
    ],
)
def test_a_change_that_fits_is_stored_beside_what_is_there(change: dict[str, Any]) -> None:
    before = with_settings(explicit_nulls=True, page_size=9)
    assert changed_settings(before, change) == {"explicit_nulls": True, "page_size": 9, **change}
    assert before.settings == {"explicit_nulls": True, "page_size": 9}


def test_a_change_of_one_push_leaves_the_others_and_no_change_writes_none() -> None:
    before = with_settings(push={"cdrs": False, "tokens": False})
    assert changed_settings(before, {"push": {"tokens": True}}) == {"push": {"cdrs": False, "tokens": True}}
    assert changed_settings(before, {"push": {}}) == {"push": {"cdrs": False, "tokens": False}}
    assert changed_settings(PLAIN, {"push": {"tokens": False}}) == {"push": {"tokens": False}}
    assert changed_settings(PLAIN, {"patch": True}) == {"patch": True}


BOOLEAN = "must be true or false"
PUSH = "must be an object of locations, sessions, cdrs, tariffs, tokens, each true or false"
RATE, SIZE = "must be a whole number from 1 to 60000", "must be a whole number from 1 to 1000"


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("token_encoding", ["", "Auto", None, 5, True], "must be one of plain, base64, auto"),
        ("trailing_slash", ["", "auto", None], "must be one of keep, add, strip"),
        ("explicit_nulls", [0, 1, "true", None], BOOLEAN),
        ("patch", [0, 1, "true", None], BOOLEAN),
        ("requests_per_minute", [0, 60_001, True, 1.5, "600", None], RATE),
        ("page_size", [0, -1, 1001, True, 5.0, "5", None], SIZE),
        ("push", [None, True, [], ["cdrs"], {"cdrs": 1}, {"commands": True}, {"cdrs": True, "x": True}], PUSH),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_does(name: str, values: list[Any], why: str) -> None:
    for value in values:
        with pytest.raises(Invalid) as refused:
            changed_settings(PLAIN, {name: value})
        assert refused.value.faults == [Fault(f"/settings/{name}", why)], value


def test_every_fault_is_named_and_a_name_that_is_none_too() -> None:
    with pytest.raises(Invalid) as refused:
        changed_settings(PLAIN, {"a/b": 1, "patch": True, "page_size": 0})
    assert refused.value.faults == [
        Fault("/settings/a~1b", "is not a setting"),
        Fault("/settings/page_size", SIZE),
    ]


@pytest.mark.parametrize("change", [None, [], "x", 5])
def test_settings_are_an_object(change: Any) -> None:
    with pytest.raises(Invalid) as refused:
        changed_settings(PLAIN, change)
    assert refused.value.faults == [Fault("/settings", "must be an object")]
