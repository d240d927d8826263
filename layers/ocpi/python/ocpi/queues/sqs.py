"""A queue of Amazon SQS: what runs in AWS.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import ClientError

from ocpi import aws
from ocpi.queues.limits import check_message, check_visibility

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

CONFIG = Config(
    # SQS answers in milliseconds; what takes seconds is lost, and a request of a partner waits for it. A message
    # that is sent twice because its first answer was lost is one that came twice, which consumers expect anyway.
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "max_attempts": 3},
)
COUNTED: Sequence[QueueAttributeNameType] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
# How SQS says that the message is deleted, visible again or with somebody else by now.
NOT_OURS = frozenset({"InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"})
_MAKING = threading.Lock()
_made: list[SQSClient] = []


def shared_client() -> SQSClient:
    """The SQS client of this process."""
    with _MAKING:
        if not _made:
            _made.append(aws.client("sqs", CONFIG))
        return _made[0]


class SQSQueue:
    """A :class:`~ocpi.queues.port.Queue` at this URL. Errors of SQS itself pass as botocore raises them."""

    def __init__(self, url: str, client: SQSClient | None = None) -> None:
        self._url = url
        self._given = client

    @cached_property
    def _client(self) -> SQSClient:
        return self._given or shared_client()

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """As in the port."""
        check_message(body, delay_seconds)
        if delay_seconds:
            self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)
        else:  # naming 0 would overrule the delay that the queue itself may have
            self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def postpone(self, receipt: str, seconds: int) -> None:
        """As in the port."""
        check_visibility(seconds)
        try:
            self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
        except ClientError as error:
            # The query protocol's names have a prefix: AWS.SimpleQueueService.MessageNotInflight.
            if error.response["Error"]["Code"].rpartition(".")[2] not in NOT_OURS:
                raise

    def depth(self) -> int:
        """As in the port."""
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=COUNTED)
        return sum(int(answer["Attributes"][name]) for name in COUNTED)
