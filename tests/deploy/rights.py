"""What the functions may call of AWS, by their roles, and what they did call, by the trail of the emulator.

A right is an action and the resource that it is for: ``("dynamodb:Query", "Table/index/by_created")``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from local.intrinsics import parse
from tests.deploy.deployment import ROOT
from tests.deploy.trail import calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deploy.deployment import Deployment

Right = tuple[str, str]
DYNAMODB_TRANSACTION = "TransactWriteItems"
OVERLAP_SECONDS = 1.0
RESOURCE_OF_SERVICE = {"kms": "TokenKey", "secretsmanager": "OperatorKey"}
QUEUES = tuple(
    f"{name}{dead}"
    for name in ("CommandRequests", "CommandResults", "Deliveries", "Pulls", "Reconciliations")
    for dead in ("", "Dead")
)


BY_LAMBDA = frozenset(
    {
        *(f"sqs:{action}" for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")),
        *(f"dynamodb:{action}" for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")),
    }
)
"""What Lambda itself calls for a function that a queue or a stream feeds:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html and
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaDynamoDBExecutionRole.html"""
ANY_CALL: frozenset[Right] = frozenset(
    {
        ("dynamodb:GetItem", "Table"),  # whose token it is
        ("dynamodb:UpdateItem", "Table"),  # when the partner was seen last, or that nobody knows the token
        ("dynamodb:DeleteItem", "Table"),  # the token that the one of this call replaces
        ("dynamodb:BatchWriteItem", "Table"),  # the log of exchanges
        ("sqs:SendMessage", "Deliveries"),  # that a partner is back which could not be reached
    }
)
"""What any call of a partner may need, whichever module it is for."""
_PAGES: set[Right] = {
    ("dynamodb:Query", f"Table/index/{index}")
    for index in ("by_created", "by_updated", "by_audience_created", "by_audience_updated")
}
RARELY: dict[str, set[Right]] = {
    # Messages of more than one run, and messages that were lost.
    "PullFunction": {("sqs:SendMessage", "Pulls")},
    "ReconcileFunction": {("sqs:SendMessage", "Reconciliations")},
    "UpkeepFunction": {("sqs:SendMessage", "CommandResults")},
    # What Lambda itself sends there once a change has failed each time.
    "PushFunction": {("sqs:SendMessage", "DeliveriesDead")},
    # A result that the eMSP does not take at once.
    "CommandResultsFunction": {("sqs:ChangeMessageVisibility", "CommandResults")},
    # Lists so long that they are split, and objects that are deleted: tests/unit/store/test_counters_rights.py.
    "CountersFunction": {
        ("dynamodb:DeleteItem", "Table"),
        *(_PAGES - {("dynamodb:Query", "Table/index/by_created")}),
    },
    # By which of the indexes a list is read depends on whether its objects are counted yet.
    "LocationsFunction": _PAGES,
    "TariffsFunction": _PAGES,
    # The webhook that is asked about tokens, which this deployment does not have.
    "TokensFunction": {("secretsmanager:GetSecretValue", "WebhookSecret"), *_PAGES},
}
"""What these tests bring about in no function, though there are ways to."""


@cache
def _resources() -> dict[str, Any]:
    resources: dict[str, Any] = parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]
    return resources


def functions_for_partners() -> set[str]:
    """Those that partners call."""
    return {
        name
        for name, resource in _resources().items()
        if resource["Type"] == "AWS::Serverless::Function"
        and any(
            event["Type"] == "Api" and event["Properties"]["Path"].startswith("/ocpi/")
            for event in resource["Properties"]["Events"].values()
        )
    }


def granted_rights() -> dict[str, set[Right]]:
    """By function, as ``template.yaml`` grants them; logging is Lambda's own doing and left out."""
    resources = _resources()
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
    seen = _seen(deployment.endpoint)
    newest = since = max(seen.until, deployment.deployed_at.timestamp())
    for at, event in calls(deployment.endpoint, since - OVERLAP_SECONDS):
        newest = max(newest, at)
        function = event["userAgent"].partition(" app/")[2].partition(" ")[0]
        if function:
            seen.used.setdefault(function, set()).update(_rights_of(event))
    seen.until = newest
    return {function: set(rights) for function, rights in seen.used.items()}


@dataclass(slots=True)
class _Seen:
    """What was read of a trail so far, and until when."""

    used: dict[str, set[Right]] = field(default_factory=dict)
    until: float = 0.0


@cache
def _seen(endpoint: str) -> _Seen:
    del endpoint
    return _Seen()


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
