"""Lists of partners of all sorts, page after page."""

from __future__ import annotations

from typing import Any

import pytest

from ocpi.outbound.answer import Answer, Headers
from tests.unit.pull.world import URL, World, answer, counts, listed, tariffs


@pytest.mark.req("TF-49")
def test_the_link_is_followed_as_it_is_until_there_is_none(world: World) -> None:
    pages = {None: ("T1", "p=b%2Fc&x=%7E"), "b/c": ("T2", "p=last;a,b"), "last;a,b": ("T3", None)}

    def respond(module: str, query: dict[str, str]) -> Answer:
        identity, following = pages[query.get("p")]
        link: dict[str, Any] = {"Link": f'<{URL}/{module}?{following}>; rel="next"'} if following else {}
        return answer(tariffs(identity), X_Total_Count="3", **link)

    world.lists.respond = respond
    assert counts(world.pull("tariffs")) == (3, 3, 0, 0)
    assert world.lists.asked[1:] == [f"{URL}/tariffs?p=b%2Fc&x=%7E", f"{URL}/tariffs?p=last;a,b"]


@pytest.mark.req("TF-50")
@pytest.mark.parametrize("header", [None, "", "  ", f'<{URL}/tariffs?offset=9>; rel="prev"', f"<{URL}/>; rel=first"])
def test_a_page_without_a_link_to_a_next_one_and_without_totals_is_the_last(world: World, header: str | None) -> None:
    headers: dict[str, Any] = {} if header is None else {"Link": header}
    cdrs = [listed("cdrs", "C1"), listed("cdrs", "C2")]
    world.lists.respond = lambda _module, _query: answer(cdrs, **headers)
    pull = world.pull("cdrs")
    assert (counts(pull), pull.complete, pull.errors, len(world.lists.asked)) == ((2, 2, 0, 0), True, (), 1)


@pytest.mark.req("TF-50")
def test_a_relative_link_is_followed(world: World) -> None:
    def respond(_module: str, query: dict[str, str]) -> Answer:
        if "offset" in query:
            return answer(tariffs("T2"))
        return answer(tariffs("T1"), Link="?offset=1; rel=ignored, </ocpi/tariffs?offset=1>; rel=NEXT")

    world.lists.respond = respond
    assert world.pull("tariffs").complete
    assert world.lists.asked[1] == f"{URL}/tariffs?offset=1"


@pytest.mark.parametrize("link", ["next", "<>; rel=next", "<https://[broken/>; rel=next"])
def test_a_malformed_link_is_made_up_for_by_the_total(world: World, link: str) -> None:
    world.lists.lists["tariffs"], world.lists.most = tariffs("T1", "T2", "T3"), 2

    def respond(module: str, query: dict[str, str]) -> Answer | None:
        page = world.lists.page(module, query)
        return Answer(
            200, Headers([*((k, v) for k, v in page.headers.items() if k != "link"), ("Link", link)]), page.body
        )

    world.lists.respond = respond
    pull = world.pull("tariffs")
    assert (counts(pull), pull.complete, pull.errors) == ((3, 3, 0, 0), True, ())


def test_a_malformed_link_without_a_total_ends_the_crawl_as_incomplete(world: World) -> None:
    world.lists.respond = lambda _module, _query: answer(tariffs("T1"), Link="next please")
    pull = world.pull("tariffs")
    assert (counts(pull), pull.complete) == ((1, 1, 0, 0), False)
    assert "Link" in pull.errors[0]["detail"]


@pytest.mark.parametrize("links", [["a", "b", "a"], ["a", "a"]])
def test_a_link_that_leads_back_ends_the_crawl_as_incomplete(world: World, links: list[str]) -> None:
    def respond(module: str, query: dict[str, str]) -> Answer:
        at = links.index(query["p"]) + 1 if "p" in query else 0
        return answer(tariffs(f"T{at}"), Link=f'<{URL}/{module}?p={links[at]}>; rel="next"')

    world.lists.respond = respond
    pull = world.pull("tariffs")
    assert (pull.received, pull.complete) == (len(links), False)
    assert "leads back" in pull.errors[0]["detail"]


def test_a_link_to_ever_new_pages_with_the_same_objects_ends(world: World) -> None:
    world.lists.respond = lambda module, _query: answer(
        tariffs("T1"), Link=f'<{URL}/{module}?p={len(world.lists.asked)}>; rel="next"'
    )
    pull = world.pull("tariffs")
    assert not pull.complete
    assert (pull.stored, pull.stored + pull.unchanged) == (1, pull.received)
    assert len(world.lists.asked) < 20


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/tariffs", "http://partner.example/tariffs", "https://partner.example:8443/t"]
)
def test_a_link_to_another_host_is_not_followed(world: World, elsewhere: str) -> None:
    world.lists.respond = lambda _module, _query: answer(tariffs("T1"), Link=f'<{elsewhere}>; rel="next"')
    pull = world.pull("tariffs")
    assert (pull.stored, pull.complete, len(world.lists.asked)) == (1, False, 1)
    assert pull.errors[0]["detail"] == "Link leads to another host"


def test_a_partner_without_any_link_is_asked_by_offset_as_long_as_its_total_says_there_is_more(world: World) -> None:
    world.lists.lists["tariffs"] = tariffs(*(f"T{n}" for n in range(5)))
    world.lists.links, world.lists.most = False, 2
    pull = world.pull("tariffs")
    assert (counts(pull), pull.complete) == ((5, 5, 0, 0), True)
    assert [query.partition("&offset=")[2] for query in world.lists.queries("tariffs")] == ["", "2", "4", "5"]


def test_a_partner_without_link_and_total_whose_page_is_full_is_asked_for_more(world: World) -> None:
    world.lists.lists["tariffs"] = tariffs(*(f"T{n}" for n in range(4)))
    world.lists.links, world.lists.totals, world.lists.most = False, False, 2
    pull = world.pull("tariffs")
    assert (counts(pull), pull.complete, len(world.lists.asked)) == ((4, 4, 0, 0), True, 3)


def test_a_partner_that_ignores_offsets_and_counts_more_than_it_gives_is_incomplete(world: World) -> None:
    world.lists.respond = lambda _module, _query: answer(tariffs("T1", "T2"), X_Total_Count="9")
    pull = world.pull("tariffs")
    assert (pull.stored, pull.complete, len(world.lists.asked)) == (2, False, 2)
    assert "of 9 objects" in pull.errors[0]["detail"]


@pytest.mark.req("TF-51")
def test_a_total_that_fell_makes_the_page_be_fetched_again_from_that_much_earlier(world: World) -> None:
    rows = [listed("tariffs", f"T{n}") for n in range(9)]
    world.lists.lists["tariffs"], world.lists.most = rows, 3

    def respond(_module: str, query: dict[str, str]) -> None:
        if query.get("offset") == "3" and len(rows) == 9:
            del rows[:2]  # so that T3 and T4 move to the page before

    world.lists.respond = respond
    pull = world.pull("tariffs")
    assert pull.complete
    queries = [dict(part.split("=") for part in query.split("&")) for query in world.lists.queries("tariffs")]
    assert [query.get("offset") for query in queries] == [None, "3", "1", "4"]
    assert all(world.stored("tariffs", f"T{n}") for n in range(2, 9))


def test_totals_that_count_what_is_left_do_not_keep_a_crawl_from_ending(world: World) -> None:
    world.lists.lists["tariffs"], world.lists.most = tariffs(*(f"T{n}" for n in range(6))), 2

    def respond(module: str, query: dict[str, str]) -> Answer:
        page = world.lists.page(module, query)
        left = str(6 - int(query.get("offset", 0)))
        return Answer(200, Headers({**page.headers, "x-total-count": left}.items()), page.body)

    world.lists.respond = respond
    pull = world.pull("tariffs")
    assert pull.complete
    assert pull.stored == 6
