"""The store in DynamoDB as a whole: its client, its parts, its signing key; and its smallest parts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocpi.store import dynamodb, dynamodb_channels
from ocpi.store.deliveries import Channel
from ocpi.store.dynamodb import CONFIG, DynamoDBStore, shared_client
from ocpi.store.dynamodb_channels import DynamoDBChannels
from ocpi.store.dynamodb_deliveries import DynamoDBDeliveries
from ocpi.store.dynamodb_exchanges import DynamoDBExchanges
from ocpi.store.dynamodb_failures import DynamoDBFailures
from ocpi.store.dynamodb_objects import DynamoDBObjects
from ocpi.store.dynamodb_partners import DynamoDBPartners
from ocpi.store.port import Conflict
from tests.support.scripted_dynamodb import ScriptedDynamoDB, cancelled, refused

LAYER = Path(__file__).parents[3] / "layers" / "ocpi" / "python"
KEY = {"pk": {"S": "SETTINGS"}, "sk": {"S": "signing_key"}}
READ = ("get_item", {"TableName": "t", "Key": KEY, "ConsistentRead": True})
SECRET = b"s" * 32


def scripted(*answers: Any) -> tuple[DynamoDBStore, ScriptedDynamoDB]:
    client: Any = ScriptedDynamoDB(*answers)
    return DynamoDBStore("t", client), client


def test_the_client_gives_up_within_seconds_and_leaves_checking_to_dynamodb() -> None:
    # In a process of its own: botocore changes the options of whatever client was made with them.
    said = json.loads(
        printed(
            "from ocpi.store.dynamodb import CONFIG as c; import json; print(json.dumps([c.connect_timeout,"
            " c.read_timeout, c.retries, c.parameter_validation, c.user_agent]))"
        )
    )
    assert said == [1, 3, {"mode": "standard", "max_attempts": 3}, False, "serverless-ocpi"]


def test_the_client_says_by_which_name_a_deployment_tells_its_callers_apart() -> None:
    said = printed("from ocpi.store.dynamodb import CONFIG; print(CONFIG.user_agent)", AWS_SDK_UA_APP_ID="ocpi-prod")
    assert said == "serverless-ocpi app/ocpi-prod\n"


def printed(program: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(LAYER), "PATH": "", **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def test_a_process_has_one_client_of_dynamodb(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []

    def client(*arguments: Any) -> object:
        made.append(arguments)
        return object()

    monkeypatch.setattr(dynamodb, "aws", SimpleNamespace(client=client))
    shared_client.cache_clear()
    try:
        first = shared_client()
        assert shared_client() is first
        assert DynamoDBStore("t")._client is first
    finally:
        shared_client.cache_clear()
    assert made == [("dynamodb", CONFIG)]


def test_every_part_is_of_the_same_table_and_client_and_made_once() -> None:
    store, client = scripted()
    parts = {
        "objects": DynamoDBObjects,
        "partners": DynamoDBPartners,
        "deliveries": DynamoDBDeliveries,
        "channels": DynamoDBChannels,
        "exchanges": DynamoDBExchanges,
        "failures": DynamoDBFailures,
    }

    for name, kind in parts.items():
        part = getattr(store, name)
        assert isinstance(part, kind)
        assert (part._client, part._table) == (client, "t")  # type: ignore[attr-defined] # every part has them
        assert getattr(store, name) is part


def test_following_is_of_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[tuple[Any, ...]] = []
    monkeypatch.setattr("ocpi.store.dynamodb_following.follow", lambda *arguments: followed.append(arguments))
    store, client = scripted()
    store.follow([{"a": 1}])

    assert followed == [(client, "t", [{"a": 1}])]


def test_a_signing_key_that_is_there_is_read_once() -> None:
    store, client = scripted({"Item": KEY | {"secret": {"B": bytearray(SECRET)}}})

    assert store.signing_key() == SECRET
    assert type(store.signing_key()) is bytes
    assert client.asked == [READ]


def test_a_signing_key_is_made_where_there_is_none_and_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_bytes", lambda size: b"n" * size)
    store, client = scripted({}, {}, {"Item": KEY | {"secret": {"B": SECRET}}})

    assert store.signing_key() == SECRET
    put = {
        "TableName": "t",
        "Item": KEY | {"secret": {"B": b"n" * 32}},
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    assert client.asked == [READ, ("put_item", put), READ]


def test_of_two_processes_that_make_a_signing_key_the_first_ones_counts() -> None:
    store, _ = scripted({}, refused(), {"Item": KEY | {"secret": {"B": SECRET}}})

    assert store.signing_key() == SECRET


def test_a_signing_key_that_vanishes_is_an_error_and_no_key() -> None:
    store, _ = scripted({}, {}, {})

    with pytest.raises(RuntimeError, match=r"^the signing key vanished from t as it was read$"):
        store.signing_key()


def test_a_ping_reads_as_little_as_can_be() -> None:
    store, client = scripted({})
    store.ping()

    assert client.asked == [("get_item", {"TableName": "t", "Key": KEY, "ProjectionExpression": "pk"})]


CHANNEL = {"pk": {"S": "CHANNEL#p1"}, "sk": {"S": "CHANNEL"}}


def test_a_channel_that_was_never_written_is_that_of_a_partner_without_history() -> None:
    store, client = scripted({})

    assert store.channels.get("p1") == Channel("p1")
    assert client.asked == [("get_item", {"TableName": "t", "Key": CHANNEL, "ConsistentRead": True})]


def test_a_channel_is_written_at_the_revision_that_was_read_and_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_channels, "uuid4", lambda: "w")
    store, client = scripted({}, {})
    written = store.channels.put(Channel("p1", called=3, revision=6))

    assert written == Channel("p1", called=3, revision=7)
    ((_, request),) = client.asked
    item = request["Item"]
    assert item == CHANNEL | {"document": item["document"], "revision": {"N": "7"}, "write_id": {"S": "w"}}
    assert request["TableName"] == "t"
    assert request["ConditionExpression"] == "revision = :expected"
    assert request["ExpressionAttributeValues"] == {":expected": {"N": "6"}}
    assert scripted({"Item": item})[0].channels.get("p1") == written
    store.channels.put(Channel("p1"))
    operation, request = client.asked[1]
    assert (operation, request["ClientRequestToken"]) == ("transact_write_items", "w")
    put, partner = request["TransactItems"]
    made = put["Put"]["Item"]
    assert put["Put"] == {
        "TableName": "t",
        "Item": CHANNEL | {"document": made["document"], "revision": {"N": "1"}, "write_id": {"S": "w"}},
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    assert partner["Update"] == {
        "TableName": "t",
        "Key": {"pk": {"S": "PARTNERS"}, "sk": {"S": "p1"}},
        "UpdateExpression": "REMOVE nothing",
        "ConditionExpression": "attribute_exists(pk)",
    }


def test_a_channel_that_another_wrote_meanwhile_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_channels, "uuid4", lambda: "w")
    store, _ = scripted(refused(CHANNEL | {"write_id": {"S": "x"}}), refused(CHANNEL | {"write_id": {"S": "w"}}))

    with pytest.raises(Conflict, match=r"^p1$"):
        store.channels.put(Channel("p1", revision=3))
    assert store.channels.put(Channel("p1", revision=3)).revision == 4


@pytest.mark.parametrize(
    "reasons",
    [
        ({"Code": "ConditionalCheckFailed", "Item": CHANNEL | {"write_id": {"S": "x"}}}, {"Code": "None"}),
        ({"Code": "None"}, {"Code": "ConditionalCheckFailed"}),
    ],
    ids=["somebody has made it", "its partner is gone"],
)
def test_a_channel_is_made_once_and_not_without_its_partner(reasons: tuple[Any, ...]) -> None:
    store, _ = scripted(cancelled(*reasons))

    with pytest.raises(Conflict, match=r"^p1$"):
        store.channels.put(Channel("p1"))


def test_a_channel_that_our_own_first_try_made_is_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_channels, "uuid4", lambda: "w")
    ours = {"Code": "ConditionalCheckFailed", "Item": CHANNEL | {"write_id": {"S": "w"}}}
    store, _ = scripted(cancelled(ours, {"Code": "None"}))

    assert store.channels.put(Channel("p1")).revision == 1


def test_a_failure_is_counted_below_the_most_in_one_request() -> None:
    store, client = scripted({}, refused())

    assert store.failures.count("192.0.2.1", 1767830400, most=20) is True
    assert store.failures.count("192.0.2.1", 1767830400, most=20) is False
    request = {
        "TableName": "t",
        "Key": {"pk": {"S": "FAILURES#192.0.2.1#1767830400"}, "sk": {"S": "FAILURES"}},
        "UpdateExpression": "SET expires = :until ADD failures :one",
        "ConditionExpression": "attribute_not_exists(failures) OR failures < :most",
        "ExpressionAttributeValues": {":until": {"N": "1767830400"}, ":one": {"N": "1"}, ":most": {"N": "20"}},
    }
    assert client.asked == [("update_item", request)] * 2
