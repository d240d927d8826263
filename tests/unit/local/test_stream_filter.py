from __future__ import annotations

import json
from typing import Any

import pytest

from local.intrinsics import TemplateError
from local.stream_filter import read_filter


def record(pk: str, event: str = "INSERT") -> dict[str, Any]:
    return {"eventName": event, "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": "OBJECT"}}}}


def on_pk(*alternatives: Any) -> dict[str, Any]:
    return {"dynamodb": {"Keys": {"pk": {"S": list(alternatives)}}}}


def passes(pk: str, *patterns: Any, event: str = "INSERT") -> bool:
    criteria = {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]}
    return read_filter("event E", criteria).passes(record(pk, event))


def test_without_patterns_every_record_passes() -> None:
    assert read_filter("event E", {}).passes(record("PARTNERS"))
    assert passes("PARTNERS")


def test_a_prefix_is_the_beginning_of_a_key() -> None:
    own = on_pk({"prefix": "OBJECT#own/"})
    assert passes("OBJECT#own/locations#loc1", own)
    assert not passes("OBJECT#nl-tnm/locations#own/", own)
    assert not passes("object#own/locations#loc1", own)


def test_a_text_is_the_whole_key() -> None:
    assert passes("PARTNERS", on_pk("PARTNERS"))
    assert not passes("PARTNERS#1", on_pk("PARTNERS"))


def test_one_of_the_alternatives_is_enough_and_one_of_the_patterns() -> None:
    assert passes("b", on_pk("a", {"prefix": "b"}))
    assert passes("b", on_pk("a"), on_pk("b"))
    assert not passes("c", on_pk("a"), on_pk("b"))


def test_a_pattern_holds_at_all_its_places() -> None:
    inserted = {"eventName": ["INSERT", "MODIFY"], **on_pk({"prefix": "a"})}
    assert passes("a", inserted)
    assert not passes("a", inserted, event="REMOVE")
    assert not passes("b", inserted)


def test_what_a_record_does_not_have_does_not_match() -> None:
    pattern = {"Filters": [{"Pattern": json.dumps(on_pk({"prefix": ""}))}]}
    assert not read_filter("event E", pattern).passes({"dynamodb": {"Keys": {"pk": {"N": "1"}}}})


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("{", "is not JSON"),
        (None, "is not JSON"),
        ("[]", "says nothing"),
        ("{}", "says nothing"),
        ('{"dynamodb": {"NewImage": {"audience": {"S": ["*"]}}}}', r"dynamodb\.NewImage\.audience\.S is not followed"),
        ('{"eventName": "INSERT"}', "eventName lists nothing"),
        ('{"eventName": []}', "eventName lists nothing"),
        ('{"eventName": [null]}', "None on eventName"),
        ('{"eventName": [{"anything-but": ["REMOVE"]}]}', "anything-but.* on eventName"),
        ('{"eventName": [{"prefix": "I", "suffix": "T"}]}', "suffix.* on eventName"),
    ],
)
def test_a_pattern_that_is_not_followed_is_refused(pattern: Any, reason: str) -> None:
    with pytest.raises(TemplateError, match=f"event E: .*{reason}"):
        read_filter("event E", {"Filters": [{"Pattern": pattern}]})
