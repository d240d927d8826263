"""The file of the local queues, with what the template says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.queues import FILE_NAME
from ocpi.queues.sqlite import QueueAttributes, SQLiteQueues, queues_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from local.queues import QueueResource


def open_queues(data: Path, queues: Iterable[QueueResource]) -> SQLiteQueues:
    """The queues in the folder ``data``, the same object that functions of this process send to."""
    opened = queues_in(data / FILE_NAME)
    by_arn = {queue.arn: queue for queue in queues}
    for queue in by_arn.values():
        dead_letter_queue = by_arn.get(queue.dead_letter_arn or "")
        opened.declare(
            queue.name,
            QueueAttributes(
                delay_seconds=queue.delay_seconds,
                retention_seconds=queue.retention_seconds,
                dead_letter_queue=dead_letter_queue.name if dead_letter_queue else None,
                max_receive_count=queue.max_receive_count,
            ),
        )
    return opened
