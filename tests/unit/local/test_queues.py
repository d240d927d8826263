from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.environment import queue_environment
from local.intrinsics import TemplateError
from local.queue_file import open_queues
from local.template import read_template

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """\
Parameters:
  Hook: {Type: String, Default: ""}
  Seconds: {Type: Number, Default: 30}
Conditions:
  HasHook: !Not [!Equals [!Ref Hook, ""]]
Globals:
  Function: {Handler: app.handler, Environment: {Variables: {SECONDS: !Ref Seconds}}}
Resources:
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      DelaySeconds: "5"
      MessageRetentionPeriod: 600
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue}
  Sender:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/sender/
      Environment: {Variables: {WORK: !Sub "sqs:${Work}", NAME: !GetAtt Work.QueueName, URL: !Ref Work}}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/worker/
      Environment: {Variables: {HOOK: !Ref Hook}}
      Events:
        Work:
          Type: SQS
          Properties:
            Queue: !GetAtt Work.Arn
            BatchSize: 25
            MaximumBatchingWindowInSeconds: 2
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 7}
        Plain: {Type: SQS, Properties: {Queue: !GetAtt Dead.Arn}}
        Hooked: {Type: SQS, Properties: {Queue: !GetAtt Dead.Arn, Enabled: !If [HasHook, true, false]}}
        Off: {Type: SQS, Properties: {Queue: !GetAtt Dead.Arn, Enabled: false}}
"""
WORK = "https://sqs.eu-central-1.amazonaws.com/000000000000/Work"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def with_queue(queue: str = "{}", event: str = "{Queue: !GetAtt Q.Arn}") -> str:
    """A template with a queue and an event, each with these properties."""
    function = f"{{CodeUri: f/, Handler: a.b, Events: {{E: {{Type: SQS, Properties: {event}}}}}}}"
    return f"""\
Resources:
  Q: {{Type: AWS::SQS::Queue, Properties: {queue}}}
  F: {{Type: AWS::Serverless::Function, Properties: {function}}}
"""


def test_a_queue_is_read_with_its_times_and_its_dead_letter_queue(template: Path) -> None:
    work, dead = read_template(template).queues
    assert (work.name, work.visibility_seconds, work.delay_seconds, work.retention_seconds) == ("Work", 60, 5, 600)
    assert (work.dead_letter_arn, work.max_receive_count) == (dead.arn, 3)


def test_a_queue_without_properties_has_the_defaults_of_sqs(template: Path) -> None:
    dead = read_template(template).queues[1]
    assert (dead.visibility_seconds, dead.delay_seconds, dead.retention_seconds) == (30, 0, 4 * 86_400)
    assert (dead.dead_letter_arn, dead.max_receive_count) == (None, None)


def test_names_of_a_queue_are_known_before_it_is_deployed(template: Path) -> None:
    sender = read_template(template).functions[0]
    assert sender.environment == {"SECONDS": "30", "WORK": f"sqs:{WORK}", "NAME": "Work", "URL": WORK}


def test_a_variable_that_is_a_queue_becomes_one_of_the_data_folder(template: Path, tmp_path: Path) -> None:
    read = read_template(template)
    assert queue_environment(read.functions, read.queues, tmp_path) == {"WORK": f"sqlite:{tmp_path}/queues.db#Work"}


def test_an_event_source_says_how_messages_are_handed_over(template: Path) -> None:
    work, plain = read_template(template).functions[1].event_sources
    assert (work.name, work.queue.name, work.batch_size, work.window_seconds) == ("WorkerWork", "Work", 25, 2)
    assert (work.reports_failures, work.concurrency) == (True, 7)
    assert (plain.name, plain.queue.name, plain.batch_size, plain.window_seconds) == ("WorkerPlain", "Dead", 10, 0)
    assert (plain.reports_failures, plain.concurrency) == (False, 32)


def test_a_variable_of_the_user_sets_the_parameter_that_it_stands_for(template: Path) -> None:
    sender, worker = read_template(template, {"HOOK": "https://example.com", "SECONDS": "5", "WORK": "x"}).functions
    assert [source.name for source in worker.event_sources] == ["WorkerWork", "WorkerPlain", "WorkerHooked"]
    assert (worker.environment["HOOK"], worker.environment["SECONDS"]) == ("https://example.com", "5")
    assert sender.environment["WORK"] == f"sqs:{WORK}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (with_queue("{FifoQueue: true}"), "queue Q: there are no FIFO queues"),
        (with_queue("{DelaySeconds: 901}"), "queue Q: DelaySeconds is '901'"),
        (with_queue("{VisibilityTimeout: -1}"), "queue Q: VisibilityTimeout is '-1'"),
        (with_queue("{VisibilityTimeout: !Ref Nothing}"), "queue Q: VisibilityTimeout is "),
        (with_queue("{RedrivePolicy: {deadLetterTargetArn: !GetAtt Q.Arn}}"), "queue Q: RedrivePolicy needs"),
        (
            with_queue("{RedrivePolicy: {deadLetterTargetArn: !GetAtt X.Arn, maxReceiveCount: 1}}"),
            "queue Q: its dead-letter queue is not in this template",
        ),
        (with_queue(event="{Queue: !GetAtt X.Arn}"), "event FE: Queue is not !GetAtt"),
        (with_queue(event="{Queue: !Ref Q}"), "event FE: Queue is not !GetAtt"),
        (with_queue(event="{Queue: !GetAtt Q.Arn, BatchSize: 11}"), "event FE: BatchSize above 10 needs"),
        (with_queue(event="{Queue: !GetAtt Q.Arn, BatchSize: 0}"), "event FE: BatchSize is '0'"),
        (with_queue(event="{Queue: !GetAtt Q.Arn, FilterCriteria: {}}"), "event FE: FilterCriteria is not followed"),
        (
            with_queue(event="{Queue: !GetAtt Q.Arn, ScalingConfig: {MaximumConcurrency: 1}}"),
            "event FE: MaximumConcurrency is '1'",
        ),
    ],
)
def test_a_queue_that_cannot_be_run_says_why(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match=reason):
        read_template(path)


def test_the_file_of_the_queues_follows_the_template(template: Path, tmp_path: Path) -> None:
    queues: Any = open_queues(tmp_path, read_template(template).queues)
    queues.send("Work", "x")
    assert queues.receive("Work", 1, 0) == []  # it has a delay of five seconds
    for _ in range(3):
        with queues._file.writing() as db:
            db.execute("UPDATE messages SET visible_at = 0")
        assert len(queues.receive("Work", 1, 0)) == 1
    assert queues.receive("Work", 1, 0) == []
    assert queues.depth("Dead") == 1
    queues.close()
