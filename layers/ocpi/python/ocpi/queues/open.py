"""Which adapter stands behind a queue: chosen by configuration, imported only then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocpi.queues.port import Queue


def open_queue(where: str) -> Queue:
    """The queue at ``sqs:<queue url>`` or ``sqlite:<path>#<name>``; raises :class:`ValueError` for anything else.

    An SQLite file that is not there is made, as its queues are; a queue of SQS must exist (``template.yaml`` makes
    it).
    """
    adapter, _, place = where.partition(":")
    if adapter == "sqs" and place:
        from ocpi.queues.sqs import SQSQueue  # noqa: PLC0415 - botocore takes 150 ms; the laptop does without

        return SQSQueue(place)
    path, _, name = place.rpartition("#")
    if adapter == "sqlite" and path and name:
        from ocpi.queues.sqlite import SQLiteQueue, queues_in  # noqa: PLC0415 - Lambda never needs it

        return SQLiteQueue(queues_in(Path(path)), name)
    raise ValueError(f"a queue is sqs:<queue url> or sqlite:<path>#<name>, not {where!r}")
