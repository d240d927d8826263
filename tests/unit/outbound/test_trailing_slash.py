from __future__ import annotations

import pytest

from ocpi.outbound.trailing_slash import toggled, with_slash

BARE, QUERY = "https://partner.example/tokens/EX", "?a=b/&c=?/"


@pytest.mark.parametrize(
    ("given", "setting", "found"),
    [
        ("", "keep", ""),
        ("/", "keep", "/"),
        ("//", "keep", "//"),
        ("", "add", "/"),
        ("/", "add", "/"),
        ("//", "add", "/"),
        ("", "strip", ""),
        ("/", "strip", ""),
        ("//", "strip", ""),
    ],
)
@pytest.mark.parametrize("query", ["", "?", QUERY])
def test_the_path_ends_as_the_setting_says_and_the_query_stays(
    given: str, setting: str, found: str, query: str
) -> None:
    assert with_slash(f"{BARE}{given}{query}", setting) == f"{BARE}{found}{query}"


@pytest.mark.parametrize("query", ["", QUERY])
def test_the_other_way_is_told_with_the_setting_that_keeps_to_it(query: str) -> None:
    assert toggled(f"{BARE}{query}") == (f"{BARE}/{query}", "add")
    assert toggled(f"{BARE}/{query}") == (f"{BARE}{query}", "strip")
