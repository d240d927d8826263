from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.delivery.backlog import behind, oldest_undelivered
from ocpi.delivery.catching_up import PAGE, Job, all_jobs, read, start
from ocpi.delivery.fan_out import FanOut
from ocpi.delivery.instants import instant_at
from ocpi.delivery.partner_changes import partner_left, settings_changed
from ocpi.delivery.retry import Retry
from ocpi.delivery.sweeping import sweep
from ocpi.delivery.upkeep import DeliveryUpkeep
from ocpi.delivery.wake_ups import wake
from ocpi.store.deliveries import HELD, DeliveryState
from ocpi.store.port import Collection, Key, PartnerStatus
from tests.unit.commands.fakes import answer

if TYPE_CHECKING:
    from ocpi.store.deliveries import Channel
    from ocpi.store.port import Partner
    from tests.unit.delivery.played import Asked
    from tests.unit.delivery.world import World


def retry(world: World, *, everything: bool = False) -> int:
    return Retry(world.store, world.queue, world.clock).everything_missed(world.partner, everything=everything)


@pytest.mark.parametrize("full", [True, False])
def test_the_sweep_finds_what_nobody_was_told_of(world: World, full: bool) -> None:
    for number in range(PAGE + 5):
        world.put("tariffs", id=f"T-{number}", stream=number % 50 == 0)
    world.put("cdrs", stream=False)
    world.run()
    sweep(world.store, world.queue, world.partner, world.clock, full=full)
    world.run()
    assert len(world.client.held) == PAGE + 6
    assert len(world.requests) == PAGE + 6


def test_the_hourly_sweep_leaves_to_the_weekly_one_what_was_there_and_says_it_was_updated_long_ago(
    world: World,
) -> None:
    world.put("tariffs", last_updated="2020-01-01T00:00:00Z")
    world.run(5 * 3600)
    world.client.asked.clear()
    world.put("tariffs", last_updated="2020-01-02T00:00:00Z", stream=False)
    sweep(world.store, world.queue, world.partner, world.clock, full=False)
    world.run()
    assert world.requests == []
    sweep(world.store, world.queue, world.partner, world.clock, full=True)
    world.run()
    assert len(world.requests) == 1


def test_the_weekly_sweep_finds_tariffs_that_are_gone(world: World) -> None:
    world.put("tariffs", id="T-1")
    world.put("tariffs", id="T-2")
    world.run()
    record = world.store.objects.get(Key(Collection("own", "tariffs"), "T-1"))
    assert record is not None
    world.store.objects.delete(record.key, expected=record.revision)
    sweep(world.store, world.queue, world.partner, world.clock, full=True)
    world.run()
    assert world.requests[2:] == ["DELETE tariffs/NL/EXA/T-1"]


def test_the_sweep_leaves_alone_what_was_refused(world: World) -> None:
    world.set(trailing_slash="strip")
    world.client.spoil = lambda _: answer(400)
    world.put("tariffs")
    world.run()
    world.clock.now += 60
    sweep(world.store, world.queue, world.partner, world.clock, full=True)
    world.run()
    assert len(world.requests) == 1


def test_a_retry_sends_what_failed_and_what_waits_and_says_how_much(world: World) -> None:
    world.set(trailing_slash="strip")
    world.client.spoil = lambda asked: answer(400) if "BAD" in asked.url else answer(503)
    world.put("tariffs", id="BAD-1")
    world.put("tariffs", id="BAD-2")
    world.put("tariffs", id="LATER")
    world.run(30)
    world.client.spoil = lambda _: None
    assert retry(world) == 3
    world.run()
    assert len(world.client.held) == 3
    assert retry(world) == 0


def test_a_retry_of_all_sends_whole_objects_but_no_cdr_twice(world: World) -> None:
    world.put("locations")
    world.put("tariffs")
    world.put("cdrs")
    world.put("sessions", audience="DE-OTH")
    world.run()
    world.client.held.clear()
    assert retry(world, everything=True) == 2
    world.run()
    assert sorted(each.split("/")[0] for each in world.requests[3:]) == ["PUT locations", "PUT tariffs"]


def test_a_retry_of_all_is_a_first_push_to_a_partner_that_never_pulled(world: World) -> None:
    world.put("locations", stream=False)
    world.clock.now += 60
    world.change_partner(registered_at=world.clock.wire())
    assert retry(world, everything=True) == 1
    world.run()
    assert world.requests == ["PUT locations/NL/EXA/L-1"]


def test_what_is_held_stays_held_in_a_retry_and_is_not_counted(world: World) -> None:
    world.set(push={"locations": False})
    world.put("locations")
    assert retry(world) == 0
    world.run()
    assert world.requests == []


def test_changed_settings_have_what_was_refused_tried_again(world: World) -> None:
    world.set(trailing_slash="strip")
    world.client.spoil = lambda _: answer(405)
    record = world.put("tariffs")
    world.run()
    assert world.state("tariffs", record.key.id) is DeliveryState.FAILED
    world.client.spoil = lambda _: None
    world.set(trailing_slash="add")
    settings_changed(world.store, world.queue, world.partner)
    world.run()
    assert world.state("tariffs", record.key.id) is DeliveryState.DELIVERED


def test_a_lost_message_costs_a_minute(world: World) -> None:
    world.put("tariffs")
    world.queue.messages.clear()
    world.run(61)
    assert len(world.requests) == 1


def test_nothing_is_woken_that_rests_or_has_nothing_to_do(world: World) -> None:
    world.keep_up()
    assert world.queue.messages == []
    world.client.spoil = lambda _: answer(429, Retry_After="300")
    world.put("tariffs")
    world.run()
    world.queue.messages.clear()
    world.keep_up()
    assert world.queue.messages == []


def test_jobs_that_are_asked_for_twice_are_done_once_and_in_full(world: World) -> None:
    world.register("EMSP", "OTH")
    start(world.store.channels, world.partner.id, [Job("objects", "tariffs", updated_from="2026-02-01T00:00:00Z")])
    start(world.store.channels, world.partner.id, [Job("failed"), Job("objects", "tariffs", everything=True)])
    jobs = read(world.store.channels.get(world.partner.id).catch_up)
    assert jobs == [Job("objects", "tariffs", everything=True), Job("failed")]
    assert [job.what for job in all_jobs(world.partner)] == ["objects"] * 4 + ["gone"]
    assert all_jobs(world.partner)[-1].module == "tariffs"


def test_what_is_behind_and_for_how_long(world: World) -> None:
    assert oldest_undelivered(world.store, world.clock) is None
    world.client.spoil = lambda _: answer(503)
    world.put("tariffs", id="T-1")
    world.run(100)
    world.put("tariffs", id="T-2")
    assert behind(world.store, world.partner) == 2
    assert oldest_undelivered(world.store, world.clock) == 100
    partner_left(world.store, world.partner.id)
    assert behind(world.store, world.partner) == 0
    assert oldest_undelivered(world.store, world.clock) is None


@pytest.mark.parametrize("full", [True, False])
def test_what_is_held_although_its_module_is_switched_on_again_the_sweep_finds(world: World, full: bool) -> None:
    world.set(push={"tariffs": False, "locations": False})
    world.put("tariffs", id="T-1")
    world.put("locations")
    world.run(60)
    world.set(push={"tariffs": True, "locations": False})  # and the process dies before it asks for more
    sweep(world.store, world.queue, world.partner, world.clock, full=full)
    world.run()
    assert world.requests == ["PUT tariffs/NL/EXA/T-1"]
    held = world.delivery("locations", "L-1")
    assert held is not None
    assert held.due == HELD


def test_the_sweep_leaves_what_waits_for_its_next_try(world: World) -> None:
    world.put("tariffs", id="T-1")
    marked = world.delivery("tariffs", "T-1")
    assert marked is not None
    waits = world.store.deliveries.put_many([replace(marked, due=instant_at(world.clock.now + 600), attempts=9)])
    sweep(world.store, world.queue, world.partner, world.clock, full=True)
    world.run(60)
    assert [world.delivery("tariffs", "T-1")] == waits
    assert world.requests == []


def test_a_module_switched_on_while_a_change_is_marked_holds_nothing(world: World) -> None:
    world.set(push={"tariffs": False})
    record = world.put("tariffs", id="T-1", stream=False)
    store, listed = world.watched_store(), world.store.partners.list

    def list_and_be_overtaken() -> list[Partner]:
        found = listed()
        world.set(push={"tariffs": True})
        settings_changed(world.store, world.queue, world.partner)
        world.run()
        world.client.spoil = lambda _: None
        return found

    world.client.spoil = lambda _: answer(500)  # so that it waits, and is not at the partner already
    store.partners = SimpleNamespace(list=list_and_be_overtaken, get=world.store.partners.get)
    for partner_id in FanOut(store, world.clock).mark([record.key]):
        wake(store.channels, world.queue, partner_id, world.clock)
    world.run(60)
    assert world.state("tariffs", "T-1") is DeliveryState.DELIVERED


@pytest.mark.parametrize("audience", ["DE-EMS", None])
def test_the_hourly_sweep_finds_what_is_new_however_old_it_says_it_is(world: World, audience: str | None) -> None:
    if audience:
        world.put("sessions", audience=audience, last_updated="2020-01-01T00:00:00Z", stream=False)
    else:
        world.put("tariffs", last_updated="2020-01-01T00:00:00Z", stream=False)
    sweep(world.store, world.queue, world.partner, world.clock, full=False)
    world.run()
    assert len(world.requests) == 1


def test_a_retry_sends_what_nobody_was_told_of_as_well_and_says_how_much(world: World) -> None:
    world.put("tariffs", id="GONE")
    world.put("tariffs", id="KEPT")
    world.run()
    world.set(push={"locations": False})
    lost = world.store.objects.get(Key(Collection("own", "tariffs"), "GONE"))
    assert lost is not None
    world.store.objects.delete(lost.key, expected=lost.revision)
    world.put("locations", stream=False)
    world.put("tariffs", id="NEW", stream=False)
    world.put("cdrs", stream=False)
    assert retry(world) == 3
    assert retry(world) == 3
    world.run()
    assert sorted(world.requests[2:]) == ["DELETE tariffs/NL/EXA/GONE", "POST cdrs", "PUT tariffs/NL/EXA/NEW"]
    assert retry(world) == 0


def test_a_retry_that_takes_long_is_ended_by_whoever_delivers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpi.delivery.retry.AT_ONCE_SECONDS", 0.0)
    world.put("tariffs", id="NEW", stream=False)
    assert retry(world) == 0
    world.run()
    assert world.requests == ["PUT tariffs/NL/EXA/NEW"]


def test_what_is_due_does_not_wait_for_a_comparison_to_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpi.delivery.catching_up.PAGE", 2)
    for number in range(20):
        world.put("tariffs", id=f"T-{number:02}")
    world.run()
    sweep(world.store, world.queue, world.partner, world.clock, full=True)
    world.put("tariffs", id="DUE")
    still: list[str | None] = []

    def note(_: Asked) -> None:
        still.append(world.store.channels.get(world.partner.id).catch_up)

    world.client.spoil = note
    world.run()
    assert len(still) == 1
    assert len(read(still[0])) > 1
    assert world.store.channels.get(world.partner.id).catch_up is None


@pytest.mark.parametrize("full", [False, True])
def test_a_comparison_that_finds_nothing_writes_next_to_nothing(world: World, *, full: bool) -> None:
    world.put("tariffs", id="T-1")
    world.run(60)
    before, sent = world.store.channels.get(world.partner.id).revision, world.messages_from_now_on()
    sweep(world.store, world.queue, world.partner, world.clock, full=full)
    world.run(60)
    channel = world.store.channels.get(world.partner.id)
    assert channel.catch_up is None
    # The jobs; the lease; that they are done; letting go.
    assert channel.revision == before + 4
    assert len(sent) == 1


def test_how_far_a_long_comparison_came_is_written_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpi.delivery.catching_up.PAGE", 2)
    monkeypatch.setattr("ocpi.delivery.catching_up.STEP_SECONDS", 0.0)
    for number in range(10):
        world.put("tariffs", id=f"T-{number:02}")
    world.run(60)
    before = world.store.channels.get(world.partner.id).revision
    start(world.store.channels, world.partner.id, [Job("objects", "tariffs")])
    world.work("due")
    channel = world.store.channels.get(world.partner.id)
    assert channel.catch_up is None
    assert channel.revision > before + 7


def test_a_comparison_goes_on_while_the_partner_rests(world: World) -> None:
    world.client.spoil = lambda _: answer(429, Retry_After="300")
    world.put("tariffs", id="T-1")
    world.run()
    world.put("tariffs", id="T-2", stream=False)
    sweep(world.store, world.queue, world.partner, world.clock, full=True)
    world.run()
    assert world.store.channels.get(world.partner.id).catch_up is None
    assert world.state("tariffs", "T-2") is DeliveryState.PENDING
    assert len(world.requests) == 1


def test_a_comparison_counts_nothing_and_looks_for_deleted_objects_where_there_may_be_any(world: World) -> None:
    world.put("tariffs")
    world.put("cdrs")
    world.run()
    asked: list[tuple[str, object]] = []

    class Watched:
        def __init__(self, watched: object) -> None:
            self._watched = watched

        def page(self, *args: Any, **options: Any) -> Any:
            asked.append((str(args[1]) if len(args) > 1 else "objects", options.get("module")))
            assert not options.get("counted", getattr(args[0], "counted", False))
            return self._watched.page(*args, **options)  # type: ignore[attr-defined] # either part of the store

        def __getattr__(self, name: str) -> Any:
            assert name != "count"
            return getattr(self._watched, name)

    world.around = lambda part: Watched(part) if hasattr(part, "page") else part
    settings_changed(world.store, world.queue, world.partner)
    world.run()
    assert asked == [("failed", None), ("pending", None), *[("objects", None)] * 4, ("delivered", "tariffs")]


def test_one_partner_that_upkeep_fails_at_does_not_keep_the_others_from_it(world: World) -> None:
    other = world.register("EMSP", "OTH")
    world.put("tariffs")
    world.queue.messages.clear()
    channels, failing = world.store.channels, [world.partner.id]

    class Failing:
        def get(self, partner_id: str) -> Channel:
            if partner_id in failing:
                raise OSError("on purpose")
            return channels.get(partner_id)

    store: Any = SimpleNamespace(partners=world.store.partners, deliveries=world.store.deliveries, channels=Failing())
    assert DeliveryUpkeep(store, world.queue, world.clock).wake() == 1
    assert [message.json()["partner"] for message in world.queue.messages] == [other.id]


def test_a_partner_that_has_left_is_forgotten_a_part_each_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpi.delivery.upkeep.FORGOTTEN_AT_ONCE", 2)
    for number in range(5):
        world.put("tariffs", id=f"T-{number}")
    world.change_partner(status=PartnerStatus.UNREGISTERED)
    left = []
    for _ in range(4):
        world.keep_up()
        left.append(world.store.deliveries.page(world.partner.id, None, 1, counted=True).total)
    assert left == [3, 1, 0, 0]
