"""What the functions may call of AWS, by their roles, and what they did call, by the trail of the emulator.

A right is an action and the resource that it is for: ``("dynamodb:Query", "Table/index/by_created")``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from local.intrinsics import parse
from tests.deploy.deployment import ROOT, aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deploy.deployment import Deployment

Right = tuple[str, str]
DYNAMODB_TRANSACTION = "TransactWriteItems"
MOST_EVENTS = 50
RESOURCE_OF_SERVICE = {"kms": "TokenKey", "secretsmanager": "OperatorKey"}
QUEUES = ("CommandRequests", "CommandRequestsDead", "CommandResults", "CommandResultsDead")


def granted_rights() -> dict[str, set[Right]]:
    """By function, as ``template.yaml`` grants them; logging is Lambda's own doing and left out."""
    resources = parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]
    granted: dict[str, set[Right]] = {}
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        role = resources[resource["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
        statements = [part for policy in role["Policies"] for part in policy["PolicyDocument"]["Statement"]]
        granted[name] = {
            (action, _resource_name(target))
            for statement in statements
            for action in _listed(statement["Action"])
            for target in _listed(statement["Resource"])
            if not action.startswith("logs:")
        }
    return granted


def used_rights(deployment: Deployment) -> dict[str, set[Right]]:
    """By function, since the deployment. Needs ``CLOUDTRAIL_RECORDING=1`` and ``AWS_SDK_UA_APP_ID``."""
    used: dict[str, set[Right]] = {}
    for event in _trail(deployment):
        function = event["userAgent"].partition(" app/")[2].partition(" ")[0]
        if function:
            used.setdefault(function, set()).update(_rights_of(event))
    return used


def _trail(deployment: Deployment) -> Iterator[dict[str, Any]]:
    """Every call second by second, because ministack gives the latest fifty of what was asked for and no way on;
    a second with more is asked for again action by action."""
    cloudtrail = aws("cloudtrail", deployment.endpoint)
    second = deployment.deployed_at.replace(microsecond=0)
    while second <= datetime.now(UTC):
        window = {"StartTime": second, "EndTime": second + timedelta(seconds=1)}
        events = cloudtrail.lookup_events(**window)["Events"]
        if len(events) == MOST_EVENTS:
            for action in _actions(deployment.endpoint):
                attribute = {"AttributeKey": "EventName", "AttributeValue": action}
                events += cloudtrail.lookup_events(**window, LookupAttributes=[attribute])["Events"]
        for event in events:
            yield json.loads(event["CloudTrailEvent"])
        second = window["EndTime"]


@cache
def _actions(endpoint: str) -> list[str]:
    services = ("dynamodb", "sqs", *RESOURCE_OF_SERVICE)
    return [action for service in services for action in aws(service, endpoint).meta.service_model.operation_names]


def _rights_of(event: dict[str, Any]) -> Iterator[Right]:
    service = event["eventSource"].partition(".")[0]
    action, parameters = event["eventName"], event["requestParameters"]
    if service == "sqs":
        # The stack's name, the queue's, and what CloudFormation makes up.
        (queue,) = (queue for queue in QUEUES if f"-{queue}-" in parameters["QueueUrl"])
        yield f"sqs:{action}", queue
    elif service != "dynamodb":
        yield f"{service}:{action}", RESOURCE_OF_SERVICE.get(service, "")
    elif action == DYNAMODB_TRANSACTION:
        # Authorized by the actions that it is made of: https://docs.aws.amazon.com/amazondynamodb/latest/
        # developerguide/transaction-apis-iam.html
        yield from ((f"dynamodb:{kind}Item", "Table") for item in parameters["TransactItems"] for kind in item)
    else:
        index = parameters.get("IndexName")
        yield f"dynamodb:{action}", f"Table/index/{index}" if index else "Table"


def _resource_name(target: dict[str, Any]) -> str:
    """``Table`` of ``!GetAtt Table.Arn``, ``Table/index/x`` of ``!Sub "${Table.Arn}/index/x"``."""
    ((_, argument),) = target.items()
    name = argument if isinstance(argument, str) else argument[0]
    return str(name).replace("${Table.Arn}", "Table")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
