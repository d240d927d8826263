"""Our lists of one module as an eMSP reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.answers import data_of, ended

if TYPE_CHECKING:
    from tests.support.party import PlayedPartner

WHOLE = {"sessions": {"date_from": "1970-01-01T00:00:00Z"}}
"""What has to be asked for a whole list, where that is anything (reading A-22)."""


def listed(emsp: PlayedPartner, module: str, **query: Any) -> list[dict[str, Any]]:
    """All that a partner reads of a module, after checking the total."""
    answer = emsp.get(emsp.endpoint(module), params={**WHOLE.get(module, {}), "limit": 1000, **query})
    found: list[dict[str, Any]] = data_of(answer)
    assert answer.headers["X-Total-Count"] == str(len(found))
    return found


def is_listed_by_page_and_time(emsp: PlayedPartner, module: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Check date filters and pages with two objects that are in the list, the older one first."""
    between = {"date_from": old["last_updated"], "date_to": new["last_updated"]}
    for query, expected in (
        ({}, [old, new]),
        (between, [old]),
        ({"date_from": new["last_updated"]}, [new]),
        ({"date_to": new["last_updated"]}, [old]),
        ({"date_to": old["last_updated"]}, []),
    ):
        assert [each for each in listed(emsp, module, **query) if each in (old, new)] == expected
    first = emsp.get(emsp.endpoint(module), params={**WHOLE.get(module, {}), "limit": 1})
    assert (len(data_of(first)), first.headers["X-Limit"]) == (1, "1")
    following = first.headers["Link"].partition(">")[0].removeprefix("<")
    assert data_of(emsp.get(following)) != data_of(first)


def is_list_only(partner: PlayedPartner, module: str, value: dict[str, Any]) -> bool:
    """A module of ours of which a partner reads the list and nothing else: no method changes anything, and a single
    object is not there to be read.
    """
    single = partner.endpoint(module, value.get("uid") or value["id"])
    for url in (partner.endpoint(module), single):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = partner.call(method, url, json=value)
            ended(answer, 405, 2000)
            assert answer.headers["Allow"] == "GET"
    ended(partner.get(single), 404, 2001)
    return value in listed(partner, module)
