"""A small template with functions of its own, for tests of the local gateway itself."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

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
  Table: {Type: AWS::DynamoDB::Table, Properties: {StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}}}
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
WORKER = """\
  {name}Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/{name}/
      Events:
        Tick: {{Type: Schedule, Properties: {{Schedule: "{expression}"}}}}
"""
QUEUES = f"""\
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties: {{ContentUri: {Path(__file__).parents[2] / "layers" / "ocpi"}/}}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 1
      RedrivePolicy: {{deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}}
  Dead: {{Type: AWS::SQS::Queue}}
"""
QUEUE_WORKER = """\
  {name}Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/{name}/
      Environment: {{Variables: {{WORK_QUEUE: !Sub "sqs:${{Work}}", DEAD_QUEUE: !Sub "sqs:${{Dead}}"}}}}
      Events:
        Messages:
          Type: SQS
          Properties:
            Queue: !GetAtt {queue}.Arn
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
"""
STREAM_WORKER = """\
  {name}Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/{name}/
      Events:
        Changes:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: TRIM_HORIZON
            FunctionResponseTypes: [ReportBatchItemFailures]
            BisectBatchOnFunctionError: true
            MaximumRetryAttempts: 1
            DestinationConfig: {{OnFailure: {{Type: SQS, Destination: !GetAtt Dead.Arn}}}}
            FilterCriteria:
              Filters: [{{Pattern: '{{"dynamodb": {{"Keys": {{"pk": {{"S": [{{"prefix": "OBJECT#own/"}}]}}}}}}}}'}}]
"""


def write_system(
    folder: Path,
    schedules: Mapping[str, str] | None = None,
    queues: Mapping[str, str] | None = None,
    stream: str | None = None,
    **sources: str,
) -> Path:
    """Write ``template.yaml`` and one function per name with that ``app.py``; the template's path.

    ``operator`` gets ``/operator``, a name in ``schedules`` that schedule, one in ``queues`` the messages of that
    queue, ``stream`` what is written to the store, any other name ``/ocpi/<name>``. Queues are ``Work``, on which a
    message is hidden for one second and which it may be received from twice, and ``Dead``, where it goes then, as does
    what the function of the stream fails on twice.
    """
    template = TEMPLATE + (QUEUES if queues or stream else "")
    scheduled, fed = schedules or {}, queues or {}
    for name, source in sources.items():
        code = folder / "functions" / name
        code.mkdir(parents=True)
        (code / "app.py").write_text(dedent(source), encoding="utf-8")
        if name in scheduled:
            template += WORKER.format(name=name, expression=scheduled[name])
        elif name in fed:
            template += QUEUE_WORKER.format(name=name, queue=fed[name])
        elif name == stream:
            template += STREAM_WORKER.format(name=name)
        else:
            template += FUNCTION.format(name=name, path="/operator" if name == "operator" else f"/ocpi/{name}")
    path = folder / "template.yaml"
    path.write_text(template, encoding="utf-8")
    return path
