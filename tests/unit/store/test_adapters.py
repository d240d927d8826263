"""Both adapters take what the port says, by the same names, in the same order and with the same defaults."""

from __future__ import annotations

import inspect
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ocpi.store.deliveries import Channels, Deliveries
from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.dynamodb_channels import DynamoDBChannels
from ocpi.store.dynamodb_deliveries import DynamoDBDeliveries
from ocpi.store.dynamodb_exchanges import DynamoDBExchanges
from ocpi.store.dynamodb_failures import DynamoDBFailures
from ocpi.store.dynamodb_objects import DynamoDBObjects
from ocpi.store.dynamodb_partners import DynamoDBPartners
from ocpi.store.exchanges import Exchanges
from ocpi.store.failures import Failures
from ocpi.store.port import Objects, Partners, Store
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_channels import SQLiteChannels
from ocpi.store.sqlite_deliveries import SQLiteDeliveries
from ocpi.store.sqlite_exchanges import SQLiteExchanges
from ocpi.store.sqlite_failures import SQLiteFailures
from ocpi.store.sqlite_objects import SQLiteObjects
from ocpi.store.sqlite_partners import SQLitePartners

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADAPTERS: dict[type, tuple[type, type]] = {
    Store: (SQLiteStore, DynamoDBStore),
    Objects: (SQLiteObjects, DynamoDBObjects),
    Partners: (SQLitePartners, DynamoDBPartners),
    Deliveries: (SQLiteDeliveries, DynamoDBDeliveries),
    Channels: (SQLiteChannels, DynamoDBChannels),
    Exchanges: (SQLiteExchanges, DynamoDBExchanges),
    Failures: (SQLiteFailures, DynamoDBFailures),
}


def taken(method: Callable[..., object]) -> list[tuple[str, object, object]]:
    return [(each.name, each.kind, each.default) for each in inspect.signature(method).parameters.values()]


@pytest.mark.parametrize("port", ADAPTERS, ids=lambda port: port.__name__)
def test_every_method_of_the_port_is_there_and_is_called_alike(port: type) -> None:
    methods = {name: method for name, method in vars(port).items() if inspect.isfunction(method) and name[0] != "_"}
    assert methods
    for adapter in ADAPTERS[port]:
        assert {name: taken(getattr(adapter, name)) for name in methods} == {
            name: taken(method) for name, method in methods.items()
        }


def test_a_store_has_every_part_of_the_port(tmp_path: Path) -> None:
    parts = {name for name, value in vars(Store).items() if isinstance(value, property)}
    with closing(SQLiteStore(tmp_path / "ocpi.sqlite")) as store:
        kept = {name: type(getattr(store, name)) for name in parts}

    assert kept == {port.__name__.lower(): adapters[0] for port, adapters in ADAPTERS.items() if port is not Store}
