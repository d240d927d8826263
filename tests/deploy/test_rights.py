"""ministack lets every call through, whatever the roles say; so what was called is held against them afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.clock import strike
from tests.deploy.deployment import aws
from tests.deploy.queues import put, put_result, wait_until
from tests.deploy.rights import ANY_CALL, BY_LAMBDA, RARELY, functions_for_partners, granted_rights, used_rights
from tests.support.keeping_partner import KeepingPartner, keeping_partner
from tests.support.partner_server import Received, Reply
from tests.support.party import fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deploy.deployment import Deployment
    from tests.deploy.operator_client import DeployedOperator
    from tests.deploy.partner import Partner

LONG_AGO = "2026-01-01T00:00:00Z"
OTHERS = frozenset({"test_charging", "test_commands", "test_deployment", "test_pull", "test_push"})
"""Tests whose doing counts as well, beside what is made happen here."""


@pytest.fixture(scope="module")
def renewed(operator: DeployedOperator, deployment: Deployment) -> Iterator[KeepingPartner]:
    """An eMSP whose credentials were renewed, and that could not be reached for a while."""

    def renew(request: Received) -> Reply:
        partner.token = request.json()["token"]
        return Reply.ocpi(partner.credentials())

    with keeping_partner(operator) as partner:
        partner.joined("locations", "sessions", "cdrs", "tariffs")
        partner.server.on("PUT", "/emsp/2.1.1/credentials", renew)
        assert operator.post(f"{partner.at}/credentials").status_code == 200
        aws("dynamodb", deployment.endpoint).update_item(
            TableName=deployment.outputs["TableName"],
            Key={"pk": {"S": "PARTNERS"}, "sk": {"S": partner.partner_id}},
            UpdateExpression="SET behind_since = :since REMOVE last_seen_at",
            ExpressionAttributeValues={":since": {"S": LONG_AGO}},
        )
        yield partner


@pytest.fixture(scope="module")
def used(
    emsp: Partner,
    cpo: Partner,
    renewed: KeepingPartner,
    operator: DeployedOperator,
    deployment: Deployment,
) -> dict[str, set[tuple[str, str]]]:
    """What every function called; each is made to do at least something."""
    assert renewed.get(renewed.endpoint("locations")).status_code == 200
    for partner in (emsp, cpo):
        for url in partner.modules.values():
            assert partner.http.get(url).status_code < 500
            assert partner.http.get(url, params={"date_from": LONG_AGO}).status_code < 500
    assert operator.put("/2.1.1/tariffs/T1", json=_tariff()).status_code in (200, 201)
    assert operator.delete("/2.1.1/tariffs/T1").status_code == 204
    theirs = f"{cpo.modules['tariffs']}/NL/EXC/T1"
    assert [cpo.http.request(method, theirs, json=_tariff()).status_code for method in ("PUT", "DELETE")] == [201, 200]
    theirs, location = f"{cpo.modules['locations']}/NL/EXC/L1", fixture("location_max", id="L1")
    assert cpo.http.put(theirs, json=location).status_code == 201
    assert renewed.retry(all=True) > 0
    put_result(deployment, {"command_id": "unknown", "result": "ACCEPTED"})
    put(deployment, "Pulls", {"sync": "unknown"})
    put(deployment, "Reconciliations", {"reconciliation": "unknown"})
    _leave_half_forgotten(operator, deployment)
    _strike_when_much_is_due(deployment, renewed)
    for function, right in (
        ("CommandResultsFunction", ("sqs:SendMessage", "CommandResultsDead")),
        ("DeliverFunction", ("dynamodb:Query", "Table/index/by_audience_updated")),
        ("PushFunction", ("dynamodb:Query", "Table")),
        ("CountersFunction", ("dynamodb:PutItem", "Table")),
        ("PullFunction", ("dynamodb:GetItem", "Table")),
        ("ReconcileFunction", ("dynamodb:Query", "Table/index/by_audience_created")),
    ):
        _wait_for(deployment, function, right)
    return used_rights(deployment)


def test_no_function_calls_what_its_role_does_not_allow(used: dict[str, set[tuple[str, str]]]) -> None:
    granted = granted_rights()
    # This deployment has no hook, so nothing calls the function that serves it.
    assert used.keys() == granted.keys() - {"CommandRequestsFunction"}
    assert {name: rights - granted[name] for name, rights in used.items() if rights - granted[name]} == {}


def test_every_function_for_partners_may_do_what_any_call_of_theirs_needs(
    used: dict[str, set[tuple[str, str]]],
) -> None:
    granted = granted_rights()
    assert {name: ANY_CALL - granted[name] for name in functions_for_partners() if ANY_CALL - granted[name]} == {}
    assert used["LocationsFunction"] >= ANY_CALL


def test_no_role_allows_what_its_function_never_calls(
    used: dict[str, set[tuple[str, str]]], request: pytest.FixtureRequest
) -> None:
    run = {
        item.module.__name__.rpartition(".")[2] for item in request.session.items if isinstance(item, pytest.Function)
    }
    if not run >= OTHERS:
        pytest.skip("counts on what the other tests of this folder make the functions do")
    unused = {}
    for name, granted in granted_rights().items():
        needed = used.get(name, set()) | RARELY.get(name, set())
        if name in functions_for_partners():
            needed |= ANY_CALL
        unused[name] = {right for right in granted - needed if right[0] not in BY_LAMBDA}
    del unused["CommandRequestsFunction"]
    assert {name: rights for name, rights in unused.items() if rights} == {}


def _wait_for(deployment: Deployment, function: str, right: tuple[str, str]) -> None:
    wait_until(lambda: right in used_rights(deployment).get(function, ()))


def _strike_when_much_is_due(deployment: Deployment, partner: KeepingPartner) -> None:
    """Have the clock strike when all that is done about a partner regularly is due, but for what is done in full: it
    would make what is due of a part of it superfluous.
    """
    strike(deployment)  # which sees to it that it has a schedule
    dynamodb, table = aws("dynamodb", deployment.endpoint), deployment.outputs["TableName"]
    key = {"pk": {"S": f"OBJECT#jobs/schedules#{partner.partner_id}"}, "sk": {"S": "OBJECT"}}
    schedule = json.loads(dynamodb.get_item(TableName=table, Key=key)["Item"]["document"]["S"])
    schedule["next"] |= dict.fromkeys(schedule["next"].keys() - {"full", "full_sweep"}, LONG_AGO)
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET document = :document, due = :due, due_key = :key",
        ExpressionAttributeValues={
            ":document": {"S": json.dumps(schedule)},
            ":due": {"S": LONG_AGO},
            ":key": {"S": f"{LONG_AGO}#{key['pk']['S']}"},
        },
    )
    assert strike(deployment)["failed"] == 0


def _leave_half_forgotten(operator: DeployedOperator, deployment: Deployment) -> None:
    """A partner leaves, and what is to forget its deliveries dies before the end; which is upkeep's to do then."""
    dynamodb, table = aws("dynamodb", deployment.endpoint), deployment.outputs["TableName"]
    with keeping_partner(operator) as partner:
        partner.joined("tariffs", requests_per_minute=600)
        key = {"pk": {"S": f"CHANNEL#{partner.partner_id}"}, "sk": {"S": "CHANNEL"}}
        channel = dynamodb.get_item(TableName=table, Key=key)["Item"]
        assert partner.call("DELETE", partner.endpoint("credentials")).status_code == 200

        def forgotten_by_upkeep() -> bool:
            # A wake-up that is still on its way makes the one who delivers do it: then once more.
            dynamodb.put_item(TableName=table, Item=channel)
            strike(deployment)
            assert "Item" not in dynamodb.get_item(TableName=table, Key=key)
            return ("dynamodb:BatchWriteItem", "Table") in used_rights(deployment)["UpkeepFunction"]

        wait_until(forgotten_by_upkeep)


def _tariff() -> dict[str, Any]:
    return {
        "id": "T1",
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 0.25, "step_size": 1}]}],
        "last_updated": "2026-02-01T00:00:00Z",
    }
