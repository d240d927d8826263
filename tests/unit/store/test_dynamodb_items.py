"""How objects are written down in DynamoDB: every attribute, and where documents become too long."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from ocpi.store import dynamodb_items
from ocpi.store.dynamodb_items import content, fits, object_key, object_pk, packed, record_from, text, unpacked
from ocpi.store.port import Collection, Draft, Key, Record, TooLarge

KEY = Key(Collection("own", "locations"), "LOC/1")
NOW = "2026-02-01T00:00:00.000001Z"
AT = "2026-01-01T00:00:00Z"
ALWAYS = {
    "version": {"S": "2.1.1"},
    "document": {"S": "{}"},
    "last_updated": {"S": AT},
    "updated_key": {"S": f"{AT}#loc/1"},
    "revision": {"N": "3"},
    "received": {"S": NOW},
    "write_id": {"S": "w"},
}


def written(draft: Draft) -> dict[str, Any]:
    return content(KEY, draft, revision=3, received=NOW, write_id="w")


def test_an_object_is_found_by_its_id_in_any_case() -> None:
    assert object_pk(KEY) == "OBJECT#own/locations#loc/1"
    assert object_key(KEY) == {"pk": {"S": "OBJECT#own/locations#loc/1"}, "sk": {"S": "OBJECT"}}


def test_what_is_for_nobody_has_no_keys_but_that_of_its_time() -> None:
    assert written(Draft("2.1.1", "{}", AT)) == ALWAYS


def test_what_is_for_everybody_has_a_place_in_that_list_and_none_in_a_partys() -> None:
    assert written(Draft("2.1.1", "{}", AT, "*")) == ALWAYS | {
        "audience": {"S": "*"},
        "view": {"S": "own/locations|*"},
        "addressed_key": {"S": f"{NOW}#loc/1"},
    }


def test_what_is_for_a_party_has_its_place_from_when_it_was_given_to_it() -> None:
    assert written(Draft("2.1.1", "{}", AT, "NL-TNM")) == ALWAYS | {
        "audience": {"S": "NL-TNM"},
        "view": {"S": "own/locations|NL-TNM"},
        "addressed_key": {"S": f"{NOW}#loc/1"},
        "party_key": {"S": f"{NOW}#loc/1"},
    }


def test_what_else_a_draft_gives_is_written_beside_it() -> None:
    due = "2026-03-01T00:00:00Z"
    draft = Draft("2.1.1", "{}", AT, lookup="auth/x", due=due, findings=("größer", "b"), journal="[1]")

    assert written(draft) == ALWAYS | {
        "lookup": {"S": "auth/x"},
        "due": {"S": due},
        "due_list": {"S": "due"},
        "due_key": {"S": f"{due}#OBJECT#own/locations#loc/1"},
        "findings": {"S": '["größer", "b"]'},
        "journal": {"S": "[1]"},
    }


@pytest.mark.parametrize(
    "draft",
    [
        Draft("2.1.1", "{}", AT),
        Draft("2.1.1", "é" * 5000, AT, "*", "auth/x", AT, ("one", "zwei ü" * 1000), "[1]" * 2000),
    ],
)
def test_what_was_written_is_read_again(draft: Draft) -> None:
    item: Any = written(draft) | {
        "collection": {"S": "own/locations"},
        "id": {"S": "LOC/1"},
        "created": {"S": "2026-01-31T00:00:00.000001Z"},
    }

    record = record_from(item)
    assert record == Record(
        KEY,
        "2.1.1",
        draft.document,
        AT,
        draft.audience,
        3,
        "2026-01-31T00:00:00.000001Z",
        NOW,
        draft.lookup,
        draft.due,
        draft.findings,
        draft.journal,
    )


def test_a_document_of_4096_bytes_is_the_first_to_be_compressed() -> None:
    short, long = "é" * 2047 + "x", "é" * 2048

    assert packed(short) == {"S": short}
    compressed = packed(long)
    assert compressed == {"B": zlib.compress(long.encode())}
    assert (unpacked(packed(short)), unpacked(compressed)) == (short, long)


def test_what_is_stored_of_an_object_has_400000_bytes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_items, "COMPRESS_FROM", 10**9)

    assert written(Draft("2.1.1", "é" * 200_000, AT))
    with pytest.raises(TooLarge, match=r"^it has 400002 bytes after compression, 400000 are possible$"):
        written(Draft("2.1.1", "é" * 200_001, AT))


def test_findings_and_journal_are_part_of_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_items, "MAX_DOCUMENT", 2 + len('["a"]') + 3)

    assert written(Draft("2.1.1", "{}", AT, findings=("a",), journal="123"))
    for more in (
        Draft("2.1.1", "{}", AT, findings=("a",), journal="1234"),
        Draft("2.1.1", "{}", AT, findings=("ab",), journal="123"),
        Draft("2.1.1", "{ }", AT, findings=("a",), journal="123"),
    ):
        with pytest.raises(TooLarge, match="it has 11 bytes after compression"):
            written(more)


def test_a_document_counts_for_as_much_as_is_left_of_it() -> None:
    assert "B" in written(Draft("2.1.1", "x" * 500_000, AT))["document"]


def test_a_document_that_no_answer_has_room_for_is_refused_before_it_is_compressed() -> None:
    with pytest.raises(TooLarge, match=r"^it has 4500001 bytes, 4500000 are possible$"):
        written(Draft("2.1.1", "x" * 4_500_001, AT))


def test_a_partition_key_has_2048_bytes_at_most() -> None:
    assert fits("é" * 1024)
    assert not fits("é" * 1024 + "x")


def test_an_attribute_that_is_not_there_is_none() -> None:
    assert text({"a": {"S": ""}}, "a") == ""
    assert text({}, "a") is None
