"""Something is removed only where it is proved that a list was complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.pull.world import UNREACHABLE, URL, World, answer, counts, tariffs

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.answer import Answer

ALL = tuple(f"T{n:02}" for n in range(30))


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """With a CPO whose thirty tariffs are here, and that is asked for ten at a time."""
    world = new_world(page_size=10)
    world.lists.lists["tariffs"] = tariffs(*ALL)
    assert world.pull("tariffs").stored == 30
    world.lists.asked.clear()
    return world


def left(world: World) -> int:
    return sum(world.stored("tariffs", each) is not None for each in ALL)


def served(size: int, headers: Callable[[int, int], dict[str, Any]]) -> Callable[[str, dict[str, str]], Answer]:
    """A partner that gives pages of a size; ``headers`` are made of where a page begins and how many are in it."""

    def respond(_module: str, query: dict[str, str]) -> Answer:
        offset = int(query.get("offset", 0))
        page = ALL[offset : offset + size]
        return answer(tariffs(*page), **headers(offset, len(page)))

    return respond


@pytest.mark.req("TAR-22")
def test_a_list_that_ends_before_its_total_removes_nothing(world: World) -> None:
    def headers(offset: int, _count: int) -> dict[str, Any]:
        link = {"Link": f'<{URL}/tariffs?offset=10>; rel="next"'} if offset == 0 else {}
        return {"X_Total_Count": "30", **link}

    world.lists.respond = served(10, headers)
    pull = world.pull("tariffs", full=True)
    assert (left(world), pull.removed, pull.complete, pull.received) == (30, 0, False, 20)
    assert pull.errors[0]["detail"] == "by X-Total-Count there are 30 objects, and only 20 came"


@pytest.mark.req("TAR-22")
def test_a_partner_that_caps_pages_and_says_nothing_about_it_is_asked_for_all_there_is(world: World) -> None:
    world.lists.respond = served(5, lambda _offset, _count: {})
    pull = world.pull("tariffs", full=True)
    assert (left(world), pull.complete, counts(pull)) == (30, True, (30, 0, 30, 0))


@pytest.mark.req("TAR-22")
def test_a_total_that_counts_the_page_only_is_no_end(world: World) -> None:
    world.lists.respond = served(10, lambda _offset, count: {"X_Total_Count": str(count)})
    pull = world.pull("tariffs", full=True)
    assert (left(world), pull.complete, len(world.lists.asked)) == (30, True, 4)


@pytest.mark.req("TAR-22", "TF-49")
def test_a_link_in_single_quotes_is_followed(world: World) -> None:
    def respond(module: str, query: dict[str, str]) -> Answer:
        at = int(query.get("p", 0))
        link: dict[str, Any] = {"Link": f"<{URL}/{module}?p={at + 1}>; rel='next'"} if at < 5 else {}
        return answer(tariffs(*ALL[5 * at : 5 * at + 5]), **link)

    world.lists.respond = respond
    pull = world.pull("tariffs", full=True)
    assert (left(world), pull.complete, len(world.lists.asked)) == (30, True, 6)


def test_a_partner_that_knows_no_offset_gives_the_same_again_and_that_was_all(world: World) -> None:
    def respond(_module: str, _query: dict[str, str]) -> Answer:
        in_any_order = ALL[:3] if len(world.lists.asked) == 1 else ALL[2::-1]
        return answer(tariffs(*in_any_order))

    world.lists.respond = respond
    pull = world.pull("tariffs", full=True)
    assert (left(world), pull.removed, pull.complete) == (3, 27, True)
    assert (counts(pull), len(world.lists.asked)) == ((3, 0, 3, 0), 2)


@pytest.mark.parametrize("refusal", [answer(status=404), answer(status=400), answer(status_code=2001)])
def test_where_what_follows_is_refused_nothing_is_removed(world: World, refusal: Answer) -> None:
    world.lists.respond = lambda _module, query: refusal if "offset" in query else answer(tariffs("T00", "NEW"))
    pull = world.pull("tariffs", full=True)
    assert (left(world), pull.removed, pull.complete, pull.stored) == (30, 0, True, 1)
    assert "nothing was removed" in pull.errors[0]["detail"]
    assert len(world.lists.asked) == 2


def test_where_what_follows_does_not_come_the_pull_is_incomplete(world: World) -> None:
    world.lists.respond = lambda _module, query: UNREACHABLE if "offset" in query else answer(tariffs("T00"))
    pull = world.pull("tariffs", full=True)
    assert (left(world), pull.removed, pull.complete) == (30, 0, False)


def test_a_list_that_is_empty_removes_all(world: World) -> None:
    world.lists.lists["tariffs"] = []
    pull = world.pull("tariffs", full=True)
    assert (left(world), pull.removed, pull.complete) == (0, 30, True)


def test_what_the_store_cannot_read_stays_and_keeps_nothing_from_being_removed(world: World) -> None:
    world.lists.lists["tariffs"] = []
    with world.store._database.writing() as db:
        db.execute("UPDATE objects SET findings = '[' WHERE id = 'T00'")
    pull = world.pull("tariffs", full=True)
    assert (pull.removed, pull.complete) == (29, True)
    with world.store._database.writing() as db:
        db.execute("UPDATE objects SET findings = '[]' WHERE id = 'T00'")
    assert (left(world), world.stored("tariffs", "T00") is not None) == (1, True)
