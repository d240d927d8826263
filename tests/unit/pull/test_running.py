"""A sync, with pages that fail, waits, and workers that end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.delivery.channel import change_channel
from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.pull.sync import SYNCS
from ocpi.store.port import Collection, PageQuery, PartnerStatus
from ocpi.times import parse_instant
from ocpi.vault.port import SealBroken
from tests.unit.pull.world import UNREACHABLE, World, answer, counts, listed, tariffs

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("data", [None, [], ...])
def test_an_empty_list_is_complete(world: World, data: Any) -> None:
    world.lists.respond = lambda _module, _query: answer(data)
    assert world.pull("tariffs").complete


@pytest.mark.parametrize(
    "failure",
    [
        UNREACHABLE,
        PartnerUnreachable("broken", "the connection or the answer broke"),
        answer(status=500),
        answer(status_code=2001),
        answer(status_code=3000),
        Answer(200, Headers(), b'{"status_code": 1000, "data": [{"id"'),
        Answer(200, Headers(), b""),
        answer("no list"),
    ],
)
def test_a_page_that_fails_is_tried_again_twice(world: World, failure: Any) -> None:
    script = [failure, failure, None]
    world.lists.lists["tariffs"] = tariffs("T1")
    world.lists.respond = lambda _module, _query: script.pop(0) if script else None
    pull = world.pull("tariffs")
    assert (counts(pull), pull.complete) == ((1, 1, 0, 0), True)
    assert [round(seconds) for seconds in world.slept if seconds > 0.5] == [1, 4]


def test_a_module_whose_page_fails_for_good_is_incomplete_and_the_others_go_on(world: World) -> None:
    world.lists.lists = {"tariffs": tariffs("T1", "T2", "T3"), "cdrs": [listed("cdrs", "C1")]}
    world.lists.most = 2
    world.lists.respond = lambda module, query: UNREACHABLE if module == "tariffs" and "offset" in query else None
    sync = world.sync()
    assert sync.state == "done"
    failed = sync.modules["tariffs"]
    assert (failed.stored, failed.complete) == (2, False)
    assert "timeout" in failed.errors[0]["detail"]
    assert sync.modules["cdrs"].stored == 1
    assert world.store.partners.get("partner-1").last_synced_at == sync.ended_at  # type: ignore[union-attr] # it is there


def test_a_sync_of_which_nothing_came_has_failed(world: World) -> None:
    world.lists.respond = lambda _module, _query: answer(status=404)
    sync = world.sync()
    assert (sync.state, len(world.lists.asked)) == ("failed", 4)
    assert world.store.partners.get("partner-1").last_synced_at is None  # type: ignore[union-attr] # it is there


def test_a_wait_that_the_partner_asks_for_is_kept_by_the_queue(world: World) -> None:
    replies = [answer(status=429, Retry_After="120"), None]
    world.lists.respond = lambda _module, _query: replies.pop(0)
    sync = world.start("tariffs")
    world.pulling().work(sync.id, 60)
    assert world.queue.sent[-1] == (sync.id, 120)
    assert world.through(sync.id).state == "done"


@pytest.mark.parametrize("asked", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_wait_longer_than_a_queue_keeps_a_message_is_kept_all_the_same(world: World, asked: str) -> None:
    at: list[str] = []

    def respond(_module: str, _query: dict[str, str]) -> Answer | None:
        at.append(world.now())
        return answer(status=429, Retry_After=asked) if len(at) == 1 else None

    world.lists.respond = respond
    assert world.sync("tariffs").state == "done"
    waited = parse_instant(at[1]) - parse_instant(at[0])
    assert timedelta(seconds=3600 if asked == "3600" else 86_400) <= waited < timedelta(seconds=87_000)


def test_a_partner_that_asked_a_delivery_to_wait_is_not_pulled_from_meanwhile(world: World) -> None:
    until = instant_at(seconds_of(world.now()) + 1000)
    world.store.channels.put(replace(world.store.channels.get(world.partner.id), asked_until=until))
    sync = world.start("tariffs")
    world.pulling().work(sync.id, 60)
    assert world.lists.asked == []
    assert world.through(sync.id).state == "done"
    assert world.now() > until


def test_between_pages_the_partners_limit_on_requests_is_kept(new_world: Callable[..., World]) -> None:
    world = new_world(requests_per_minute=30)
    at: list[float] = []
    world.lists.lists["tariffs"], world.lists.most = tariffs(*(f"T{number:02}" for number in range(40))), 1
    world.lists.respond = lambda _module, _query: at.append(seconds_of(world.now()))
    assert counts(world.pull("tariffs"))[:2] == (40, 40)
    assert all(later - earlier >= 60 for earlier, later in zip(at, at[30:], strict=False))
    assert 80 <= at[-1] - at[0] <= 120


def test_what_a_partner_quotes_of_a_card_stands_in_no_report(emsp_world: World) -> None:
    body = b'{"status_code": 2001, "status_message": "token SECUID0001 cannot be rendered"}'
    emsp_world.lists.respond = lambda _module, _query: Answer(400, Headers(), body)
    (error,) = emsp_world.pull("tokens").errors
    assert error["detail"] == "HTTP 400, OCPI 2001: token … cannot be rendered"


def test_what_others_ask_of_the_partner_counts_against_the_same_limit(new_world: Callable[..., World]) -> None:
    world = new_world(requests_per_minute=30)
    channels, busy_until = world.store.channels, seconds_of(world.now()) + 100
    change_channel(channels, "partner-1", lambda channel: replace(channel, paced_until=instant_at(busy_until)))
    at: list[float] = []
    world.lists.respond = lambda _module, _query: at.append(seconds_of(world.now()))
    sync = world.start("tariffs")
    world.pulling().work(sync.id, 60)
    assert (at, world.queue.sent[-1][0]) == ([], sync.id)
    assert 80 <= world.queue.sent[-1][1] <= 101
    world.moved += timedelta(seconds=world.queue.sent[-1][1])
    assert world.through(sync.id).state == "done"
    assert len(at) == 1
    assert seconds_of(channels.get("partner-1").paced_until) > busy_until


@pytest.mark.req("SES-27")
def test_sessions_are_asked_for_with_a_date_and_page_by_page(world: World) -> None:
    world.lists.lists["sessions"] = [listed("sessions", f"S{n}") for n in range(3)]
    world.lists.most = 2
    assert counts(world.pull("sessions")) == (3, 3, 0, 0)
    assert world.lists.queries("sessions")[0] == "limit=100&date_from=2000-01-01T00:00:00Z"
    assert len(world.lists.asked) == 2


@pytest.mark.req("TF-60")
def test_after_a_complete_pull_only_what_changed_since_then_is_asked_for(world: World) -> None:
    for module in world.modules:
        first, second = world.pull(module), world.pull(module)
        assert (first.full, second.full) == (True, False)
        asked = world.lists.queries(module)[-1]
        assert second.date_from is not None
        assert f"date_from={second.date_from}" in asked
        assert second.date_from < str(first.started_at)[:19]
    assert world.pull("tariffs", full=True).full
    assert "date_from" not in world.lists.queries("tariffs")[-1]


def test_after_an_incomplete_pull_the_next_one_asks_for_the_same_again(world: World) -> None:
    world.lists.respond = lambda _module, _query: answer(status=404)
    world.pull("tariffs")
    world.lists.respond = lambda _module, _query: None
    assert world.pull("tariffs").full


@pytest.mark.parametrize("status", [PartnerStatus.SUSPENDED, PartnerStatus.UNREGISTERED])
def test_a_sync_of_a_partner_that_is_not_connected_any_more_stops(world: World, status: PartnerStatus) -> None:
    world.lists.lists["tariffs"], world.lists.most = tariffs("T1", "T2"), 1
    world.lists.respond = lambda _module, query: world.change(status=status) if "offset" not in query else None
    sync = world.sync()
    assert (sync.state, len(world.lists.asked)) == ("failed", 1)
    assert status in str(sync.error)


def test_a_sync_longer_than_a_function_may_run_goes_on_in_the_next(world: World) -> None:
    world.lists.lists["tariffs"], world.lists.most = tariffs(*(f"T{n}" for n in range(5))), 1
    sync = world.start("tariffs")
    rounds = 0
    while world.known(sync.id).state == "running":
        ticks = iter([0.0, 0.0, 1.0, 1.0, 61.0, 61.0, 61.0])
        pulling = world.pulling()
        object.__setattr__(pulling, "monotonic", lambda ticks=ticks: next(ticks, 61.0))
        pulling.work(sync.id, 60)
        rounds += 1
    assert rounds > 2
    assert counts(world.known(sync.id).modules["tariffs"]) == (5, 5, 0, 0)
    assert world.queue.sent.count((sync.id, 0)) == rounds


def test_of_two_workers_on_one_sync_the_later_one_leaves_it_alone(world: World) -> None:
    world.lists.lists["cdrs"] = [listed("cdrs", "C1")]
    sync = world.start("cdrs")

    def respond(_module: str, _query: dict[str, str]) -> None:
        if len(world.lists.asked) == 1:
            world.pulling().work(sync.id, 60)

    world.lists.respond = respond
    assert counts(world.through(sync.id).modules["cdrs"]) == (1, 1, 0, 0)
    assert len(world.lists.asked) == 1


def test_a_sync_that_still_has_not_ended_after_a_week_is_given_up(world: World) -> None:
    sync = world.start("tariffs")
    for days, state in ((6, "running"), (2, "failed")):
        world.moved += timedelta(days=days)
        world.queue.sent.clear()
        due = world.store.objects.due(world.now()[:19] + "Z", 10)
        world.upkeep().look_at_sync(next(record for record in due if record.key.collection == SYNCS))
        assert world.known(sync.id).state == state
        assert len(world.queue.sent) == (state == "running")


def test_nothing_is_kept_of_what_a_crawl_has_seen_once_it_is_over(world: World) -> None:
    world.lists.lists["tariffs"], world.lists.most = tariffs("T1", "T2", "T3"), 1
    sync = world.sync("tariffs")
    assert world.store.objects.page(PageQuery(Collection("jobs", f"seen-{sync.id}-tariffs"), 10)).total == 0


def test_a_sync_ends_when_the_token_of_the_partner_cannot_be_opened(world: World) -> None:
    world.lists.respond = lambda _module, _query: SealBroken()
    sync = world.sync("tariffs")
    assert (sync.state, sync.error) == ("failed", "the token kept for the partner cannot be opened")
