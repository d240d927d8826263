"""When partners are pulled from, with a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from ocpi.errors import StateConflict
from ocpi.pull.outage import OUTAGE, note_run
from ocpi.pull.scheduling import Schedule, schedule_draft, schedule_from, schedule_key
from ocpi.pull.upkeep import Errand
from ocpi.store.port import PartnerStatus
from ocpi.store.update import update
from ocpi.times import parse_instant
from tests.unit.pull.world import UNREACHABLE, World, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partner


def schedule(world: World) -> Schedule:
    record = world.store.objects.get(schedule_key(world.partner.id))
    assert record is not None
    return schedule_from(record)


def pass_time(world: World, time: timedelta, step: timedelta = timedelta(minutes=5)) -> list[float]:
    """Let upkeep run every so often, and the worker on what it sends; the hours after which a pull began."""
    began, end = [], world.moved + time
    start = world.moved
    while world.moved < end:
        if step > OUTAGE:  # it ran each minute in between
            note_run(world.store.objects, world.now())
        world.upkeep().attend()
        for record in world.store.objects.due(world.now()[:19] + "Z", 100):
            if record.key == schedule_key(world.partner.id):
                world.upkeep().look_at_schedule(record)
            else:
                world.upkeep().look_at_sync(record)
        for sync_id in dict.fromkeys(sent for sent, _ in world.queue.sent):
            began.append((world.moved - start) / timedelta(hours=1))
            world.through(sync_id)
        world.queue.sent.clear()
        world.moved += step
    return began


@pytest.mark.req("TF-62")
def test_pulls_are_spaced_in_hours_with_splay(world: World) -> None:
    began = pass_time(world, timedelta(days=3))
    pauses = [later - earlier for earlier, later in pairwise(began)]
    assert began[0] == 0
    assert len(pauses) >= 8
    assert all(4.8 <= pause <= 7.3 for pause in pauses if pause > 4.7)
    assert len({round(pause, 2) for pause in pauses}) > 3
    # One of the pulls may come earlier: the one in full, at a random time of the week.
    assert sum(pause < 4.7 for pause in pauses) <= 1


@pytest.mark.req("TF-62")
def test_two_partners_that_register_at_once_are_not_asked_at_the_same_time(new_world: Callable[[], World]) -> None:
    times = []
    for _ in range(2):
        world = new_world()
        pass_time(world, timedelta(minutes=5))
        times.append(schedule(world).next)
    assert times[0]["pull"] != times[1]["pull"]
    assert times[0]["full"] != times[1]["full"]


def test_once_a_week_a_pull_is_full(world: World) -> None:
    pass_time(world, timedelta(days=15), timedelta(hours=1))
    full = [query for query in world.lists.queries("tariffs") if "date_from" not in query]
    assert 2 <= len(full) <= 4
    assert len(world.lists.queries("tariffs")) > 40


@pytest.mark.req("TF-60")
def test_after_we_were_down_a_partner_is_asked_for_what_changed_since_then(world: World) -> None:
    pass_time(world, timedelta(minutes=10))
    since = schedule(world).modules["cdrs"]
    not_in_full = replace(schedule(world), next={**schedule(world).next, "full": "2999-01-01T00:00:00Z"})
    update(world.store.objects, not_in_full.key, lambda _: schedule_draft(not_in_full))
    world.moved += timedelta(days=2)
    world.lists.asked.clear()
    world.lists.lists["cdrs"] = [listed("cdrs", "C1", last_updated=world.now()[:19] + "Z")]
    assert pass_time(world, timedelta(minutes=5)) == [0]
    assert world.stored("cdrs", "C1") is not None
    asked = world.lists.queries("cdrs")[0].partition("date_from=")[2]
    assert parse_instant(since) - parse_instant(asked) == timedelta(minutes=10)


@pytest.mark.req("TF-60")
def test_soon_after_an_outage_partners_are_asked_for_what_changed_though_no_pull_was_due(world: World) -> None:
    pass_time(world, timedelta(minutes=10))
    later = "2999-01-01T00:00:00Z"
    nothing_due = replace(schedule(world), next={"pull": later, "full": later})
    update(world.store.objects, nothing_due.key, lambda _: schedule_draft(nothing_due))
    assert pass_time(world, timedelta(minutes=30)) == []
    world.moved += timedelta(hours=1)
    world.lists.asked.clear()
    minutes = [hours * 60 for hours in pass_time(world, timedelta(minutes=30), timedelta(minutes=1))]
    assert len(minutes) == 1
    assert minutes[0] <= 7
    assert all("date_from" in query for query in world.lists.queries("cdrs"))
    assert len(world.lists.queries("cdrs")) == 1


def test_partners_are_not_all_asked_in_the_same_second_after_an_outage(new_world: Callable[[], World]) -> None:
    due = []
    for _ in range(3):
        world = new_world()
        pass_time(world, timedelta(minutes=10))
        world.moved += timedelta(hours=1)
        world.upkeep().attend()
        due.append(schedule(world).next["pull"])
    assert len(set(due)) > 1


@pytest.mark.req("TF-60")
def test_a_partner_that_was_suspended_or_out_of_reach_is_pulled_from_when_it_is_back(world: World) -> None:
    pass_time(world, timedelta(minutes=10))
    world.change(status=PartnerStatus.SUSPENDED)
    assert pass_time(world, timedelta(hours=30)) == []
    world.change(status=PartnerStatus.REGISTERED)
    assert pass_time(world, timedelta(minutes=10)) != []
    world.store.partners.mark_behind(world.partner.id, "2026-01-01T00:00:00Z")
    pass_time(world, timedelta(minutes=5))
    world.store.partners.mark_behind(world.partner.id, None)
    assert pass_time(world, timedelta(minutes=10)) != []


def test_after_a_pull_in_vain_the_next_ones_come_after_growing_pauses(world: World) -> None:
    world.lists.respond = lambda _module, _query: UNREACHABLE
    began = pass_time(world, timedelta(hours=30))
    pauses = [later - earlier for earlier, later in pairwise(began)]
    assert 0.2 <= pauses[0] <= 0.4
    assert 0.4 <= pauses[1] <= 0.75
    assert 4.8 <= max(pauses) <= 7.3
    world.lists.respond = lambda _module, _query: None
    pass_time(world, timedelta(hours=10))
    assert schedule(world).failures == 0


def test_two_upkeeps_at_once_start_one_pull(world: World) -> None:
    first, second = world.upkeep(), world.upkeep()
    partner = world.partner
    before = Schedule(partner.id, {"pull": "2026-01-01T00:00:00Z", "full": "2999-01-01T00:00:00Z"})
    first._run(partner, before)
    second._run(partner, before)
    assert len({sync_id for sync_id, _ in world.queue.sent}) == 1


def test_a_partner_that_left_has_no_schedule_any_more(world: World) -> None:
    pass_time(world, timedelta(minutes=10))
    world.change(status=PartnerStatus.UNREGISTERED)
    world.upkeep().attend()
    assert world.store.objects.get(schedule_key(world.partner.id)) is None


def test_a_sync_is_forgotten_after_thirty_days(world: World) -> None:
    sync = world.sync("tariffs")
    pass_time(world, timedelta(days=31), timedelta(hours=6))
    assert world.store.objects.get(sync.key) is None


def test_what_cannot_be_put_on_the_queue_is_found_by_upkeep(world: World) -> None:
    world.queue.broken = True
    sync = world.start("tariffs")
    world.queue.broken = False
    pass_time(world, timedelta(minutes=10))
    assert world.known(sync.id).state == "done"


def test_other_errands_are_run_at_their_times(world: World) -> None:
    ran: list[Partner] = []
    world.errands["sweep"] = Errand(timedelta(hours=1), ran.append)
    pass_time(world, timedelta(hours=12))
    assert 9 <= len(ran) <= 16
    del world.errands["sweep"]
    world.upkeep().attend()
    assert schedule(world).next.keys() == {"pull", "full"}


def test_an_errand_that_fails_is_run_again_soon_and_holds_up_no_pull(world: World) -> None:
    def fail(_: Partner) -> None:
        tries.append(1)
        raise OSError

    tries: list[int] = []
    world.errands["sweep"] = Errand(timedelta(hours=1), fail)
    assert pass_time(world, timedelta(hours=3))[0] == 0
    assert len(tries) >= 10


def test_who_asks_for_a_sync_while_one_goes_on_gets_that_one_or_is_told(world: World) -> None:
    running = world.start("tariffs", "cdrs")
    assert world.start("cdrs").id == running.id
    with pytest.raises(StateConflict, match="goes on"):
        world.start("locations")
    world.through(running.id)
    another = world.start("tariffs")
    assert another.id != running.id
    with pytest.raises(StateConflict, match="goes on"):
        world.start("tariffs", full=True)


def test_a_scheduled_pull_waits_for_one_by_hand(world: World) -> None:
    running = world.start("tariffs")
    world.queue.sent.clear()
    world.upkeep().attend()
    record = world.store.objects.get(schedule_key(world.partner.id))
    assert record is not None
    world.upkeep().look_at_schedule(record)
    assert world.queue.sent == []
    world.through(running.id)
    assert pass_time(world, timedelta(minutes=30)) != []


def test_a_suspended_partner_is_not_pulled_from(world: World) -> None:
    world.change(status=PartnerStatus.SUSPENDED)
    with pytest.raises(StateConflict, match="SUSPENDED"):
        world.start("tariffs")
