"""When a function runs by the clock: EventBridge's rate expressions, and the event that comes with each run.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

from local.intrinsics import PSEUDO_PARAMETERS, TemplateError

# EventBridge itself has no seconds; here they spare whoever tries out a template the wait of a minute.
SECONDS_OF_UNIT = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\(([1-9][0-9]*) ([a-z]+?)(s?)\)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """One ``Schedule`` event of a function."""

    name: str
    """The rule's: that of the function, then that of the event."""
    interval: float
    """Seconds from one run to the next."""


def read_schedule(name: str, expression: Any) -> Schedule:
    """The schedule of ``rate(5 minutes)``; raises :class:`TemplateError` for what is no rate, ``cron(…)`` included."""
    found = _RATE.fullmatch(expression) if isinstance(expression, str) else None
    # EventBridge takes "1 minute" and "2 minutes" only, so neither "1 minutes" nor "2 minute" is taken here.
    if found is None or found[2] not in SECONDS_OF_UNIT or (found[1] == "1") is bool(found[3]):
        raise TemplateError(
            f"schedule {name}: {expression!r} is not like rate(1 minute), rate(5 minutes) or rate(2 hours)"
        )
    return Schedule(name, float(int(found[1]) * SECONDS_OF_UNIT[found[2]]))


def scheduled_event(schedule: Schedule, at: float) -> dict[str, Any]:
    """What EventBridge hands to the function that is due at ``at`` (seconds since 1970).

    https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
    """
    region, account = PSEUDO_PARAMETERS["AWS::Region"], PSEUDO_PARAMETERS["AWS::AccountId"]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
        "region": region,
        "resources": [f"arn:aws:events:{region}:{account}:rule/{schedule.name}"],
        "detail": {},
    }
