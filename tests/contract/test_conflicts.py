"""What a refusal says, for the log: of which collection, module or partner it is. An id may be a card's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.store.deliveries import Channel, Delivery, DeliveryKey, DeliveryState
from ocpi.store.port import Conflict
from tests.support.stores import draft, key

if TYPE_CHECKING:
    from ocpi.store.port import Store


def test_a_conflict_of_an_object_names_its_collection(store: Store) -> None:
    store.objects.put(key("a"), draft("1"), expected=None)
    for revision in (None, 7):
        with pytest.raises(Conflict) as refusal:
            store.objects.put(key("a"), draft("2"), expected=revision)
        assert str(refusal.value) == "own/locations"
    with pytest.raises(Conflict) as refusal:
        store.objects.delete(key("a"), expected=7)
    assert str(refusal.value) == "own/locations"


def test_a_conflict_of_a_delivery_names_its_module(store: Store) -> None:
    never_written = Delivery(DeliveryKey("p1", "tokens", "a"), DeliveryState.DELIVERED, "2026-01-01", revision=7)
    refusals = [*store.deliveries.put_many([never_written]), *store.deliveries.delete_many([never_written])]

    assert [(type(each), str(each)) for each in refusals] == [(Conflict, "tokens")] * 2


def test_a_conflict_of_a_channel_names_its_partner(store: Store) -> None:
    with pytest.raises(Conflict, match=r"^p1$"):
        store.channels.put(Channel("p1", revision=7))
