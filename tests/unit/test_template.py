"""What ``template.yaml`` promises: routes and what functions are told of them, rights, logs, answers, parameters."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from local.intrinsics import Resolver, parse
from local.template import Function, read_template
from ocpi.settings import ROLES, read_settings

ROOT = Path(__file__).parents[2]
DOCUMENT = parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
RESOURCES: dict[str, dict[str, Any]] = DOCUMENT["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = DOCUMENT["Parameters"]
TEMPLATE = read_template(ROOT / "template.yaml")
API = RESOURCES["Api"]["Properties"]
functions = pytest.mark.parametrize("function", TEMPLATE.functions, ids=lambda function: function.folder.name)


def _properties(function: Function) -> dict[str, Any]:
    properties: dict[str, Any] = RESOURCES[function.name]["Properties"]
    return properties


def _resource_of(reference: dict[str, Any]) -> dict[str, Any]:
    """The resource behind ``!Ref X`` or ``!GetAtt X.Arn``."""
    ((_, argument),) = reference.items()
    return RESOURCES[argument if isinstance(argument, str) else argument[0]]


def _statements(function: Function) -> list[dict[str, Any]]:
    role = _resource_of(_properties(function)["Role"])["Properties"]
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _allowed(function: Function, prefix: str) -> set[str]:
    actions = {action for statement in _statements(function) for action in _listed(statement["Action"])}
    return {action for action in actions if action.startswith(prefix)}


# Routes


@pytest.mark.parametrize("role", ROLES)
def test_version_details_list_the_modules_that_are_routed(role: str) -> None:
    tree = f"/ocpi/{role.lower()}/2.1.1/"
    paths = [route.path for function in TEMPLATE.functions for route in function.routes]
    routed = {path.removeprefix(tree).partition("/")[0] for path in paths if path.startswith(tree)}
    for function in TEMPLATE.functions:
        listed = function.environment[f"OCPI_{role}_MODULES"]
        assert isinstance(listed, str)
        assert listed.split() == sorted(routed)


@functions
def test_every_method_reaches_the_function_because_it_answers_405_in_the_envelope(function: Function) -> None:
    assert {route.method for route in function.routes} == {"ANY"}


@functions
def test_a_module_takes_its_own_url_and_everything_below_it(function: Function) -> None:
    paths = {route.path for route in function.routes}
    below = {path.removesuffix("/{proxy+}") for path in paths if path.endswith("/{proxy+}")}
    assert below <= paths
    if function.folder.name not in ("versions", "credentials"):
        assert below == {path for path in paths if not path.endswith("/{proxy+}")}


def test_no_route_is_given_twice() -> None:
    routes = [route for function in TEMPLATE.functions for route in function.routes]
    assert len(routes) == len(set(routes))


def test_every_function_folder_is_deployed() -> None:
    folders = {app.parent for app in (ROOT / "functions").glob("*/app.py")}
    assert folders <= {function.folder for function in TEMPLATE.functions}


# Functions and their rights


@functions
def test_a_function_publishes_a_version_with_every_change(function: Function) -> None:
    assert _properties(function)["AutoPublishAliasAllProperties"] is True


@functions
def test_a_function_is_deployed_as_it_is_so_that_building_needs_no_python_of_the_target(function: Function) -> None:
    assert RESOURCES[function.name]["Metadata"]["SkipBuild"] is True
    assert not (function.folder / "requirements.txt").exists()


@functions
def test_a_function_logs_to_a_group_of_its_own_that_forgets(function: Function) -> None:
    group = _resource_of(_properties(function)["LoggingConfig"]["LogGroup"])["Properties"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert group["LogGroupName"]["Fn::Sub"].endswith(f"/{function.folder.name}")


@functions
def test_an_alarm_watches_a_function(function: Function) -> None:
    alarms = [resource["Properties"] for resource in RESOURCES.values() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    watched = [alarm["Dimensions"] for alarm in alarms if alarm["MetricName"] == "Errors"]
    assert [{"Name": "FunctionName", "Value": {"Ref": function.name}}] in watched


def test_no_two_functions_share_a_role() -> None:
    roles = [json.dumps(_properties(function)["Role"]) for function in TEMPLATE.functions]
    assert len(set(roles)) == len(roles)


@functions
def test_a_role_names_every_action_and_every_resource(function: Function) -> None:
    for statement in _statements(function):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in _listed(statement["Action"]))
        for resource in _listed(statement["Resource"]):
            assert isinstance(resource, dict)
            assert "*" not in json.dumps(resource)


def test_only_credentials_and_operator_open_tokens_of_partners() -> None:
    able = {function.folder.name for function in TEMPLATE.functions if _allowed(function, "kms:")}
    assert able == {"credentials", "operator"}


def test_only_operator_knows_where_the_operator_key_is_and_may_read_it() -> None:
    assert {f.folder.name for f in TEMPLATE.functions if _allowed(f, "secretsmanager:")} == {"operator"}
    assert {f.folder.name for f in TEMPLATE.functions if "OCPI_OPERATOR_KEY" in f.environment} == {"operator"}


@functions
def test_no_function_may_scan_or_administer_the_table(function: Function) -> None:
    items = {"BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"}
    assert _allowed(function, "dynamodb:") <= {f"dynamodb:{action}" for action in items}


def test_no_deployment_is_offered_partners_at_private_addresses() -> None:
    assert "OCPI_ALLOW_PRIVATE_ADDRESSES" not in (ROOT / "template.yaml").read_text(encoding="utf-8")


# What is kept


@pytest.mark.parametrize("name", ["Table", "TokenKey"])
def test_what_cannot_be_made_again_outlives_the_stack(name: str) -> None:
    assert (RESOURCES[name]["DeletionPolicy"], RESOURCES[name]["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_tokens_of_partners_are_sealed_with_a_key_that_rotates() -> None:
    assert RESOURCES["TokenKey"]["Properties"]["EnableKeyRotation"] is True


def test_the_table_can_be_restored_to_any_second_and_is_encrypted() -> None:
    table = RESOURCES["Table"]["Properties"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}


# Logs and answers of the API


def test_access_logs_are_json_without_paths_queries_or_headers() -> None:
    text = API["AccessLogSetting"]["Format"]
    known = {
        "requestId",
        "requestTimeEpoch",
        "identity.sourceIp",
        "httpMethod",
        "resourcePath",
        "status",
        "responseLatency",
        "integration.latency",
        "integration.status",
        "responseLength",
        "error.responseType",
    }  # fmt: skip - a list of words
    assert set(re.findall(r"\$context\.([A-Za-z.]+)", text)) == known
    assert json.loads(_in_context(text))


def test_headers_and_bodies_are_never_logged() -> None:
    (settings,) = API["MethodSettings"]
    assert (settings["LoggingLevel"], settings["DataTraceEnabled"]) == ("OFF", False)


@pytest.mark.req("TF-22")
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("DEFAULT_4XX", None, 2000),
        ("DEFAULT_5XX", None, 3000),
        ("MISSING_AUTHENTICATION_TOKEN", 404, 2000),
        ("REQUEST_TOO_LARGE", 413, 2001),
        ("THROTTLED", 429, 2000),
        ("INTEGRATION_FAILURE", 502, 3000),
        ("INTEGRATION_TIMEOUT", 504, 3000),
    ],
)
def test_what_the_api_answers_by_itself_is_in_the_envelope(kind: str, status: int | None, code: int) -> None:
    response = TEMPLATE.gateway_responses[kind]
    assert response.status == status
    envelope = json.loads(_in_context(response.templates["application/json"]))
    assert envelope["status_code"] == code
    assert envelope.keys() == {"status_code", "status_message", "timestamp"}


def _in_context(text: str) -> str:
    """As API Gateway sends it: ``error.messageString`` comes in quotes, numbers and words do not."""
    text = text.replace("$context.error.messageString", '"Forbidden"')
    return re.sub(r"\$context\.[A-Za-z.]+", "1", text)


# Parameters


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_described_and_its_default_is_one_of_its_values(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter["Description"]
    assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(parameter["Default"]))
    assert parameter["Default"] in parameter.get("AllowedValues", [parameter["Default"]])


def test_the_console_shows_every_parameter_once() -> None:
    interface = DOCUMENT["Metadata"]["AWS::CloudFormation::Interface"]
    shown = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(shown) == sorted(PARAMETERS) == sorted(interface["ParameterLabels"])


def test_the_functions_understand_what_they_are_told_by_default() -> None:
    read = 0
    for function in TEMPLATE.functions:
        told = {name: value if isinstance(value, str) else "deployed:x" for name, value in function.environment.items()}
        settings = read_settings({"OCPI_OPERATOR_KEY": "secretsmanager:x", **told})
        assert (settings.party, settings.roles, settings.public_url) == ("NL-EXA", ("CPO", "EMSP"), None)
        read += 1
    assert read == len(TEMPLATE.functions) > 0


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://ocpi.example.com", True),
        ("https://example.com/charging/v1", True),
        ("http://ocpi.example.com", False),
        ("https://ocpi.example.com/", False),
        ("https://user@ocpi.example.com", False),
        ("https://ocpi.example.com?x=1", False),
        ("ocpi.example.com", False),
    ],
)
def test_the_public_base_url_is_https_and_can_be_continued_with_a_path(url: str, taken: bool) -> None:
    assert bool(re.fullmatch(PARAMETERS["PublicBaseUrl"]["AllowedPattern"], url)) is taken


@pytest.mark.parametrize(
    ("runtime", "asked", "snapped"),
    [("python3.13", "on", True), ("python3.13", "off", False), ("python3.11", "on", False)],
)
def test_snapshots_are_taken_where_asked_for_and_possible(runtime: str, asked: str, snapped: bool) -> None:
    chosen = PARAMETERS | {"Runtime": {"Default": runtime}, "SnapStart": {"Default": asked}}
    function = Resolver(DOCUMENT | {"Parameters": chosen}).resolve(DOCUMENT["Globals"]["Function"])
    assert function.get("SnapStart") == ({"ApplyOn": "PublishedVersions"} if snapped else None)


# The layer of third-party packages


def test_the_layer_pins_every_dependency_of_the_project_but_boto3() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {requirement.name: requirement.specifier for requirement in map(Requirement, project["dependencies"])}
    pins = dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+) \\$", _pinned()))
    assert wanted.keys() - pins.keys() == {"boto3"}
    assert all(wanted[name].contains(pins[name]) for name in wanted.keys() & pins.keys())


def test_every_pin_of_the_layer_has_its_hashes() -> None:
    pins = re.findall(r"(?m)^\S+==\S+((?: \\\n    --hash=sha256:[0-9a-f]{64})*)", _pinned())
    assert pins
    assert all(pins)


def _pinned() -> str:
    return (ROOT / "layers/dependencies/requirements.txt").read_text(encoding="utf-8")
