"""What ``template.yaml`` promises: routes and what functions are told of them, schedules, queues, the stream, rights,
logs, answers, parameters.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from local.intrinsics import Resolver, parse
from local.stream_event import stream_record
from local.template import Function, read_template
from ocpi.queues.port import MAX_DELAY_SECONDS
from ocpi.settings import ROLES, SettingsError, read_settings
from ocpi.store.sqlite_changes import Change

ROOT = Path(__file__).parents[2]
DOCUMENT = parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
RESOURCES: dict[str, dict[str, Any]] = DOCUMENT["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = DOCUMENT["Parameters"]
# With everything that a deployment may have or not have.
TEMPLATE = read_template(ROOT / "template.yaml", {"OCPI_COMMAND_HOOK_URL": "https://charging.example.com/commands"})
QUEUES = {queue.name: queue for queue in TEMPLATE.queues}
API = RESOURCES["Api"]["Properties"]
functions = pytest.mark.parametrize("function", TEMPLATE.functions, ids=lambda function: function.folder.name)
routed_functions = pytest.mark.parametrize(
    "function", [each for each in TEMPLATE.functions if each.routes], ids=lambda function: function.folder.name
)


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


def _able_to_read(secret: str) -> set[str]:
    """The folders of the functions whose role lets them read a secret."""
    return {
        function.folder.name
        for function in TEMPLATE.functions
        for statement in _statements(function)
        if "secretsmanager:GetSecretValue" in _listed(statement["Action"])
        and {"Ref": secret} in _listed(statement["Resource"])
    }


def _told(variable: str) -> set[str]:
    """The folders of the functions that have an environment variable."""
    return {function.folder.name for function in TEMPLATE.functions if variable in function.environment}


# Routes


@pytest.mark.parametrize("role", ROLES)
def test_version_details_list_the_modules_that_are_routed(role: str) -> None:
    tree = f"/ocpi/{role.lower()}/2.1.1/"
    paths = [route.path for function in TEMPLATE.functions for route in function.routes]
    routed = {path.removeprefix(tree).partition("/")[0] for path in paths if path.startswith(tree)}
    for function in TEMPLATE.functions:
        listed = function.environment[f"OCPI_{role}_MODULES"]
        assert isinstance(listed, str)
        assert sorted(listed.split()) == sorted(routed)


@routed_functions
def test_every_method_reaches_the_function_because_it_answers_405_in_the_envelope(function: Function) -> None:
    assert {route.method for route in function.routes} == {"ANY"}


@routed_functions
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


# Schedules


@functions
def test_a_function_is_called_by_the_api_by_the_clock_by_a_queue_or_by_a_stream(function: Function) -> None:
    callers = (function.routes, function.schedules, function.event_sources, function.streams)
    assert [bool(each) for each in callers].count(True) == 1


@functions
def test_no_schedule_is_in_seconds_which_eventbridge_does_not_know(function: Function) -> None:
    assert all(schedule.interval % 60 == 0 for schedule in function.schedules)


def test_a_pending_session_is_looked_at_well_within_the_time_that_it_has() -> None:
    (upkeep,) = (function for function in TEMPLATE.functions if function.folder.name == "upkeep")
    (schedule,) = upkeep.schedules
    assert schedule.interval <= PARAMETERS["PendingSessionMinutes"]["Default"] * 60 / 2
    assert upkeep.timeout <= schedule.interval


# Queues

workers = pytest.mark.parametrize(
    "function", [each for each in TEMPLATE.functions if each.event_sources], ids=lambda function: function.folder.name
)


@workers
def test_a_failed_message_does_not_hold_up_the_rest_of_its_batch(function: Function) -> None:
    assert all(source.reports_failures for source in function.event_sources)


@workers
def test_a_message_is_not_received_again_while_its_function_can_still_be_at_it(function: Function) -> None:
    assert all(source.queue.visibility_seconds >= 2 * function.timeout for source in function.event_sources)


# Not CommandRequests: nobody wants a command that is older than its deadline, dead or alive.
@pytest.mark.parametrize("name", ["CommandResults", "Deliveries", "Pulls", "Reconciliations"])
def test_what_kills_its_function_each_time_is_not_forgotten_before_the_dead_letter_queue_has_it(name: str) -> None:
    queue = QUEUES[name]
    assert queue.max_receive_count is not None
    longest = MAX_DELAY_SECONDS + queue.max_receive_count * queue.visibility_seconds
    assert longest < queue.retention_seconds


@pytest.mark.parametrize("name", ["deliver", "pull", "reconcile"])
def test_a_slow_partner_holds_up_no_other(name: str) -> None:
    (worker,) = (function for function in TEMPLATE.functions if function.folder.name == name)
    assert [source.batch_size for source in worker.event_sources] == [1]
    assert all(source.concurrency >= 2 for source in worker.event_sources)


@workers
def test_a_worker_receives_from_its_queue_only(function: Function) -> None:
    receiving = [each["Resource"] for each in _statements(function) if "sqs:ReceiveMessage" in _listed(each["Action"])]
    assert receiving == [{"Fn::GetAtt": [source.queue.name, "Arn"]} for source in function.event_sources]


def test_every_queue_is_encrypted_and_what_dies_in_it_is_kept_for_a_fortnight() -> None:
    dead = {queue.dead_letter_arn for queue in TEMPLATE.queues} - {None}
    assert all(RESOURCES[queue.name]["Properties"]["SqsManagedSseEnabled"] is True for queue in TEMPLATE.queues)
    assert {queue.retention_seconds for queue in TEMPLATE.queues if queue.arn in dead} == {14 * 86_400}
    assert all((queue.dead_letter_arn is None) is (queue.arn in dead) for queue in TEMPLATE.queues)


def test_a_command_waits_for_the_charge_point_system_as_long_as_it_may_live() -> None:
    assert QUEUES["CommandRequests"].retention_seconds >= PARAMETERS["CommandSeconds"]["MaxValue"]


def test_a_deadline_can_be_a_delayed_message() -> None:
    assert PARAMETERS["CommandSeconds"]["MaxValue"] <= MAX_DELAY_SECONDS


def test_commands_are_left_on_their_queue_unless_there_is_a_hook() -> None:
    without = read_template(ROOT / "template.yaml")
    (worker,) = (function for function in without.functions if function.folder.name == "command_requests")
    assert worker.event_sources == ()


@pytest.mark.parametrize("queue", ["CommandResultsDead", "DeliveriesDead", "PullsDead", "ReconciliationsDead"])
def test_an_alarm_tells_of_what_was_given_up(queue: str) -> None:
    alarms = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watching = [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    (alarm,) = (each for each in alarms if each.get("Dimensions") == watching)
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)


@pytest.mark.parametrize("function", TEMPLATE.functions, ids=lambda function: function.folder.name)
def test_whoever_partners_call_can_wake_what_waits_for_them(function: Function) -> None:
    if any(route.path.startswith("/ocpi/") for route in function.routes):
        assert function.environment["OCPI_DELIVERIES_QUEUE"] == f"sqs:{QUEUES['Deliveries'].url}"


@pytest.mark.parametrize("name", ["operator", "upkeep"])
def test_who_decides_what_is_to_be_done_sends_to_all_three_who_do_it(name: str) -> None:
    (function,) = (each for each in TEMPLATE.functions if each.folder.name == name)
    for variable, queue in (
        ("OCPI_DELIVERIES_QUEUE", "Deliveries"),
        ("OCPI_PULLS_QUEUE", "Pulls"),
        ("OCPI_RECONCILIATIONS_QUEUE", "Reconciliations"),
    ):
        assert function.environment[variable] == f"sqs:{QUEUES[queue].url}"


# The stream

PUSH, COUNTERS = (function for function in TEMPLATE.functions if function.streams)
(CHANGES,) = PUSH.streams
(WRITES,) = COUNTERS.streams


@pytest.mark.parametrize("module", ["locations", "sessions", "cdrs", "tariffs", "tokens"])
@pytest.mark.parametrize("event", ["INSERT", "MODIFY", "REMOVE"])
def test_push_is_told_of_every_change_of_an_object_of_ours(module: str, event: Any) -> None:
    assert CHANGES.filter.passes(stream_record(Change(1, event, f"own/{module}", "X"), CHANGES.arn))


@pytest.mark.parametrize(
    "pk",
    ["OBJECT#nl-tnm/locations#own/", "OBJECT#jobs/syncs#1", "DELIVERIES#p", "CHANNEL#p", "EXCHANGES#p", "PARTNERS"],
)
def test_push_is_told_of_nothing_else_and_not_of_what_it_writes_itself(pk: str) -> None:
    assert not CHANGES.filter.passes({"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": pk}}}})


def test_a_change_that_fails_each_time_holds_up_the_others_for_a_while_only_and_is_told_of() -> None:
    assert CHANGES.bisects
    assert CHANGES.reports_failures
    assert CHANGES.retries is not None
    assert CHANGES.failures == QUEUES["DeliveriesDead"]


@pytest.mark.parametrize("event", ["INSERT", "MODIFY", "REMOVE"])
@pytest.mark.parametrize("collection", ["own/locations", "NL-TNM/tokens", "commands/received"])
def test_counters_are_told_of_every_change_of_an_object_and_not_of_what_they_write(collection: str, event: Any) -> None:
    assert COUNTERS.folder.name == "counters"
    assert WRITES.filter.passes(stream_record(Change(1, event, collection, "X"), WRITES.arn))
    for pk in ("COUNTED#own/locations#x", "COUNTERS#own/locations", "DELIVERIES#p"):
        assert not WRITES.filter.passes({"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": pk}}}})


def test_no_change_is_given_up_uncounted() -> None:
    assert WRITES.reports_failures
    assert WRITES.retries is None


def test_counters_are_kept_by_the_store_itself_where_it_is_a_file() -> None:
    assert [function.folder.name for function in TEMPLATE.functions if function.only_in_aws] == ["counters"]


def test_only_two_read_the_stream_and_no_more_of_it_than_lambda_needs() -> None:
    needed = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
    reading = {
        function.folder.name: statement
        for function in TEMPLATE.functions
        for statement in _statements(function)
        if {"Fn::GetAtt": ["Table", "StreamArn"]} in _listed(statement["Resource"])
    }
    assert reading.keys() == {"push", "counters"}
    for statement in reading.values():
        assert set(statement["Action"]) == {f"dynamodb:{action}" for action in needed}
    properties = RESOURCES["Table"]["Properties"]["StreamSpecification"]
    assert properties == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


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


@pytest.mark.parametrize("function", [PUSH, COUNTERS], ids=["push", "counters"])
def test_an_alarm_tells_when_the_stream_is_followed_late(function: Function) -> None:
    alarms = [resource["Properties"] for resource in RESOURCES.values() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    watching = [{"Name": "FunctionName", "Value": {"Ref": function.name}}]
    (alarm,) = (each for each in alarms if (each["MetricName"], each.get("Dimensions")) == ("IteratorAge", watching))
    assert alarm["Statistic"] == "Maximum"
    assert 0 < alarm["Threshold"] < 24 * 3_600_000  # milliseconds; the stream forgets after a day


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


def test_only_who_calls_partners_opens_their_tokens() -> None:
    able = {function.folder.name for function in TEMPLATE.functions if _allowed(function, "kms:")}
    assert able == {"command_results", "credentials", "deliver", "operator", "pull", "reconcile"}


@functions
def test_a_function_sends_to_no_queue_that_it_is_not_told_of(function: Function) -> None:
    told = {name for name in QUEUES if f"sqs:{QUEUES[name].url}" in function.environment.values()}
    # Lambda itself sends there, with the function's rights.
    told |= {source.failures.name for source in function.streams if source.failures}
    reached = {
        resource["Fn::GetAtt"][0]
        for statement in _statements(function)
        if any(action.startswith("sqs:") for action in _listed(statement["Action"]))
        for resource in _listed(statement["Resource"])
    }
    assert reached == told


def test_only_operator_knows_where_the_operator_key_is_and_may_read_it() -> None:
    assert _able_to_read("OperatorKey") == _told("OCPI_OPERATOR_KEY") == {"operator"}


def test_only_who_calls_the_operator_knows_where_the_key_that_signs_webhooks_is_and_may_read_it() -> None:
    assert _able_to_read("WebhookSecret") == _told("OCPI_WEBHOOK_SECRET") == {"command_requests", "tokens"}


def test_the_key_that_signs_webhooks_can_be_read_as_base64() -> None:
    made = RESOURCES["WebhookSecret"]["Properties"]["GenerateSecretString"]
    assert (made["PasswordLength"] % 4, made["ExcludePunctuation"], made["IncludeSpace"]) == (0, True, False)


@functions
def test_no_function_may_scan_or_administer_the_table(function: Function) -> None:
    items = {"BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"}
    items.add("ConditionCheckItem")  # of transactions
    allowed = {
        action
        for statement in _statements(function)
        if {"Fn::GetAtt": ["Table", "StreamArn"]} not in _listed(statement["Resource"])
        for action in _listed(statement["Action"])
        if action.startswith("dynamodb:")
    }
    assert allowed <= {f"dynamodb:{action}" for action in items}


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
    ("url", "taken"),
    [
        ("", True),
        ("https://operator.example.com/authorize?key=x", True),
        ("http://operator.example.com/authorize", False),
        ("operator.example.com", False),
        ("https://operator.example.com/a b", False),
    ],
)
@pytest.mark.parametrize("hook", ["AuthorizationHookUrl", "CommandHookUrl"])
def test_a_hook_is_https(hook: str, url: str, taken: bool) -> None:
    assert bool(re.fullmatch(PARAMETERS[hook]["AllowedPattern"], url)) is taken


def test_the_functions_take_every_number_of_minutes_that_a_session_may_be_pending_and_no_other() -> None:
    parameter = PARAMETERS["PendingSessionMinutes"]
    told = {
        name: value if isinstance(value, str) else "x:y" for name, value in TEMPLATE.functions[0].environment.items()
    }
    for minutes in (parameter["MinValue"], parameter["Default"], parameter["MaxValue"]):
        settings = read_settings({**told, "OCPI_PENDING_SESSION_MINUTES": str(minutes)})
        assert settings.pending_session_minutes == minutes
    for minutes in (parameter["MinValue"] - 1, parameter["MaxValue"] + 1):
        with pytest.raises(SettingsError, match="OCPI_PENDING_SESSION_MINUTES"):
            read_settings({**told, "OCPI_PENDING_SESSION_MINUTES": str(minutes)})


def test_the_functions_take_every_deadline_of_a_command_that_the_template_does() -> None:
    parameter = PARAMETERS["CommandSeconds"]
    told = {
        name: value if isinstance(value, str) else "x:y" for name, value in TEMPLATE.functions[0].environment.items()
    }
    for seconds in (parameter["MinValue"], parameter["Default"], parameter["MaxValue"]):
        assert read_settings({**told, "OCPI_COMMAND_SECONDS": str(seconds)}).command_seconds == seconds


@pytest.mark.parametrize(
    ("name", "variable", "setting"),
    [
        ("PullHours", "OCPI_PULL_HOURS", "pull_hours"),
        ("ExchangeDays", "OCPI_EXCHANGE_DAYS", "exchange_days"),
        ("FailedAuthentications", "OCPI_FAILED_AUTHENTICATIONS", "failed_authentications"),
    ],
)
def test_the_functions_take_every_number_of_hours_days_and_failures_that_the_template_does_and_no_other(
    name: str, variable: str, setting: str
) -> None:
    parameter = PARAMETERS[name]
    told = {
        name: value if isinstance(value, str) else "x:y" for name, value in TEMPLATE.functions[0].environment.items()
    }
    for number in (parameter["MinValue"], parameter["Default"], parameter["MaxValue"]):
        assert getattr(read_settings({**told, variable: str(number)}), setting) == number
    for number in (parameter["MinValue"] - 1, parameter["MaxValue"] + 1):
        with pytest.raises(SettingsError, match=variable):
            read_settings({**told, variable: str(number)})


@pytest.mark.parametrize(
    ("runtime", "asked", "snapped"),
    [("python3.13", "on", True), ("python3.13", "off", False), ("python3.11", "on", False)],
)
def test_snapshots_are_taken_where_asked_for_and_possible(runtime: str, asked: str, snapped: bool) -> None:
    chosen = PARAMETERS | {"Runtime": {"Default": runtime}, "SnapStart": {"Default": asked}}
    function = Resolver(DOCUMENT | {"Parameters": chosen}).resolve(DOCUMENT["Globals"]["Function"])
    assert function.get("SnapStart") == ({"ApplyOn": "PublishedVersions"} if snapped else None)


# The layer of third-party packages


def test_the_layer_pins_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {requirement.name: requirement.specifier for requirement in map(Requirement, project["dependencies"])}
    pins = dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+) \\$", _pinned()))
    assert wanted.keys() <= pins.keys()
    assert all(wanted[name].contains(pins[name]) for name in wanted)


def test_every_pin_of_the_layer_has_its_hashes() -> None:
    pins = re.findall(r"(?m)^\S+==\S+((?: \\\n    --hash=sha256:[0-9a-f]{64})*)", _pinned())
    assert pins
    assert all(pins)


def _pinned() -> str:
    return (ROOT / "layers/dependencies/requirements.txt").read_text(encoding="utf-8")
