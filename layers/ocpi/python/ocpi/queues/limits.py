"""What SQS takes. Every adapter holds to it, so that nothing works on a laptop that AWS would refuse.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import re

from ocpi.queues.port import MAX_DELAY_SECONDS

MAX_BODY_BYTES = 256 * 1024
MAX_VISIBILITY_SECONDS = 43_200
_REFUSED = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Compiled by the first message: that takes 4 ms, and not every process sends one."""


def check_message(body: str, delay_seconds: int) -> None:
    """Raises :class:`ValueError` for a message that no queue takes."""
    found = re.search(_REFUSED, body)
    if found:
        raise ValueError(f"a message may not hold the character U+{ord(found[0]):04X}")
    size = len(body.encode())
    if not 1 <= size <= MAX_BODY_BYTES:
        raise ValueError(f"a message has 1 to {MAX_BODY_BYTES} bytes, not {size}")
    if not 0 <= delay_seconds <= MAX_DELAY_SECONDS:
        raise ValueError(f"a message is delayed by at most {MAX_DELAY_SECONDS} seconds, not {delay_seconds}")


def check_visibility(seconds: int) -> None:
    """Raises :class:`ValueError` for a time that no message can be hidden for."""
    if not 0 <= seconds <= MAX_VISIBILITY_SECONDS:
        raise ValueError(f"a message is hidden for at most {MAX_VISIBILITY_SECONDS} seconds, not {seconds}")
