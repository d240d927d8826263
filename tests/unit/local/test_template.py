from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.intrinsics import TemplateError, Unresolved
from local.schedule import Schedule
from local.template import Route, read_template

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """\
Parameters:
  Country: {Type: String, Default: NL}
  Debug: {Type: String, Default: "off"}
  Limit: {Type: Number, Default: 30}
Mappings:
  Levels: {prod: {level: INFO}}
Conditions:
  IsDebug: !Equals [!Ref Debug, "on"]
  IsQuiet: !Not [!Condition IsDebug]
  Both: !And [!Condition IsDebug, !Condition IsQuiet]
  Either: !Or [!Condition IsDebug, !Condition IsQuiet]
Globals:
  Function:
    Handler: app.handler
    Timeout: 10
    Environment:
      Variables:
        COUNTRY: !Ref Country
        LEVEL: global
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layers/ocpi/}}
  Absent: {Type: AWS::Serverless::Function, Condition: IsDebug, Properties: {CodeUri: nowhere/}}
  Locations:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/locations/
      MemorySize: 512
      Environment:
        Variables:
          LEVEL: !FindInMap [Levels, prod, level]
          TABLE: !Ref Table
          STORE: !Sub "dynamodb:${Table}"
          KEY: !GetAtt Key.Arn
          PARTY: !Sub ["${Country}-${Id}${!Id}", {Id: EXA}]
          REGION: !Sub "${AWS::Region}"
          QUIET: !If [IsQuiet, "yes", "no"]
          LEFT_OUT: !If [Both, x, !Ref AWS::NoValue]
          EITHER: !If [Either, true, false]
          LIMIT: !Ref Limit
          JOINED: !Join ["/", [a, !Ref Country]]
          NOT_JOINED: !Join ["/", [a, !Ref Table]]
      Events:
        Root: {Type: Api, Properties: {Path: /ocpi/locations, Method: get}}
        Rest: {Type: Api, Properties: {Path: "/ocpi/locations/{proxy+}", Method: ANY}}
        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
        Never: {Type: Schedule, Properties: {Schedule: rate(1 day), Enabled: false}}
        NeverEither: {Type: Schedule, Properties: {Schedule: "cron(0 1 * * ? *)", State: DISABLED}}
"""


def _scheduled(properties: str) -> str:
    """A template whose one schedule has these properties."""
    events = f"{{Tick: {{Type: Schedule, Properties: {{{properties}}}}}}}"
    function = f"{{CodeUri: functions/f/, Handler: app.handler, Events: {events}}}"
    return f"Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {function}}}}}"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def test_a_function_is_read_with_what_all_functions_share(template: Path) -> None:
    (function,) = read_template(template).functions
    assert function.name == "Locations"
    assert function.folder == template.parent / "functions" / "locations"
    assert (function.handler, function.timeout, function.memory) == ("app.handler", 10, 512)


def test_only_api_events_are_routes(template: Path) -> None:
    (function,) = read_template(template).functions
    assert function.routes == (Route("/ocpi/locations", "GET"), Route("/ocpi/locations/{proxy+}", "ANY"))


def test_schedules_are_those_that_are_enabled(template: Path) -> None:
    (function,) = read_template(template).functions
    assert function.schedules == (Schedule("LocationsNightly", 86_400),)


def test_environment_variables_are_resolved_as_far_as_they_can_be_without_aws(template: Path) -> None:
    (function,) = read_template(template).functions
    assert dict(function.environment) == {
        "COUNTRY": "NL",
        "LEVEL": "INFO",
        "TABLE": Unresolved("!Ref Table"),
        "STORE": Unresolved("!Sub dynamodb:${Table}"),
        "KEY": Unresolved("Fn::GetAtt ['Key', 'Arn']"),
        "PARTY": "NL-EXA${Id}",
        "REGION": "eu-central-1",
        "QUIET": "yes",
        "EITHER": "true",
        "LIMIT": "30",
        "JOINED": "a/NL",
        "NOT_JOINED": Unresolved("!Join ['/', ['a', {'Ref': 'Table'}]]"),
    }


def test_layers_are_the_folders_that_lambda_has_on_its_path(template: Path) -> None:
    assert read_template(template).layers == (template.parent / "layers" / "ocpi" / "python",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not valid YAML"),
        ("- 1", "not a template"),
        ("Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b}}}", "function F has no CodeUri"),
        (_scheduled("Schedule: 'cron(0 1 * * ? *)'"), "schedule FTick: 'cron.*' is not like rate"),
        (_scheduled("Description: x"), "schedule FTick: None is not like rate"),
        (_scheduled("Schedule: rate(1 day), Input: '{}'"), "schedule FTick: Input is not handed over outside AWS"),
        ("Resources: {F: {Type: X, Condition: Nope}}", "condition Nope is not declared"),
        ("Resources: {F: {Type: X, Properties: {A: !FindInMap [M, a, b]}}}", "nothing there"),
    ],
)
def test_a_template_that_cannot_be_read_says_where(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match=reason) as raised:
        read_template(path)
    assert str(raised.value).startswith(str(path))


def test_a_template_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="No such file"):
        read_template(tmp_path / "template.yaml")
