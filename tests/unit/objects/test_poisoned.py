"""A document that cannot be read is left out of a list; a fault of ours in showing it is none of the document."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from local.functions import load
from ocpi import strict_json
from ocpi.store.port import OWN, Collection, Page
from ocpi.transport.message import Call
from ocpi.transport.paging import list_page
from tests.support.gateway import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

LOCATIONS = Collection(OWN, "locations")
CALL = Call("GET", "/locations", {}, {}, {}, b"", "http://localhost")
PAGE = Page(['{"id":"1"}', '{"id":}', '{"id":"3"}'], total=3, next=None)
STORE = cast("Any", SimpleNamespace(objects=SimpleNamespace(page=lambda _: PAGE)))


def for_a_partner(rewrite: Callable[[Any], Any], _: pytest.MonkeyPatch) -> Any:
    return strict_json.read(list_page(CALL, STORE, LOCATIONS, reader="p-1", rewrite=rewrite).text)["data"]


def for_the_operator(rewrite: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    list_objects: Any = load(ROOT / "functions" / "operator", "lists.list_objects")
    monkeypatch.setitem(list_objects.__globals__, "store", lambda: STORE)
    answer = list_objects(
        CALL, LOCATIONS, read=strict_json.read, show=lambda document: strict_json.write(rewrite(document))
    )
    return strict_json.read(answer.text)["items"]


LISTS = pytest.mark.parametrize("listed", [for_a_partner, for_the_operator])


@LISTS
def test_what_cannot_be_read_is_left_out(listed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert listed(lambda document: document | {"name": None}, monkeypatch) == [
        {"id": "1", "name": None},
        {"id": "3", "name": None},
    ]


@LISTS
@pytest.mark.parametrize("fault", [KeyError("ours"), TypeError("ours"), AttributeError("ours")], ids=repr)
def test_a_fault_of_ours_never_empties_a_list(
    listed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def rewrite(_: Any) -> Any:
        raise fault

    with pytest.raises(type(fault), match="ours"):
        listed(rewrite, monkeypatch)
