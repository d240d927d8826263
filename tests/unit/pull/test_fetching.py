"""What is learned of a URL's last slash while one asks for lists, and for single objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from ocpi.delivery import plans
from ocpi.delivery.habits import Habits
from ocpi.pull.fetching import Fetching
from tests.unit.pull.world import URL, World, answer, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.answer import Answer
    from ocpi.outbound.partner_session import PartnerSession

OBJECT = f"{URL}/locations/DE/ABC/L1"


class Session:
    """Answers by the URL."""

    learned = None

    def __init__(self, respond: Callable[[str], Answer]) -> None:
        self._respond = respond
        self.asked: list[str] = []

    def send(self, _method: str, url: str) -> Answer:
        self.asked.append(url)
        return self._respond(url)


def fetching(world: World, respond: Callable[[str], Answer]) -> tuple[Fetching, Session]:
    session = Session(respond)
    return Fetching(cast("PartnerSession", session), Habits(world.store.partners, world.partner)), session


def is_l1(data: Any) -> bool:
    return plans.has_id("locations", "L1", data)


def learned(world: World) -> Any:
    partner = world.store.partners.get(world.partner.id)
    assert partner is not None
    return partner.learned.get("trailing_slash")


@pytest.mark.parametrize("other", [answer([]), answer(None), answer([listed("locations", "L2")]), answer()])
def test_an_answer_without_the_object_teaches_nothing(world: World, other: Answer) -> None:
    fetch, session = fetching(world, lambda url: other if url.endswith("/") else answer(status=404))
    assert fetch.one(OBJECT, is_l1).http_status == 404
    assert len(session.asked) == 2
    assert learned(world) is None


def test_the_object_itself_teaches_how_its_url_ends(world: World) -> None:
    there = answer(listed("locations", "L1"))
    fetch, _ = fetching(world, lambda url: there if url.endswith("/") else answer(status=404))
    assert fetch.one(OBJECT, is_l1) is there
    assert learned(world) == "add"


@pytest.mark.parametrize(("status", "code"), [(404, 2003), (404, 2000), (405, 2001)])
def test_who_says_in_words_of_ocpi_that_it_is_not_there_is_not_asked_again(
    world: World, status: int, code: int
) -> None:
    fetch, session = fetching(world, lambda _: answer(status=status, status_code=code))
    fetch.one(OBJECT, is_l1)
    assert session.asked == [OBJECT]


def test_a_list_teaches_it_whatever_it_holds(world: World) -> None:
    fetch, _ = fetching(world, lambda url: answer([]) if url.endswith("/") else answer(status=404, status_code=2000))
    assert fetch(f"{URL}/locations").http_status == 200
    assert learned(world) == "add"
