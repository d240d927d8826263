"""No right in ``template.yaml`` is wider than it must be: wildcards, principals, AWS's policies, exceptions of checkov.

Every policy document is found wherever it stands, so a resource that is added later is held to the same.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.intrinsics import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = (Path(__file__).parents[2] / "template.yaml").read_text(encoding="utf-8")
RESOURCES: dict[str, dict[str, Any]] = parse(TEXT)["Resources"]

WILDCARDS = {
    (
        "TokenKey",
        "Action",
        "kms:*",
    ): "a key's own policy hands the decision to IAM, or nobody could ever manage the key",
    ("TokenKey", "Resource", "*"): "in a key's own policy this means the key itself; nothing else is possible there",
}
"""The only ones, each with why it has to be one."""

MANAGED = {
    "AWSXRayDaemonWriteAccess": "X-Ray knows no resources to name; attached with tracing on only",
    "service-role/AmazonAPIGatewayPushToCloudWatchLogs": "one role for all APIs of an account, so no log group to name",
}
"""The only policies of AWS's making, which hold wildcards of their own."""

PRINCIPALS = {
    "lambda.amazonaws.com": "roles of functions",
    "apigateway.amazonaws.com": "the role of access logs",
    "arn:${AWS::Partition}:iam::${AWS::AccountId}:root": "the account's own IAM, in the policy of the key",
}

SKIPPED = {
    "CKV_AWS_26": {"AWS::SNS::Topic"},
    "CKV_AWS_27": {"AWS::SQS::Queue"},
    "CKV_AWS_73": {"AWS::Serverless::Api"},
    "CKV_AWS_115": {"AWS::Serverless::Function"},
    "CKV_AWS_116": {"AWS::Serverless::Function"},
    "CKV_AWS_117": {"AWS::Serverless::Function"},
    "CKV_AWS_119": {"AWS::DynamoDB::Table"},
    "CKV_AWS_120": {"AWS::Serverless::Api"},
    "CKV_AWS_149": {"AWS::SecretsManager::Secret"},
    "CKV_AWS_158": {"AWS::Logs::LogGroup"},
    "CKV_AWS_173": {"AWS::Serverless::Function"},
}
"""Which checks of checkov may be passed over, and on which resources; why is said at each of them."""


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """Every statement of every policy document below a value."""
    if isinstance(value, dict):
        if "Effect" in value and ("Action" in value or "NotAction" in value):
            yield value
        for member in value.values():
            yield from statements(member)
    elif isinstance(value, list):
        for member in value:
            yield from statements(member)


ALL = [(name, statement) for name, resource in RESOURCES.items() for statement in statements(resource)]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def written(value: Any) -> str:
    """A text, or what an intrinsic function makes of one."""
    return value if isinstance(value, str) else json.dumps(value)


def test_policies_are_found_at_all() -> None:
    roles = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Role"]
    assert len(roles) >= 18
    assert {name for name, _ in ALL} == {*roles, "TokenKey"}


def test_there_is_no_wildcard_but_those_that_must_be_one() -> None:
    found = {
        (name, member, written(each))
        for name, statement in ALL
        for member in ("Action", "Resource")
        for each in listed(statement.get(member, []))
        if re.search(r"[*?]", written(each))
    }
    assert found == set(WILDCARDS)


def test_nothing_is_allowed_by_leaving_out() -> None:
    for name, statement in ALL:
        assert statement["Effect"] == "Allow", name
        assert not {"NotAction", "NotResource", "NotPrincipal"} & statement.keys(), name
        assert ("Resource" in statement) != ("sts:AssumeRole" in listed(statement["Action"])), name


def test_a_role_is_taken_by_the_service_that_it_is_for_and_by_nobody_else() -> None:
    principals = [statement["Principal"] for _, statement in ALL if "Principal" in statement]
    named = {
        each.get("Fn::Sub", each) if isinstance(each, dict) else each for one in principals for each in one.values()
    }
    assert named == set(PRINCIPALS)


def test_the_only_policies_of_aws_are_the_two_that_cannot_be_written_narrower() -> None:
    attached = json.dumps(
        [resource["Properties"].get("ManagedPolicyArns") for resource in RESOURCES.values() if "Properties" in resource]
    )
    assert set(re.findall(r":policy/([\w/-]+)", attached)) == set(MANAGED)
    functions = [name for name, each in RESOURCES.items() if each["Type"] == "AWS::Serverless::Function"]
    assert not any("Policies" in RESOURCES[name]["Properties"] for name in functions), "SAM's templates hold wildcards"


@pytest.mark.parametrize("name", RESOURCES)
def test_no_resource_has_a_policy_that_opens_it_to_others(name: str) -> None:
    assert RESOURCES[name]["Type"] not in {
        "AWS::Lambda::Permission",
        "AWS::S3::BucketPolicy",
        "AWS::SecretsManager::ResourcePolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }


def test_each_exception_of_checkov_says_why_and_is_one_that_is_known_for_such_a_resource() -> None:
    resource, found = "", 0
    for line in TEXT.partition("\nResources:\n")[2].splitlines():
        if named := re.fullmatch(r"  (\w+):", line):
            resource = named[1]
        if skip := re.search(r"checkov:skip=(\w+)(.*)", line):
            assert RESOURCES[resource]["Type"] in SKIPPED[skip[1]], resource
            assert re.fullmatch(r": \S.{20,}", skip[2]), f"{resource}: {skip[1]} without a reason"
            found += 1
    assert found == TEXT.count("checkov:skip") > 0
