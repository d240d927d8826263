"""Which token a URL means, and ids in URL and body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import BadParameter
from ocpi.faults import Invalid
from ocpi.objects.identity import require_same_id
from ocpi.objects.received import write
from ocpi.objects.tokens import find_token, read_token_type, token_key
from ocpi.store.port import Collection

if TYPE_CHECKING:
    from ocpi.store.port import Objects

TOKENS = Collection("DE-EMS", "tokens")
OLD = "2024-01-01T00:00:00Z"


def put(objects: Objects, token_type: str, uid: str) -> None:
    document = {"uid": uid, "type": token_type, "last_updated": OLD}
    write(objects, token_key(TOKENS, token_type, uid), "2.1.1", lambda _: document)


@pytest.mark.req("TOK-10")
@pytest.mark.parametrize(("query", "expected"), [({}, None), ({"type": "RFID"}, "RFID"), ({"type": "OTHER"}, "OTHER")])
def test_a_type_is_read_from_the_query(query: dict[str, str], expected: str | None) -> None:
    assert read_token_type(query) == expected


@pytest.mark.parametrize("text", ["", "rfid", "APP_USER"])
def test_a_type_that_does_not_exist_is_refused_by_the_name_of_its_parameter(text: str) -> None:
    with pytest.raises(BadParameter) as refusal:
        read_token_type({"type": text})
    assert refusal.value.name == "type"


@pytest.mark.req("TOK-09", "TOK-10")
@pytest.mark.parametrize(
    ("stored", "asked", "found"),
    [
        (("RFID", "OTHER"), None, "RFID"),
        (("OTHER",), None, "OTHER"),
        (("RFID",), None, "RFID"),
        ((), None, None),
        (("RFID", "OTHER"), "OTHER", "OTHER"),
        (("RFID",), "OTHER", None),
        (("OTHER",), "RFID", None),
    ],
)
@pytest.mark.parametrize("uid", ["1", "RFID/1", "/"])
def test_a_url_means_the_rfid_token_or_the_only_one_or_the_one_it_names(
    objects: Objects, uid: str, stored: tuple[str, ...], asked: str | None, found: str | None
) -> None:
    for token_type in stored:
        put(objects, token_type, uid)
    record = find_token(objects, TOKENS, uid, asked)
    assert (record and record.key.id) == (found and f"{found}/{uid}")


def test_a_token_is_found_under_its_own_spelling_only(objects: Objects) -> None:
    put(objects, "RFID", "ab")
    assert find_token(objects, TOKENS, "AB", None) is None


@pytest.mark.parametrize("body", [{"id": "a"}, {}])
def test_an_id_in_the_body_may_be_the_one_in_the_url_or_be_left_out(body: dict[str, Any]) -> None:
    require_same_id(body, "id", "a")


@pytest.mark.parametrize("other", ["b", "A", "", None, "a "])
def test_another_id_in_the_body_is_refused(other: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        require_same_id({"id": other}, "id", "a")
    assert [fault.pointer for fault in refusal.value.faults] == ["/id"]
