from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from ocpi.delivery.instants import seconds_of
from ocpi.delivery.outcome import Ending, judged, unanswered
from ocpi.delivery.pauses import LONGEST_ASKED_SECONDS, asked_pause, growing_pause
from ocpi.outbound.unreachable import Kind, PartnerUnreachable
from ocpi.store.deliveries import DeliveryState
from tests.unit.commands.fakes import answer, enveloped, named
from tests.unit.delivery.ticking import START

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from tests.unit.delivery.world import World

TAKEN = [
    enveloped(),
    enveloped(status_code=1500, status=201),
    answer(200),
    answer(204),
    answer(200, b"OK"),
    answer(200, b"<html>thanks</html>"),
    answer(200, b"OK", **{"Content-Type": "text/html; charset=UTF-8"}),
    answer(201, b"", **{"Content-Type": "text/html"}),
    answer(200, b"{}", **{"Content-Type": "text/html"}),
    answer(200, []),
    answer(200, {"id": "L-1"}),
    enveloped(status_code="1000"),  # type: ignore[arg-type] # some send it as text
]
REFUSED = [
    *(answer(status) for status in (400, 404, 405, 409, 410, 413, 415, 422)),
    *(enveloped(status_code=code) for code in (2000, 2001, 2003, 2999)),
    enveloped(status_code=2001, status=400),
    enveloped(status_code=200),
]
PASSING = [
    *(answer(status) for status in (301, 302, 303, 401, 403, 408, 425, 429, 500, 501, 502, 503, 504)),
    enveloped(status_code=3000),
    enveloped(status_code=3001),
    enveloped(status_code=4001),
    enveloped(status_code=1000, status=503),
    enveloped(status_code=2001, status=500),
    answer(200, b'{"status_code": 1000, "timest'),
    answer(200, b'[{"id": 1}'),
    replace(answer(200, b'{"status_code": 1000, "timest'), secrets=("is not JSON",)),
    answer(200, b"\n<!DOCTYPE html><h1>Back soon</h1>", **{"Content-Type": "Text/HTML; charset=UTF-8"}),
]
KINDS: tuple[Kind, ...] = ("dns", "connect", "tls", "timeout", "too_large", "broken")


@pytest.mark.parametrize("given", TAKEN, ids=named)
def test_this_means_that_the_partner_has_it(world: World, given: Answer) -> None:
    world.client.spoil = lambda _: given
    world.put("tariffs")
    world.run(120)
    assert len(world.requests) == 1
    assert judged(given, START).ending is Ending.TAKEN


@pytest.mark.parametrize("given", REFUSED, ids=named)
def test_this_is_kept_with_the_answer_and_not_repeated_until_the_object_changes(world: World, given: Answer) -> None:
    world.set(trailing_slash="strip")
    world.client.spoil = lambda _: given
    record = world.put("tariffs")
    world.run(7200)
    found = world.delivery("tariffs", record.key.id)
    assert found is not None
    assert (found.state, found.http_status) == (DeliveryState.FAILED, given.http_status)
    assert found.ocpi_status == given.envelope().status_code
    assert found.message
    assert len(world.requests) == 1
    world.client.spoil = lambda _: None
    world.put("tariffs", currency="NOK")
    world.run()
    assert len(world.requests) == 2
    assert world.state("tariffs", record.key.id) is DeliveryState.DELIVERED


@pytest.mark.parametrize("given", [*PASSING, *(PartnerUnreachable(kind, "why") for kind in KINDS)], ids=named)
def test_this_passes_and_is_tried_again_after_growing_pauses(world: World, given: Answer | Exception) -> None:
    def fail(_: object) -> Answer:
        if isinstance(given, Exception):
            raise given
        return given

    world.client.spoil = fail
    record = world.put("tariffs")
    world.run(40)
    times = [each.at for each in world.client.asked if each.encoding == "plain"]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert 4 <= len(pauses) <= 8
    assert all(later > earlier for earlier, later in pairwise(pauses[:4]))
    assert world.state("tariffs", record.key.id) is DeliveryState.PENDING
    world.client.spoil = lambda _: None
    world.run(120)
    assert world.state("tariffs", record.key.id) is DeliveryState.DELIVERED


def test_a_url_that_must_not_be_called_is_refused() -> None:
    outcome = unanswered(PartnerUnreachable("refused_address", "the URL leads home"))
    assert (outcome.ending, outcome.reached, outcome.unsure) == (Ending.REFUSED, False, False)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("", 0),
        (None, 0),
        ("\u0667", 0),
        ("99999999", LONGEST_ASKED_SECONDS),
        ("9" * 400, LONGEST_ASKED_SECONDS),
        (format_datetime(datetime.fromtimestamp(START + 90, UTC), usegmt=True), 90),
        (format_datetime(datetime.fromtimestamp(START - 90, UTC), usegmt=True), 0),
        ("Thu, 99 Jan 2026 99:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_ASKED_SECONDS),
    ],
)
def test_how_long_a_partner_asks_us_to_wait(asked: str | None, seconds: float) -> None:
    assert asked_pause(asked, START) == seconds


def test_pauses_double_with_jitter_up_to_their_bound() -> None:
    for tries in range(1, 60):
        bound = min(3600.0, 2.0 ** (tries - 1))
        assert all(0.75 * bound <= growing_pause(tries) <= bound for _ in range(20))


def test_what_the_partner_asked_for_is_kept_whatever_happens(world: World) -> None:
    world.client.spoil = lambda _: answer(429, Retry_After="600")
    world.put("tariffs")
    world.run()
    world.put("tariffs", id="ANOTHER")
    world.work("called")
    world.work("retry")
    world.run(590)
    assert len(world.requests) == 1
    assert seconds_of(world.store.channels.get(world.partner.id).asked_until) - START == pytest.approx(600, abs=1)
    world.client.spoil = lambda _: None
    world.run(100)
    assert len(world.client.held) == 2
