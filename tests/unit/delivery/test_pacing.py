from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.delivery.catching_up import all_jobs, start
from ocpi.delivery.instants import instant_at
from ocpi.delivery.pacing import Pace, Paced
from ocpi.store.deliveries import Channel
from ocpi.store.port import Conflict
from tests.unit.delivery.ticking import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.delivery.world import World


class Channels:
    """The channel of one partner; ``meanwhile`` is called between the look at it and the next write."""

    def __init__(self) -> None:
        self.channel = Channel("p-1")
        self.meanwhile: list[Callable[[], object]] = []
        self.writes = 0

    def get(self, _: str) -> Channel:
        found = self.channel
        if self.meanwhile:
            self.meanwhile.pop()()
        return found

    def put(self, channel: Channel) -> Channel:
        if channel.revision != self.channel.revision:
            raise Conflict
        self.writes += 1
        self.channel = replace(channel, revision=channel.revision + 1)
        return self.channel


def pace_in(channels: Channels, limit: int, clock: Clock, most: int = 1) -> Pace:
    return Pace.in_channel(cast("Any", channels), "p-1", limit, most=most, clock=clock, sleep=clock.sleep)


def delivering_in(channels: Channels, limit: int, clock: Clock) -> Pace:
    """As a drain has it: in no one's way, and ahead of its time."""

    def write(move: Callable[[Channel], Channel]) -> object:
        return channels.put(move(channels.get("p-1")))

    return Pace(limit, write, most=100, clock=clock, sleep=clock.sleep)


def three(channels: Channels, limit: int, clock: Clock) -> dict[str, Pace]:
    return {
        "deliver": delivering_in(channels, limit, clock),
        "pull": pace_in(channels, limit, clock, 1),
        "reconcile": pace_in(channels, limit, clock, 10),
    }


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(begin <= each < begin + 60 for each in times) for begin in times)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["deliver", "pull", "reconcile"]),
        st.one_of(st.just(0.0), st.floats(0, 0.6), st.floats(0, 100)),
        st.integers(0, 7),
        st.sampled_from(["goes on", "lets go", "dies"]),
    ),
    min_size=1,
    max_size=60,
)


@given(limit=st.one_of(st.integers(1, 40), st.sampled_from([60, 600, 60_000])), steps=STEPS)
def test_all_who_send_to_a_partner_together_never_exceed_its_limit_in_any_minute(
    limit: int, steps: list[tuple[str, float, int, str]]
) -> None:
    clock, channels, times = Clock(), Channels(), []
    paces = three(channels, limit, clock)
    for who, wait, requests, then in steps:
        clock.now += wait
        pace = paces[who]
        if who == "deliver":
            pace.look(channels.channel)
            pace.book(max(1, pace.ready_within(1)))
        for _ in range(requests):
            try:
                pace.take(clock.now + 100)
            except Paced:
                break
            times.append(clock.now)
        if then == "lets go":
            pace.let_go()
        elif then == "dies":
            paces[who] = three(channels, limit, clock)[who]
    if times:
        assert most_in_a_minute(times) <= limit


@pytest.mark.parametrize("limit", [1, 6, 13, 60, 600])
def test_three_at_once_share_the_limit_and_make_use_of_it(limit: int) -> None:
    clock, channels = Clock(), Channels()
    paces = three(channels, limit, clock)
    sent: dict[str, list[float]] = {name: [] for name in paces}
    began = clock.now
    while clock.now < began + 600:
        for name, pace in paces.items():
            try:
                pace.take(clock.now + (5 if name == "deliver" else 0.5))
            except Paced:
                continue
            sent[name].append(clock.now)
        clock.now += 0.05
    times = sorted(time for each in sent.values() for time in each)
    assert most_in_a_minute(times) <= limit
    assert len(times) >= 0.55 * limit * 10
    assert len(sent["deliver"]) >= len(times) / 3 - 1


def test_a_booking_that_somebody_else_was_faster_with_is_made_after_theirs() -> None:
    clock, channels = Clock(), Channels()
    ours, theirs = pace_in(channels, 60, clock, 3), delivering_in(channels, 60, clock)
    channels.meanwhile = [lambda: theirs.book(2)]
    ours.take(clock.now + 0.5)
    cells = 62 / 54
    until = channels.channel.paced_until
    assert until is not None
    assert until >= instant_at(clock.now + 3 * cells - 0.01)


def test_what_was_booked_and_not_used_is_given_back_unless_somebody_has_booked_after_it() -> None:
    clock, channels = Clock(), Channels()
    ours, theirs = delivering_in(channels, 60, clock), pace_in(channels, 60, clock)
    ours.book(4)
    booked = channels.channel.paced_until
    ours.take(clock.now + 1)
    ours.let_go()
    given_back = channels.channel.paced_until
    assert booked is not None
    assert given_back is not None
    assert given_back < booked
    ours.book(3)
    theirs.take(clock.now + 0.5)
    kept = channels.channel.paced_until
    ours.let_go()
    assert channels.channel.paced_until == kept


def test_what_is_booked_is_used_in_time_or_lost() -> None:
    clock, channels = Clock(), Channels()
    ours, theirs = delivering_in(channels, 60, clock), delivering_in(channels, 60, clock)
    ours.book(54)
    clock.now += 60
    times: list[float] = []
    for pace in [ours] * 54 + [theirs] * 80:
        pace.take(clock.now + 100)
        times.append(clock.now)
    assert most_in_a_minute(times) <= 60


@pytest.mark.parametrize("limit", [60, 600])
def test_whoever_pulls_leaves_a_cell_to_whoever_delivers(limit: int) -> None:
    clock, channels = Clock(), Channels()
    pull, deliver = pace_in(channels, limit, clock), delivering_in(channels, limit, clock)
    for _ in range(limit):
        with suppress(Paced):
            pull.take(clock() + 0.000_1)
    with pytest.raises(Paced):
        pull.take(clock() + 0.000_1)
    deliver.take(clock() + 0.000_1)


def test_the_limit_is_made_use_of() -> None:
    clock, channels = Clock(), Channels()
    pace = delivering_in(channels, 300, clock)
    began, times = clock.now, []
    while clock.now < began + 600:
        pace.take(clock.now + 60)
        times.append(clock.now)
    assert 2200 <= len(times) <= 3000
    assert sum(each < began + 0.1 for each in times) == 75


def test_a_page_costs_one_write() -> None:
    clock, channels = Clock(), Channels()
    pace = pace_in(channels, 600, clock)
    for _ in range(5):
        pace.take(clock.now + 0.5)
    assert channels.writes == 5


def test_ten_looks_cost_one_write() -> None:
    clock, channels = Clock(), Channels()
    pace = pace_in(channels, 600, clock, most=10)
    for _ in range(20):
        pace.take(clock.now + 5)
    assert channels.writes == 2


def test_a_request_that_may_not_begin_in_time_is_not_counted() -> None:
    clock, channels = Clock(), Channels()
    pace = delivering_in(channels, 1, clock)
    pace.take(clock.now + 1)
    before = channels.channel.paced_until
    with pytest.raises(Paced):
        pace.take(clock.now + 5)
    assert channels.channel.paced_until == before
    clock.now += 62
    assert pace.wait() == 0.0
    pace.take(clock.now + 1)


def test_a_booking_that_cannot_be_written_lets_nothing_through() -> None:
    clock, channels = Clock(), Channels()
    pace = delivering_in(channels, 60, clock)
    pace.book(3)

    def break_down(_: object) -> object:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        pace.book(3, break_down)
    channels.writes = 0
    pace.take(clock.now + 5)
    assert channels.writes == 1


@pytest.mark.parametrize("limit", [1, 7, 60, 300])
def test_a_partner_never_gets_more_in_a_minute_than_its_limit_over_many_drains(world: World, limit: int) -> None:
    world.set(requests_per_minute=limit)
    for number in range(150):
        world.put("tariffs", id=f"T-{number}", stream=number % 10 == 0)
        world.clock.now += 0.2
    start(world.store.channels, world.partner.id, all_jobs(world.partner))
    world.run(400)
    times = [each.at for each in world.client.asked]
    assert most_in_a_minute(times) <= limit
    assert len(times) >= min(150, 0.8 * 400 * limit / 60 - 2)
