"""What the deployment does by the clock: its one rule, and having it strike now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.schedule import Schedule, scheduled_event
from tests.deploy.deployment import aws

if TYPE_CHECKING:
    from tests.deploy.deployment import Deployment


def rule(deployment: Deployment) -> dict[str, Any]:
    """The rule of EventBridge, with the ARN that it calls as ``Target``."""
    events = aws("events", deployment.endpoint)
    (found,) = events.list_rules()["Rules"]
    (target,) = events.list_targets_by_rule(Rule=found["Name"])["Targets"]
    return {**found, "Target": target["Arn"]}


def strike(deployment: Deployment) -> Any:
    """Call what the rule calls, with the event that it comes with; what the function returns."""
    called = rule(deployment)
    answer = aws("lambda", deployment.endpoint).invoke(
        FunctionName=called["Target"], Payload=json.dumps(scheduled_event(Schedule(called["Name"], 300), 0))
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())
