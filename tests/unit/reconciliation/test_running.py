"""How a reconciliation goes on: in time, at the pace of the partner, through its failures."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from ocpi.delivery.channel import change_channel
from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.errors import StateConflict
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.reconciliation.reconciliation import RECONCILIATIONS, Reconciliation, shown
from ocpi.store.port import PageQuery, PartnerStatus
from ocpi.vault.port import SealBroken
from tests.unit.reconciliation.world import World, answer, counts, problems

UNREACHABLE = PartnerUnreachable("timeout", "no complete answer within 30 s")


def test_it_goes_on_in_the_next_invocation_where_the_time_of_one_ended(world: World) -> None:
    for number in range(230):
        world.give("tariffs", f"T{number:03}")
    world.lose("tariffs", "T007", "T150")
    job = world.start("tariffs", repair=True)
    world.each_step, invocations = 1.0, 0
    while world.known(job.id).state == "running":
        world.queue.sent.clear()
        world.reconciling().work(job.id, 60)
        invocations += 1
        assert world.queue.sent in ([({"reconciliation": job.id}, 0)], [])
    assert invocations > 3
    ended = world.known(job.id)
    assert ended.state == "done"
    assert counts(ended.modules["tariffs"]) == {"same": 228, "missing": 2, "repaired": 2}
    assert len(world.holdings.asked) == 230


def test_two_workers_at_once_are_one(world: World) -> None:
    world.give("tariffs", "T1")
    job = world.start("tariffs")

    def meanwhile(*_: str) -> None:
        world.reconciling().work(job.id, 60)

    world.holdings.respond = meanwhile
    world.reconciling().work(job.id, 60)
    assert len(world.holdings.asked) == 1
    assert world.known(job.id).modules["tariffs"].compared == 1


def test_a_partner_is_never_asked_more_often_than_it_wants_to_be(world: World) -> None:
    world.change(settings={"requests_per_minute": 30})
    for number in range(80):
        world.give("tariffs", f"T{number:02}")
    at: list[float] = []

    def note(*_: str) -> None:
        at.append(world.clock())

    world.holdings.respond = note
    job = world.reconcile("tariffs")
    assert counts(job.modules["tariffs"]) == {"same": 80}
    assert all(later - earlier >= 60 for earlier, later in zip(at, at[30:], strict=False))
    assert at[-1] - at[0] < 240


def test_the_pace_is_kept_from_one_invocation_to_the_next(world: World) -> None:
    world.change(settings={"requests_per_minute": 1})
    for number in range(4):
        world.give("tariffs", f"T{number}")
    at: list[float] = []
    world.holdings.respond = lambda *_: at.append(world.clock())
    job = world.reconcile("tariffs")
    assert counts(job.modules["tariffs"]) == {"same": 4}
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(at))


def test_what_a_partner_quotes_of_a_card_stands_in_no_report(world: World) -> None:
    world.give("tariffs", "TARIFF-01")
    body = b'{"status_code": 3000, "status_message": "TARIFF-01 of SECUID0001 cannot be rendered"}'
    world.holdings.respond = lambda *_: Answer(500, Headers(), body)
    (error,) = world.reconcile("tariffs").modules["tariffs"].errors
    assert error.endswith("HTTP 500, OCPI 3000: TARIFF-01 of … cannot be rendered")


def test_what_others_ask_of_the_partner_counts_against_the_same_limit(world: World) -> None:
    world.change(settings={"requests_per_minute": 30})
    world.give("tariffs", "T1")
    channels, busy_until = world.store.channels, world.clock() + 100
    change_channel(channels, "partner-1", lambda channel: replace(channel, paced_until=instant_at(busy_until)))
    at: list[float] = []
    world.holdings.respond = lambda *_: at.append(world.clock())
    assert counts(world.reconcile("tariffs").modules["tariffs"]) == {"same": 1}
    assert len(at) == 1
    # But for a quarter of the limit, which may come at once.
    assert at[0] >= busy_until - 20
    assert seconds_of(channels.get("partner-1").paced_until) > busy_until


def test_what_was_booked_and_not_asked_is_given_back(world: World) -> None:
    world.change(settings={"requests_per_minute": 300})
    for number in range(9):
        world.give("tariffs", f"T{number}")
    world.holdings.respond = lambda *_: answer(status=503)
    job = world.start("tariffs")
    world.reconciling().work(job.id, 1)
    used = seconds_of(world.store.channels.get("partner-1").paced_until) - world.clock()
    assert used < 3 * 62 / 270


def test_a_failure_that_passes_costs_time_and_no_difference(world: World) -> None:
    for number in range(3):
        world.give("tariffs", f"T{number}")
    replies: list[Answer | Exception] = [answer(status=503), UNREACHABLE]
    world.holdings.respond = lambda _, object_id: replies.pop() if object_id == "T1" and replies else None
    job = world.reconcile("tariffs")
    assert job.state == "done"
    assert counts(job.modules["tariffs"]) == {"same": 3}
    assert sum(world.slept) >= 4


def test_retry_after_is_kept_however_long(world: World) -> None:
    world.give("tariffs", "T1")
    replies = [answer(status=429, Retry_After="2000")]
    at: list[float] = []

    def busy(*_: str) -> Answer | None:
        at.append(world.clock())
        return replies.pop() if replies else None

    world.holdings.respond = busy
    job = world.reconcile("tariffs")
    assert job.state == "done"
    assert at[1] - at[0] >= 2000


def test_what_the_partner_asked_of_deliveries_holds_here_too(world: World) -> None:
    world.give("tariffs", "T1")
    channel = world.store.channels.get(world.partner.id)
    until = world.clock() + 300
    world.store.channels.put(replace(channel, asked_until=instant_at(until)))
    at: list[float] = []
    world.holdings.respond = lambda *_: at.append(world.clock())
    assert world.reconcile("tariffs").state == "done"
    assert at[0] >= until


def test_one_object_that_only_brings_errors_is_unreadable_and_stops_no_other(world: World) -> None:
    for number in range(4):
        world.give("tariffs", f"T{number}")
    world.holdings.respond = lambda _, object_id: answer(status=500) if object_id == "T1" else None
    job = world.reconcile("tariffs", repair=True)
    assert job.state == "done"
    assert counts(job.modules["tariffs"]) == {"same": 3, "unreadable": 1}
    assert problems(job) == [("tariffs", "T1", "unreadable", False)]


@pytest.mark.parametrize(("reply", "tries"), [(answer(status=500), 12), (UNREACHABLE, 4), (answer(status=401), 12)])
def test_a_partner_that_fails_again_and_again_ends_it(world: World, reply: Any, tries: int) -> None:
    for number in range(9):
        world.give("tariffs", f"T{number}")
    world.holdings.respond = lambda _, object_id: reply if object_id > "T1" else None
    job = world.reconcile("tariffs", repair=True)
    assert job.state == "failed"
    assert job.modules["tariffs"].same == 2
    assert any("again and again" in error for error in job.modules["tariffs"].errors)
    assert len(world.holdings.asked) == 2 + tries
    assert world.deliveries.sent == []


@pytest.mark.parametrize("status", [PartnerStatus.SUSPENDED, PartnerStatus.UNREGISTERED])
def test_it_ends_when_the_partner_is_not_connected_any_more(world: World, status: PartnerStatus) -> None:
    world.give("tariffs", "T1")
    job = world.start("tariffs")
    world.change(status=status)
    ended = world.through(job.id)
    assert ended.state == "failed"
    assert ended.error is not None
    assert str(status) in ended.error
    with pytest.raises(StateConflict, match=str(status)):
        world.start("tariffs")


def test_it_ends_when_the_token_of_the_partner_cannot_be_opened(world: World) -> None:
    world.give("tariffs", "T1")
    world.holdings.respond = lambda *_: SealBroken()
    job = world.reconcile("tariffs")
    assert (job.state, job.error) == ("failed", "the token kept for the partner cannot be opened")
    assert world.start("tariffs").id != job.id


def test_a_module_that_is_not_pushed_any_more_is_left_out(world: World) -> None:
    world.give("tariffs", "T1")
    job = world.start("tariffs")
    world.change(settings={"push": {"tariffs": False}})
    ended = world.through(job.id)
    assert ended.modules["tariffs"].errors == ("the partner is not pushed this module any more",)
    assert world.holdings.asked == []


def test_who_asks_again_while_one_goes_on_gets_that_one_or_is_told(world: World) -> None:
    running = world.start("tariffs", "cdrs")
    assert world.start("cdrs").id == running.id
    with pytest.raises(StateConflict, match="goes on"):
        world.start("locations")
    with pytest.raises(StateConflict, match="goes on"):
        world.start("tariffs", repair=True)
    world.through(running.id)
    assert world.start("tariffs").id != running.id
    assert world.store.objects.page(PageQuery(RECONCILIATIONS, 10)).total == 2


def test_one_that_ended_is_forgotten_after_thirty_days(world: World) -> None:
    job = world.reconcile("tariffs")
    world.moved += 29 * 86_400
    world.look_at_what_is_due()
    assert world.known(job.id).state == "done"
    world.moved += 2 * 86_400
    world.look_at_what_is_due()
    assert world.store.objects.page(PageQuery(RECONCILIATIONS, 10)).total == 0


def days_ago(world: World, days: float) -> str:
    return instant_at(world.clock() - days * 86_400)[:19] + "Z"


def weekly(world: World) -> Reconciliation:
    world.starting().by_schedule(world.partner)
    ((message, _),) = world.queue.sent
    return world.through(message["reconciliation"])


def test_the_weekly_one_looks_back_thirty_days_at_what_grows_without_end(world: World) -> None:
    old, young, audience = days_ago(world, 31), days_ago(world, 29), "DE-ABC"
    for name, at in (("OLD", old), ("YOUNG", young)):
        world.give("sessions", name, audience=audience, last_updated=at)
        world.give("tariffs", name, last_updated=at)
        world.give("locations", name, last_updated=at)
    job = weekly(world)
    assert job.since is not None
    assert days_ago(world, 30.01) < job.since <= days_ago(world, 30)
    asked = {(module, object_id) for module, object_id, _ in world.holdings.asked}
    always = {(module, name) for module in ("tariffs", "locations") for name in ("OLD", "YOUNG")}
    assert asked == always | {("sessions", "YOUNG")}
    assert shown(job)["since"] == job.since


def test_of_cdrs_the_weekly_one_compares_what_came_of_late_whatever_their_date(world: World) -> None:
    world.give("cdrs", "CDR-1", audience="DE-ABC", last_updated="2020-01-01T00:00:00Z")
    world.lose("cdrs", "CDR-1")
    assert problems(weekly(world)) == [("cdrs", "CDR-1", "missing", False)]
    world.queue.sent.clear()
    world.moved += 31 * 86_400
    assert weekly(world).modules["cdrs"].compared == 0


def test_one_by_hand_compares_all_there_are_unless_it_is_asked_for_less(world: World) -> None:
    for name, days in (("OLD", 400), ("YOUNG", 1)):
        world.give("sessions", name, audience="DE-ABC", last_updated=days_ago(world, days))
    assert world.reconcile("sessions").modules["sessions"].compared == 2
    some = world.starting().by_hand(world.partner, ["sessions"], repair=False, since=days_ago(world, 2))
    assert world.through(some.id).modules["sessions"].compared == 1


def test_pages_of_what_is_young_go_on_where_they_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpi.reconciliation.module_step.PAGE", 2)
    for number in range(5):
        world.give("sessions", f"S{number}", audience="DE-ABC", last_updated=days_ago(world, number + 1))
        world.give("cdrs", f"C{number}", audience="DE-ABC")
    job = weekly(world)
    assert (job.modules["sessions"].compared, job.modules["cdrs"].compared) == (5, 5)


def test_who_asks_for_more_than_the_one_that_goes_on_is_told(world: World) -> None:
    starting = world.starting()
    starting.by_schedule(world.partner)
    ((message, _),) = world.queue.sent
    with pytest.raises(StateConflict, match="of less"):
        world.start("tariffs")
    less = starting.by_hand(world.partner, ["tariffs"], repair=False, since=days_ago(world, 3))
    assert less.id == message["reconciliation"]
    with pytest.raises(StateConflict, match="of less"):
        starting.by_hand(world.partner, ["tariffs"], repair=False, since=days_ago(world, 40))


def test_the_weekly_one_compares_every_module_and_repairs_nothing(world: World) -> None:
    for module, name in (("tariffs", "T1"), ("locations", "L1")):
        world.give(module, name)
        world.lose(module, name)
    world.starting().by_schedule(world.partner)
    ((message, _),) = world.queue.sent
    job = world.through(message["reconciliation"])
    assert not job.repair
    assert [each.module for each in job.differences] == ["locations", "tariffs"]
    assert world.deliveries.sent == []


def test_the_weekly_one_waits_for_one_by_hand(world: World) -> None:
    world.start("tariffs")
    world.queue.sent.clear()
    world.starting().by_schedule(world.partner)
    assert world.queue.sent == []


def test_a_partner_with_nothing_to_compare_has_no_weekly_one(world: World) -> None:
    world.change(endpoints=())
    world.starting().by_schedule(world.partner)
    assert world.store.objects.page(PageQuery(RECONCILIATIONS, 10)).total == 0
