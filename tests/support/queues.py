"""The three queues that stand behind the queue port in tests, with the consumer's side that Lambda has in AWS."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import boto3
from moto import mock_aws

from ocpi.queues.sqlite import QueueAttributes, SQLiteQueue, SQLiteQueues
from ocpi.queues.sqs import CONFIG, SQSQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_sqs import SQSClient

    from ocpi.queues.port import Queue

MAX_RECEIVE_COUNT = 2


@dataclass(frozen=True)
class Received:
    """What a consumer sees of a message."""

    id: str
    body: str
    receipt: str


class Consumer(Protocol):
    """Who receives from a queue."""

    def receive(self, limit: int = 10, visibility_seconds: int = 30) -> list[Received]: ...

    def delete(self, receipt: str) -> None: ...


@dataclass(frozen=True)
class QueuePair:
    """A queue, empty when the test begins, and its dead-letter queue, which takes what was received
    :data:`MAX_RECEIVE_COUNT` times."""

    name: str
    queue: Queue
    consumer: Consumer
    dead: Queue
    dead_consumer: Consumer
    open: Callable[[], tuple[Queue, Consumer]]
    """The queue once more, as another process has it."""


@dataclass(frozen=True)
class SQLiteConsumer:
    queues: SQLiteQueues
    name: str

    def receive(self, limit: int = 10, visibility_seconds: int = 30) -> list[Received]:
        found = self.queues.receive(self.name, limit, visibility_seconds)
        return [Received(each.id, each.body, each.receipt) for each in found]

    def delete(self, receipt: str) -> None:
        self.queues.delete([receipt])


@dataclass(frozen=True)
class SQSConsumer:
    client: SQSClient
    url: str

    def receive(self, limit: int = 10, visibility_seconds: int = 30) -> list[Received]:
        found = self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=limit, VisibilityTimeout=visibility_seconds
        ).get("Messages", [])
        return [Received(each["MessageId"], each["Body"], each["ReceiptHandle"]) for each in found]

    def delete(self, receipt: str) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)


@contextmanager
def sqlite_queues(folder: Path) -> Iterator[QueuePair]:
    opened: list[SQLiteQueues] = []

    def open_another() -> SQLiteQueues:
        opened.append(SQLiteQueues(folder / "queues" / "queues.db"))
        return opened[-1]

    def pair() -> tuple[Queue, Consumer]:
        queues = open_another()
        return SQLiteQueue(queues, "Work"), SQLiteConsumer(queues, "Work")

    first = open_another()
    first.declare("Work", QueueAttributes(dead_letter_queue="Dead", max_receive_count=MAX_RECEIVE_COUNT))
    yield QueuePair(
        "sqlite",
        SQLiteQueue(first, "Work"),
        SQLiteConsumer(first, "Work"),
        SQLiteQueue(first, "Dead"),
        SQLiteConsumer(first, "Dead"),
        pair,
    )
    for queues in opened:
        queues.close()


@contextmanager
def moto_queues() -> Iterator[QueuePair]:
    with mock_aws():
        client: Any = sqs_client()
        call, one_at_a_time = client._make_api_call, threading.RLock()

        def locked_call(*args: Any) -> Any:
            # SQS carries out each request as a whole; moto's threads would run through one another.
            with one_at_a_time:
                return call(*args)

        client._make_api_call = locked_call
        yield _sqs_queues("moto", client)
        client._make_api_call = call


@contextmanager
def ministack_queues(endpoint: str) -> Iterator[QueuePair]:
    yield _sqs_queues("ministack", sqs_client(endpoint))


@cache
def sqs_client(endpoint: str | None = None) -> SQSClient:
    """A client with the adapter's own configuration, of ministack at ``endpoint`` or, within ``mock_aws``, of moto."""
    return boto3.client(
        "sqs",
        config=CONFIG,
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def _sqs_queues(name: str, client: SQSClient) -> QueuePair:
    suffix = uuid4().hex
    dead = client.create_queue(QueueName=f"dead-{suffix}")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVE_COUNT})
    url = client.create_queue(QueueName=f"work-{suffix}", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    return QueuePair(
        name,
        SQSQueue(url, client),
        SQSConsumer(client, url),
        SQSQueue(dead, client),
        SQSConsumer(client, dead),
        lambda: (SQSQueue(url, client), SQSConsumer(client, url)),
    )
