"""What a query says about the page that is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from ocpi.errors import BadParameter
from ocpi.transport.paging import DEFAULT_LIMIT, MAX_LIMIT, Paging, read_limit, read_paging

FIRST_PAGE: dict[str, Any] = {"offset": 0, "limit": DEFAULT_LIMIT, "date_from": None, "date_to": None, "cursor": None}


@pytest.mark.req("TF-30", "TF-32")
@pytest.mark.parametrize(
    ("query", "read"),
    [
        ({}, {}),
        ({"offset": "0"}, {}),
        ({"offset": "007"}, {"offset": 7}),
        ({"offset": str(2**63 - 1)}, {"offset": 2**63 - 1}),
        ({"limit": "1"}, {"limit": 1}),
        ({"limit": str(MAX_LIMIT + 1)}, {"limit": MAX_LIMIT}),
        ({"limit": str(2**63 - 1)}, {"limit": MAX_LIMIT}),
        ({"cursor": ""}, {"cursor": ""}),
        ({"page": "2", "Offset": "3"}, {}),
        ({"date_from": "2024-05-01T00:00:00"}, {"date_from": "2024-05-01T00:00:00Z"}),
        ({"date_from": "2024-05-01T00:00:00.000001Z"}, {"date_from": "2024-05-01T00:00:01Z"}),
        ({"date_to": "2024-05-01T02:00:00 02:00"}, {"date_to": "2024-05-01T00:00:00Z"}),
        ({"date_to": "2024-05-01T00:00:00.5-01:00"}, {"date_to": "2024-05-01T01:00:01Z"}),
    ],
)
def test_what_is_not_said_is_the_first_page(query: dict[str, str], read: dict[str, Any]) -> None:
    assert read_paging(query) == Paging(**{**FIRST_PAGE, **read})


@pytest.mark.req("TF-44", "TF-45")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, value)
            for name in ("offset", "limit")
            for value in ("", "-1", "x", "1.0", "1_0", "²", "٣", str(2**63))
        ),
        ("limit", "0"),
        *(
            (name, value)
            for name in ("date_from", "date_to")
            for value in ("", "now", "2024-05-01", "2024-05-01T00:00Z")
        ),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(BadParameter) as caught:
        read_paging({name: value})
    assert caught.value.name == name
    assert caught.value.detail.startswith(f"{name}: ")


def test_a_limit_alone_is_not_capped() -> None:
    assert read_limit({"limit": "5000"}) == 5000
