"""Commands in the deployed system, over the real queues of the emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.deployment import COMMAND_SECONDS, ROOT, Deployment, aws
from tests.deploy.queues import put_result, take, wait_until
from tests.support.partner_server import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.deploy.partner import Partner

LOCATION, EVSE, SESSION, AUTH_ID = "LOC1", "LOC1-1", "STOPPED", "NL-EXM-C00000009-X"
FAR_AWAY = "2036-01-01T00:00:00Z"


def _sample(name: str) -> Any:
    event = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return json.loads(event["body"])


@pytest.fixture(scope="module")
def charge_point(operator: httpx.Client, emsp: Partner, locations: list[str]) -> None:
    """A charge point of ours that can do everything, and a session of the eMSP's driver at it."""
    session = _sample("sessions-put") | {"id": SESSION, "auth_id": AUTH_ID}
    session["location"]["id"] = LOCATION
    session["location"]["evses"][0]["uid"] = EVSE
    token = _sample("commands-start")["token"] | {"uid": "COMMANDER", "auth_id": AUTH_ID}
    assert LOCATION in locations
    assert emsp.http.put(f"{emsp.modules['tokens']}/NL/EXM/COMMANDER", json=token).status_code in (200, 201)
    answer = operator.put(f"/2.1.1/sessions/{SESSION}", json=session)
    assert answer.status_code == 201, answer.text


def _request(kind: str) -> dict[str, Any]:
    token = _sample("commands-start")["token"]
    place = {"location_id": LOCATION, "evse_uid": EVSE}
    return {
        "START_SESSION": {"token": token, **place},
        "STOP_SESSION": {"session_id": SESSION},
        "RESERVE_NOW": {"token": token, "expiry_date": FAR_AWAY, "reservation_id": 7, **place},
        "UNLOCK_CONNECTOR": {**place, "connector_id": "1"},
    }[kind]


def _command(emsp: Partner, kind: str, number: str) -> str:
    """Have the eMSP send a command; the path at which it waits for the result."""
    path = f"/results/{number}"
    emsp.server.on("POST", path, Reply.ocpi())
    url = f"{emsp.modules['commands']}/{kind}"
    answer = emsp.http.post(url, json={**_request(kind), "response_url": f"{emsp.server.url}{path}"})
    assert (answer.status_code, answer.json()["status_code"]) == (200, 1000), answer.text
    assert answer.json()["data"] == {"result": "ACCEPTED"}
    return path


def _through_the_api(operator: httpx.Client, deployment: Deployment, command_id: str) -> None:
    answer = operator.post(f"/2.1.1/commands/{command_id}/result", json={"result": "ACCEPTED"})
    assert answer.status_code == 202, answer.text


def _through_the_queue(operator: httpx.Client, deployment: Deployment, command_id: str) -> None:
    put_result(deployment, {"command_id": command_id, "result": "ACCEPTED"})


@pytest.mark.usefixtures("charge_point")
@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("START_SESSION", _through_the_api),
        ("STOP_SESSION", _through_the_queue),
        ("RESERVE_NOW", _through_the_api),
        ("UNLOCK_CONNECTOR", _through_the_queue),
    ],
)
def test_a_command_goes_to_the_charge_point_system_and_its_result_to_the_emsp(
    emsp: Partner,
    operator: httpx.Client,
    deployment: Deployment,
    kind: str,
    answer: Callable[[httpx.Client, Deployment, str], None],
) -> None:
    take(deployment, "CommandRequests")
    path = _command(emsp, kind, kind)
    (message,) = wait_until(lambda: take(deployment, "CommandRequests"))
    assert (message["type"], message["partner"]) == (kind, emsp.id)
    assert message["request"] == _request(kind)
    answer(operator, deployment, message["command_id"])
    (received,) = wait_until(lambda: emsp.server.received("POST", path))
    assert received.json() == {"result": "ACCEPTED"}
    assert received.headers["authorization"] == f"Token {emsp.token_b}"
    delivered = wait_until(
        lambda: [
            command
            for command in [operator.get(f"/2.1.1/commands/{message['command_id']}").json()]
            if command["delivered_at"]
        ]
    )
    assert (delivered[0]["state"], delivered[0]["result"]) == ("answered", "ACCEPTED")


@pytest.mark.usefixtures("charge_point")
def test_a_command_that_no_charge_point_answers_times_out(
    emsp: Partner, operator: httpx.Client, deployment: Deployment
) -> None:
    path = _command(emsp, "START_SESSION", "nobody-answers")
    (received,) = wait_until(lambda: emsp.server.received("POST", path), COMMAND_SECONDS + 30)
    assert received.json() == {"result": "TIMEOUT"}
    (command, *_) = (
        each for each in operator.get("/2.1.1/commands?state=timed_out").json()["items"] if each["result"] == "TIMEOUT"
    )
    late = operator.post(f"/2.1.1/commands/{command['id']}/result", json={"result": "ACCEPTED"})
    assert late.status_code == 409


def test_a_message_that_is_of_no_use_goes_to_the_dead_letter_queue_with_the_reason(deployment: Deployment) -> None:
    take(deployment, "CommandResultsDead")
    put_result(deployment, "no JSON")
    (dead,) = wait_until(lambda: take(deployment, "CommandResultsDead"))
    assert dead["message"] == "no JSON"
    assert dead["reason"]


def test_a_command_of_ours_is_sent_to_the_cpo_and_its_result_taken(cpo: Partner, operator: httpx.Client) -> None:
    cpo.server.on("POST", "/ocpi/cpo/2.1.1/commands/STOP_SESSION", Reply.ocpi({"result": "ACCEPTED"}))
    sent = operator.post(f"/2.1.1/partners/{cpo.id}/commands/STOP_SESSION", json={"session_id": "THEIRS"})
    assert (sent.status_code, sent.json()["state"]) == (201, "pending"), sent.text
    (received,) = cpo.server.received("POST", "/ocpi/cpo/2.1.1/commands/STOP_SESSION")
    result = cpo.http.post(received.json()["response_url"], json={"result": "ACCEPTED"})
    assert result.status_code == 200, result.text
    command = operator.get(f"/2.1.1/commands/{sent.json()['id']}").json()
    assert (command["state"], command["result"]) == ("answered", "ACCEPTED")


def test_the_queues_are_those_of_the_template(deployment: Deployment) -> None:
    sqs = aws("sqs", deployment.endpoint)
    hidden = {
        name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        for name, url in deployment.outputs.items()
        if name in ("CommandRequestsQueueUrl", "CommandResultsQueueUrl")
    }
    assert hidden == {
        "CommandRequestsQueueUrl": {"VisibilityTimeout": "20"},
        "CommandResultsQueueUrl": {"VisibilityTimeout": "60"},
    }


def test_only_results_are_taken_from_their_queue_while_there_is_no_hook(deployment: Deployment) -> None:
    mappings = aws("lambda", deployment.endpoint).list_event_source_mappings()["EventSourceMappings"]
    queues = [each for each in mappings if ":sqs:" in each["EventSourceArn"]]
    enabled = {each["EventSourceArn"].rpartition(":")[2].split("-")[-2]: each["State"] for each in queues}
    assert enabled.keys() == {"CommandRequests", "CommandResults", "Deliveries", "Pulls", "Reconciliations"}
    assert {state for name, state in enabled.items() if name != "CommandRequests"} == {"Enabled"}
