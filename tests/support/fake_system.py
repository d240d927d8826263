"""A small template with functions of its own, for tests of the local gateway itself."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String, Default: hello}
Globals:
  Function:
    Handler: app.handler
    Timeout: 10
    Environment:
      Variables:
        GREETING: !Ref Greeting
        OCPI_STORE: !Sub "dynamodb:${Table}"
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      GatewayResponses:
        DEFAULT_4XX:
          ResponseTemplates:
            application/json: '{"status_code":2000,"status_message":$context.error.messageString}'
        MISSING_AUTHENTICATION_TOKEN:
          StatusCode: "404"
          ResponseParameters: {Headers: {X-Reason: "'no route'"}}
          ResponseTemplates:
            application/json: '{"status_code":2000,"status_message":"nothing at $context.path"}'
"""
FUNCTION = """\
  {name}Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/{name}/
      Events:
        Root: {{Type: Api, Properties: {{RestApiId: !Ref Api, Method: ANY, Path: {path}}}}}
        Rest: {{Type: Api, Properties: {{RestApiId: !Ref Api, Method: ANY, Path: "{path}/{{proxy+}}"}}}}
"""


def write_system(folder: Path, **sources: str) -> Path:
    """Write ``template.yaml`` and one function per name with that ``app.py``; the template's path.

    ``operator`` gets ``/operator``, any other name ``/ocpi/<name>``.
    """
    template = TEMPLATE
    for name, source in sources.items():
        code = folder / "functions" / name
        code.mkdir(parents=True)
        (code / "app.py").write_text(dedent(source), encoding="utf-8")
        template += FUNCTION.format(name=name, path="/operator" if name == "operator" else f"/ocpi/{name}")
    path = folder / "template.yaml"
    path.write_text(template, encoding="utf-8")
    return path
