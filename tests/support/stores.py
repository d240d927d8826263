"""The three databases that stand behind the store port in tests, and the objects put into them.

moto and ministack are two independent readings of DynamoDB: what passes on both rests on neither's habits.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws

from ocpi.store.dynamodb import CONFIG, DynamoDBStore
from ocpi.store.port import Collection, Draft, Key
from ocpi.store.sqlite import SQLiteStore
from tests.support.table import create_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

    from ocpi.store.port import Store


@cache
def dynamodb_client(endpoint: str | None = None) -> DynamoDBClient:
    """A client with the adapter's own configuration, of ministack at ``endpoint`` or, within ``mock_aws``, of moto."""
    return boto3.client(
        "dynamodb",
        config=CONFIG,
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@dataclass(frozen=True)
class Backend:
    """A database that is empty when the test begins."""

    name: str
    open: Callable[[], Store]
    """A store over it; each is like another process's."""
    client: DynamoDBClient | None = None


@contextmanager
def sqlite_backend(folder: Path) -> Iterator[Backend]:
    opened: list[SQLiteStore] = []

    def open_another() -> SQLiteStore:
        opened.append(SQLiteStore(folder / "store" / "ocpi.sqlite"))
        return opened[-1]

    yield Backend("sqlite", open_another)
    for store in opened:
        store.close()


@contextmanager
def moto_backend() -> Iterator[Backend]:
    with mock_aws():
        client: Any = dynamodb_client()
        call, one_at_a_time = client._make_api_call, threading.RLock()

        def locked_call(*args: Any) -> Any:
            # DynamoDB carries out each request as a whole; moto's threads would run through one another.
            with one_at_a_time:
                return call(*args)

        client._make_api_call = locked_call
        create_table(client, "store")
        yield Backend("moto", lambda: DynamoDBStore("store", client), client)
        client._make_api_call = call


@contextmanager
def ministack_backend(endpoint: str) -> Iterator[Backend]:
    client = dynamodb_client(endpoint)
    table = f"store-{uuid4().hex}"
    create_table(client, table)
    yield Backend("ministack", lambda: DynamoDBStore(table, client), client)
    client.delete_table(TableName=table)


LOCATIONS = Collection("own", "locations")


def key(object_id: str, collection: Collection = LOCATIONS) -> Key:
    return Key(collection, object_id)


def draft(
    document: str,
    last_updated: str = "2026-01-01T00:00:00Z",
    audience: str | None = "*",
    *,
    lookup: str | None = None,
    due: str | None = None,
    findings: tuple[str, ...] = (),
    journal: str = "",
) -> Draft:
    return Draft("2.1.1", document, last_updated, audience, lookup, due, findings, journal)


@contextmanager
def lost_answers(client: DynamoDBClient, operation: str, *, times: int = 1) -> Iterator[None]:
    """Let DynamoDB carry out the next requests of an operation and the network lose its answers."""
    endpoint: Any = client._endpoint  # type: ignore[attr-defined] # no hook of botocore's sees this happen
    send, left = endpoint._do_get_response, times

    def losing(request: Any, operation_model: Any, context: Any) -> Any:
        nonlocal left
        answer = send(request, operation_model, context)
        if operation_model.name == operation and left:
            left -= 1
            return None, ReadTimeoutError(endpoint_url=endpoint.host)
        return answer

    endpoint._do_get_response = losing
    try:
        yield
    finally:
        endpoint._do_get_response = send
    assert left == 0, f"{operation} was never called"


@contextmanager
def answers(client: DynamoDBClient, operation: str, change: Callable[..., None]) -> Iterator[None]:
    """Let a function change what DynamoDB answers to an operation."""
    client.meta.events.register(f"after-call.dynamodb.{operation}", change)
    try:
        yield
    finally:
        client.meta.events.unregister(f"after-call.dynamodb.{operation}", change)


@contextmanager
def failing(client: Any, operation: str, error: Exception, *, times: int) -> Iterator[None]:
    """Let the next requests of an operation fail."""
    call, left = client._make_api_call, times

    def fail(name: str, parameters: Any) -> Any:
        nonlocal left
        if name == operation and left:
            left -= 1
            raise error
        return call(name, parameters)

    client._make_api_call = fail
    try:
        yield
    finally:
        client._make_api_call = call
    assert left == 0
