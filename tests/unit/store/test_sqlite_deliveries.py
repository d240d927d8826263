"""Positions in SQLite's lists of deliveries."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from ocpi.store.deliveries import Delivery, DeliveryKey, DeliveryState
from ocpi.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path


def test_a_position_that_is_a_module_alone_is_before_all_of_it(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "ocpi.sqlite")) as store:
        for module in ("cdrs", "locations"):
            key = DeliveryKey("p1", module, "1")
            store.deliveries.put_many([Delivery(key, DeliveryState.DELIVERED, "2026-01-01T00:00:00.000000Z")])
        page = store.deliveries.page("p1", None, 9, "locations")

    assert [each.key.module for each in page.deliveries] == ["locations"]
