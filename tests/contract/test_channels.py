"""Channels: how deliveries to each partner go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ocpi.store.deliveries import Channel
from ocpi.store.port import Conflict
from tests.support.known_partners import know

if TYPE_CHECKING:
    from ocpi.store.port import Store
    from tests.support.stores import Backend

AT = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
def store(store: Store) -> Store:
    know(store, "p1", "p2")
    return store


def test_every_partner_has_a_channel_before_the_first_write(store: Store) -> None:
    assert store.channels.get("p1") == Channel("p1", revision=0)


def test_a_channel_is_kept_with_every_field(store: Store) -> None:
    channel = Channel(
        "p1",
        leased_until=AT,
        called=2,
        failures=7,
        paused_until="2026-01-02T00:00:00.000000Z",
        asked_until="2026-01-03T00:00:00.000000Z",
        tried_at="2026-01-04T00:00:00.000000Z",
        behind_since="2026-01-05T00:00:00.000000Z",
        paced_until="2026-01-06T00:00:00.000000Z",
        catch_up='{"what":"söme"}',
    )
    written = store.channels.put(channel)

    assert written == replace(channel, revision=1)
    assert store.channels.get("p1") == written
    assert store.channels.get("p2") == Channel("p2")


def test_each_write_counts_the_revision_and_replaces_all(store: Store) -> None:
    store.channels.put(Channel("p1", leased_until=AT, failures=3))
    second = store.channels.put(Channel("p1", paused_until=AT, revision=1))

    assert second == Channel("p1", paused_until=AT, revision=2)
    assert store.channels.get("p1") == second


@pytest.mark.parametrize("revision", [0, 1, 3])
def test_writing_over_another_revision_is_a_conflict_and_changes_nothing(store: Store, revision: int) -> None:
    second = store.channels.put(store.channels.put(Channel("p1", called=1)))

    with pytest.raises(Conflict):
        store.channels.put(Channel("p1", called=9, revision=revision))
    assert store.channels.get("p1") == second


def test_a_channel_goes_with_its_partner_and_does_not_come_back(store: Store) -> None:
    other, channel = store.channels.put(Channel("p2", failures=1)), store.channels.put(Channel("p1", called=1))
    partner = store.partners.get("p1")
    assert partner is not None
    store.partners.remove(partner)

    assert store.channels.get("p1") == Channel("p1")
    for writer in (channel, Channel("p1", leased_until=AT)):
        with pytest.raises(Conflict):
            store.channels.put(writer)
        assert store.channels.get("p1") == Channel("p1")
    assert store.channels.get("p2") == other


def test_a_partner_that_is_removed_at_another_revision_keeps_its_channel(store: Store) -> None:
    channel = store.channels.put(Channel("p1", called=1))
    partner = store.partners.get("p1")
    assert partner is not None

    with pytest.raises(Conflict):
        store.partners.remove(replace(partner, revision=7))
    assert store.channels.get("p1") == channel


def test_a_first_write_changes_nothing_of_the_partner(store: Store) -> None:
    before = store.partners.get("p1")
    store.channels.put(Channel("p1", called=1))

    assert store.partners.get("p1") == before


def test_writing_over_a_forgotten_channel_is_a_conflict(store: Store) -> None:
    channel = store.channels.put(Channel("p1", called=1))
    store.deliveries.forget("p1")

    with pytest.raises(Conflict):
        store.channels.put(channel)
    assert store.channels.get("p1") == Channel("p1")


@pytest.mark.parametrize("used", [False, True])
def test_of_those_who_want_the_lease_at_the_same_time_exactly_one_gets_it(backend: Backend, *, used: bool) -> None:
    store = backend.open()
    know(store, "p1")
    before = store.channels.put(Channel("p1")) if used else store.channels.get("p1")

    def lease(number: int) -> str | None:
        try:
            return backend.open().channels.put(replace(before, leased_until=str(number))).leased_until
        except Conflict:
            return None

    with ThreadPoolExecutor(4) as pool:
        holders = [holder for holder in pool.map(lease, range(4)) if holder]
    assert holders == [store.channels.get("p1").leased_until]
