from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.intrinsics import TemplateError
from local.template import read_template

if TYPE_CHECKING:
    from pathlib import Path

    from local.stream_source import StreamSource

ARN = "arn:aws:dynamodb:eu-central-1:000000000000:table/T/stream/1970-01-01T00:00:00.000"
LEAST = "Stream: !GetAtt T.StreamArn, StartingPosition: TRIM_HORIZON"


def template(folder: Path, *events: str, stream: str = "{StreamViewType: NEW_AND_OLD_IMAGES}") -> Path:
    """A template with a table, a queue and a function with an event for each of these properties."""
    read = "".join(f"E{number}: {{Type: DynamoDB, Properties: {{{each}}}}}, " for number, each in enumerate(events))
    path = folder / "template.yaml"
    path.write_text(
        f"""\
Resources:
  T: {{Type: AWS::DynamoDB::Table, Properties: {{StreamSpecification: {stream}}}}}
  Plain: {{Type: AWS::DynamoDB::Table}}
  Dead: {{Type: AWS::SQS::Queue}}
  F: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: f/, Handler: a.b, Events: {{{read}}}}}}}
""",
        encoding="utf-8",
    )
    return path


def read(folder: Path, *events: str) -> tuple[StreamSource, ...]:
    (function,) = read_template(template(folder, *events)).functions
    return function.streams


def test_a_stream_says_how_records_are_handed_over(tmp_path: Path) -> None:
    (source,) = read(
        tmp_path,
        LEAST + ", BatchSize: 7, FunctionResponseTypes: [ReportBatchItemFailures], BisectBatchOnFunctionError: true,"
        " MaximumRetryAttempts: 3, ParallelizationFactor: 4,"
        " DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}},"
        ' FilterCriteria: {Filters: [{Pattern: \'{"eventName": ["REMOVE"]}\'}]}',
    )
    assert (source.name, source.arn, source.batch_size) == ("FE0", ARN, 7)
    assert (source.reports_failures, source.bisects, source.retries) == (True, True, 3)
    assert source.failures is not None
    assert source.failures.name == "Dead"
    assert source.filter.passes({"eventName": "REMOVE"})
    assert not source.filter.passes({"eventName": "INSERT"})


def test_a_stream_without_properties_has_the_defaults_of_lambda(tmp_path: Path) -> None:
    (source,) = read(tmp_path, LEAST)
    assert (source.batch_size, source.reports_failures, source.bisects) == (100, False, False)
    assert (source.retries, source.failures) == (None, None)
    assert source.filter.passes({})


def test_a_stream_that_is_switched_off_is_not_read(tmp_path: Path) -> None:
    assert read(tmp_path, LEAST + ", Enabled: false") == ()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("StartingPosition: TRIM_HORIZON", "Stream is not !GetAtt"),
        ("Stream: !GetAtt Plain.StreamArn, StartingPosition: TRIM_HORIZON", "Stream is not !GetAtt"),
        ("Stream: !GetAtt Dead.Arn, StartingPosition: TRIM_HORIZON", "Stream is not !GetAtt"),
        ("Stream: !GetAtt T.StreamArn", "StartingPosition is not TRIM_HORIZON"),
        ("Stream: !GetAtt T.StreamArn, StartingPosition: LATEST", "StartingPosition is not TRIM_HORIZON"),
        (LEAST + ", BatchSize: 0", "BatchSize is '0'"),
        (LEAST + ", MaximumRetryAttempts: -2", "MaximumRetryAttempts is '-2'"),
        (LEAST + ", MaximumBatchingWindowInSeconds: 1", "MaximumBatchingWindowInSeconds is not followed"),
        (LEAST + ", MaximumRecordAgeInSeconds: 60", "MaximumRecordAgeInSeconds is not followed"),
        (LEAST + ", TumblingWindowInSeconds: 60", "TumblingWindowInSeconds is not followed"),
        (LEAST + ", DestinationConfig: {OnFailure: {Destination: !Ref Dead}}", "OnFailure is not !GetAtt"),
        (
            LEAST + ", FilterCriteria: {Filters: [{Pattern: '{\"userIdentity\": [null]}'}]}",
            "a pattern on userIdentity is not followed",
        ),
    ],
)
def test_a_stream_that_cannot_be_read_as_in_aws_says_why(tmp_path: Path, event: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=f"event FE0: {reason}"):
        read(tmp_path, event)


def test_a_function_whose_work_is_done_otherwise_outside_aws_may_read_the_stream_as_well(tmp_path: Path) -> None:
    path = template(tmp_path, LEAST)
    text = path.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("  F: "))
    only = line.replace("  F: {", "  G: {Metadata: {OnlyInAws: true}, ")
    path.write_text(f"{text}{only}\n", encoding="utf-8")

    assert [each.only_in_aws for each in read_template(path).functions] == [False, True]


def test_only_one_function_reads_the_stream_because_what_it_is_done_with_is_gone(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="events FE0 and FE1: only one"):
        read(tmp_path, LEAST, LEAST)
