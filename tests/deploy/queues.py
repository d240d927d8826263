"""The queues of the deployment, as the operator's charge point system uses them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.deploy.deployment import aws

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deploy.deployment import Deployment


def take(deployment: Deployment, queue: str) -> list[Any]:
    """What is on ``CommandRequests`` or ``CommandResultsDead`` now; it is gone from there."""
    sqs, url = aws("sqs", deployment.endpoint), deployment.outputs[f"{queue}QueueUrl"]
    taken = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            taken.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return taken


def put_result(deployment: Deployment, message: dict[str, Any] | str) -> None:
    """Put a message on ``CommandResults``; one that is text as it is."""
    put(deployment, "CommandResults", message)


def put(deployment: Deployment, queue: str, message: dict[str, Any] | str) -> None:
    """Put a message on a queue, also on one that only the functions themselves send to."""
    sqs = aws("sqs", deployment.endpoint)
    # The stack's name, the queue's, and what CloudFormation makes up.
    (url,) = (each for each in sqs.list_queues()["QueueUrls"] if f"-{queue}-" in each)
    sqs.send_message(QueueUrl=url, MessageBody=message if isinstance(message, str) else json.dumps(message))


def wait_until(holds: Callable[[], Any], seconds: float = 40) -> Any:
    """What it gives as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)
    return found
