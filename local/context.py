"""The second argument of a Lambda handler.

https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from local.intrinsics import PSEUDO_PARAMETERS


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda tells a handler about the invocation."""

    function_name: str
    memory_limit_in_mb: int
    """MB."""
    timeout: float
    """Seconds that the handler has from now on."""
    function_version: str = "$LATEST"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.monotonic)

    @property
    def invoked_function_arn(self) -> str:
        """The ARN, of a region and account that stand for this machine."""
        region, account = PSEUDO_PARAMETERS["AWS::Region"], PSEUDO_PARAMETERS["AWS::AccountId"]
        return f"arn:aws:lambda:{region}:{account}:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        """Where Lambda would log."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        """There is one process, so one stream."""
        return "local"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout, never below 0."""
        return max(0, int((self.started + self.timeout - time.monotonic()) * 1000))
