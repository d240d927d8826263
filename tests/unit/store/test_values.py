"""What the store hands out are values: nobody changes them behind another's back, and they are small."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from ocpi.store import deliveries, exchanges, port, sqlite_changes, sqlite_deliveries, update

MODULES = (deliveries, exchanges, port, sqlite_changes, sqlite_deliveries, update)
VALUES: list[type] = [
    value
    for module in MODULES
    for _, value in inspect.getmembers(module, inspect.isclass)
    if dataclasses.is_dataclass(value) and value.__module__ == module.__name__
]


def test_all_of_them_are_looked_at() -> None:
    assert {value.__name__ for value in VALUES} >= {"Key", "Draft", "Record", "Delivery", "Exchange", "Change"}


@pytest.mark.parametrize("value", VALUES)
def test_a_value_cannot_be_changed_and_has_no_room_for_more(value: type) -> None:
    empty: object = object.__new__(value)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(empty, dataclasses.fields(value)[0].name, 1)
    assert not hasattr(empty, "__dict__")
