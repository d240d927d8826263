from __future__ import annotations

import pytest

from ocpi.pull.link import MalformedLink, next_link

BASE = "https://partner.example/ocpi/cdrs?limit=2"


@pytest.mark.req("TF-50")
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        '<https://partner.example/1>; rel="prev"',
        "<https://partner.example/1>; rel=first, <https://partner.example/9>; rel=last",
        '<https://partner.example/1>; title="rel=next"; rel="prev"',
    ],
)
def test_there_is_no_next_page(header: str | None) -> None:
    assert next_link(header, BASE) is None


@pytest.mark.req("TF-49", "TF-50")
@pytest.mark.parametrize(
    ("header", "url"),
    [
        ('<https://p.example/x?a=1,2;b>; rel="next"', "https://p.example/x?a=1,2;b"),
        ("<https://p.example/x>;rel=next", "https://p.example/x"),
        ('<https://p.example/a>; rel="prev", <https://p.example/b>; title="a, b"; rel="next"', "https://p.example/b"),
        ("<https://p.example/x>; rel='next'", "https://p.example/x"),
        ("<https://p.example/x>; rel='prev next'; title=it's", "https://p.example/x"),
        (
            '<https://p.example/1>; title="; rel=next"; rel="first", <https://p.example/2>; rel="next"',
            "https://p.example/2",
        ),
        ('<https://p.example/x>; REL = "prev NEXT"', "https://p.example/x"),
        ("https://p.example/x; rel=next", "https://p.example/x"),
        ('</ocpi/x?offset=2>; rel="next"', "https://partner.example/ocpi/x?offset=2"),
        ('<?offset=2>; rel="next"', "https://partner.example/ocpi/cdrs?offset=2"),
    ],
)
def test_the_next_page_is_found(header: str, url: str) -> None:
    assert next_link(header, BASE) == url


@pytest.mark.parametrize("header", ["next", "<>; rel=next", "<https://[x/>; rel=next", "<https://p.example/x>"])
def test_what_cannot_be_read_is_said(header: str) -> None:
    with pytest.raises(MalformedLink):
        next_link(header, BASE)
