"""Documents as long as they get, in every database: they come back byte for byte, and what is too long is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ocpi.store.port import MAX_DOCUMENT_BYTES, MAX_PAGE_BYTES, PageQuery, Record, TooLarge, Write
from tests.support.long_documents import long_location, long_session
from tests.support.stores import LOCATIONS, draft, key

if TYPE_CHECKING:
    from ocpi.store.port import Store


def text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def test_a_session_of_5000_periods_goes_in_and_out(store: Store) -> None:
    shorter, document = text(long_session("S", 4999)), text(long_session("S"))
    assert len(document) > 400_000, "longer than an item of DynamoDB may be"

    store.objects.put(key("S"), draft(shorter), expected=None)
    store.objects.put(key("S"), draft(document, lookup="a"), expected=1)

    stored = store.objects.get(key("S"))
    assert stored is not None
    assert stored.document == document
    assert [record.document for record in store.objects.find("a")] == [document]
    assert store.objects.page(PageQuery(LOCATIONS, 1)).documents == [document]


def test_a_page_of_long_documents_ends_early_and_the_rest_follows(store: Store) -> None:
    documents = [text(long_location(f"L{number}")) for number in range(12)]
    assert sum(map(len, documents)) > MAX_PAGE_BYTES
    for number, document in enumerate(documents):
        store.objects.put(key(f"L{number}"), draft(document), expected=None)

    page = store.objects.page(PageQuery(LOCATIONS, 50))
    assert page.total == len(documents)
    assert sum(map(len, page.documents)) <= MAX_PAGE_BYTES
    rest = store.objects.page(PageQuery(LOCATIONS, 50, after=page.next))
    assert page.documents + rest.documents == documents


def test_a_document_that_no_answer_has_room_for_is_refused_and_nothing_changes(store: Store) -> None:
    # Of characters of two bytes each, and the easiest that there are to compress.
    longest = f'"{"é" * (MAX_DOCUMENT_BYTES // 2 - 1)}"'
    assert store.objects.put(key("LOC1"), draft(longest), expected=None).document == longest

    with pytest.raises(TooLarge, match=f"{MAX_DOCUMENT_BYTES + 1} bytes, {MAX_DOCUMENT_BYTES} are possible"):
        store.objects.put(key("LOC1"), draft(longest + " "), expected=1)
    writes = [Write(key("LOC2"), draft(longest + " "), None), Write(key("LOC3"), draft("3"), None)]
    assert [type(result) for result in store.objects.put_many(writes)] == [TooLarge, Record]

    stored = store.objects.get(key("LOC1"))
    assert stored is not None
    assert (stored.revision, stored.document) == (1, longest)
    assert store.objects.get(key("LOC2")) is None
    assert store.objects.page(PageQuery(LOCATIONS, 50)).documents == [longest]
