from __future__ import annotations

import json

import pytest

from local.context import LambdaContext
from local.stream_event import given_up, sequence_number, stream_record
from ocpi.store.dynamodb_items import object_key
from ocpi.store.port import Collection, Key
from ocpi.store.sqlite_changes import Change

ARN = "arn:aws:dynamodb:eu-central-1:000000000000:table/Table/stream/1970-01-01T00:00:00.000"


def test_a_record_has_the_key_of_the_item_and_names_the_object() -> None:
    record = stream_record(Change(12, "MODIFY", "own/locations", "LOC1"), ARN)
    assert record["eventName"] == "MODIFY"
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:dynamodb", ARN)
    stream = record["dynamodb"]
    assert stream["Keys"] == object_key(Key(Collection("own", "locations"), "LOC1"))
    assert stream["Keys"]["pk"] == {"S": "OBJECT#own/locations#loc1"}
    assert stream["NewImage"] == stream["OldImage"]
    assert stream["NewImage"] == {**stream["Keys"], "collection": {"S": "own/locations"}, "id": {"S": "LOC1"}}
    assert stream["SequenceNumber"] == "000000000000000000012"


@pytest.mark.parametrize(
    ("event", "images"), [("INSERT", {"NewImage"}), ("MODIFY", {"NewImage", "OldImage"}), ("REMOVE", {"OldImage"})]
)
def test_a_record_has_the_images_that_there_are(event: str, images: set[str]) -> None:
    record = stream_record(Change(1, event, "own/tariffs", "T"), ARN)  # type: ignore[arg-type] # one of the three
    assert {name for name in record["dynamodb"] if name.endswith("Image")} == images


def test_a_record_that_comes_again_is_known_by_its_id() -> None:
    first, again, other = (stream_record(Change(number, "INSERT", "own/tariffs", "T"), ARN) for number in (1, 1, 2))
    assert first["eventID"] == again["eventID"] != other["eventID"]


def test_sequence_numbers_sort_as_the_writes_did() -> None:
    numbers = [sequence_number(Change(position, "INSERT", "own/tariffs", "T")) for position in (9, 10, 10**18)]
    assert numbers == sorted(numbers)


def test_what_is_given_up_is_named_by_its_place_in_the_stream() -> None:
    changes = [Change(number, "INSERT", "own/tariffs", "T") for number in (3, 4)]
    told = json.loads(given_up(changes, ARN, LambdaContext("F", 128, 3), 11))
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 11
    where = told["DDBStreamBatchInfo"]
    assert (where["startSequenceNumber"], where["endSequenceNumber"]) == (f"{3:021d}", f"{4:021d}")
    assert (where["batchSize"], where["streamArn"]) == (2, ARN)
