"""Push in the deployed system: from the operator's write through the table's stream, two functions and a queue between
them to the partner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.deployment import aws
from tests.deploy.queues import wait_until
from tests.support.keeping_partner import KeepingPartner, Push, in_base64, keeping_partner
from tests.support.partner_server import Reply
from tests.support.party import fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deploy.deployment import Deployment
    from tests.deploy.operator_client import DeployedOperator

LOCATION, EVSE, CDR, TARIFF, UID = "LOC2", "LOC2-1", "PUSHED-CDR", "PUSHED-TARIFF", "PUSHED-CARD"


@pytest.fixture(scope="module")
def chargers(operator: DeployedOperator) -> Iterator[KeepingPartner]:
    """A registered CPO that keeps the tokens that it is pushed."""
    with keeping_partner(operator, "CPO") as partner:
        yield partner.joined("tokens")


def delivery(partner: KeepingPartner, object_id: str) -> dict[str, Any] | None:
    """What the operator sees of one delivery, if there is anything."""
    return next((each for each in partner.deliveries() if each["object_id"] == object_id), None)


def wait_for(partner: KeepingPartner, object_id: str, state: str) -> dict[str, Any]:
    """The delivery, once it is in this state."""
    found: list[dict[str, Any]] = wait_until(
        lambda: [each for each in partner.deliveries(state) if each["object_id"] == object_id]
    )
    return found[0]


@pytest.mark.req("LOC-70", "LOC-71", "LOC-73", "LOC-75")
def test_a_location_is_put_and_the_status_of_its_evse_is_patched(
    operator: DeployedOperator, keeping: KeepingPartner
) -> None:
    location = operator.get(f"/2.1.1/locations/{LOCATION}").json() | {"name": "Moved"}
    del location["last_updated"]
    assert operator.put_object("locations", location).status_code == 200
    wait_for(keeping, LOCATION, "delivered")
    (put,) = keeping.about(LOCATION)
    assert put.said == f"PUT locations/NL/EXA/{LOCATION}"
    assert put.body == operator.get(f"/2.1.1/locations/{LOCATION}").json()
    assert put.request.headers["authorization"] == f"Token {keeping.issued}"

    status = operator.patch(f"/2.1.1/locations/{LOCATION}/evses/{EVSE}", json={"status": "CHARGING"})
    assert status.status_code == 200, status.text
    wait_until(lambda: (keeping.held("locations", LOCATION) or {})["evses"][0]["status"] == "CHARGING")
    (patch,) = keeping.about(EVSE)
    assert patch.said == f"PATCH locations/NL/EXA/{LOCATION}/{EVSE}"
    assert patch.body.keys() == {"status", "last_updated"}
    wait_until(lambda: keeping.behind == 0)


@pytest.mark.req("CDR-26", "CDR-27")
def test_a_cdr_is_posted_to_the_partner_of_its_token_and_not_to_another(
    operator: DeployedOperator, keeping: KeepingPartner, chargers: KeepingPartner
) -> None:
    keeping.headers = {"Location": f"{keeping.server.url}/kept/{CDR}"}
    to = {"partner": keeping.partner_id}
    answer = operator.put(f"/2.1.1/cdrs/{CDR}", json=fixture("cdr_max", id=CDR), params=to)
    assert answer.status_code == 201, answer.text
    delivered = wait_for(keeping, CDR, "delivered")
    assert (delivered["module"], delivered["http_status"], delivered["ocpi_status"]) == ("cdrs", 201, 1000)
    assert keeping.said(CDR) == ["POST cdrs"]
    assert delivery(chargers, CDR) is None


def test_what_a_partner_refuses_has_failed_until_the_operator_has_it_tried_again(
    operator: DeployedOperator, keeping: KeepingPartner
) -> None:
    def refuse(push: Push) -> Reply | None:
        return Reply.ocpi(status_code=2001, status_message="no such currency") if TARIFF in push.path else None

    keeping.spoil = refuse
    assert operator.put_object("tariffs", fixture("tariff_max", id=TARIFF)).status_code == 201
    failed = wait_for(keeping, TARIFF, "failed")
    assert (failed["http_status"], failed["ocpi_status"], failed["attempts"]) == (200, 2001, 1)
    assert "no such currency" in failed["message"]
    assert keeping.behind == 1

    keeping.spoil = lambda _: None
    assert keeping.retry() == 1
    wait_for(keeping, TARIFF, "delivered")
    assert keeping.held("tariffs", TARIFF) == operator.get(f"/2.1.1/tariffs/{TARIFF}").json()


@pytest.mark.req("TAR-21")
def test_a_tariff_that_is_deleted_is_deleted_at_the_partner(
    operator: DeployedOperator, keeping: KeepingPartner
) -> None:
    assert operator.put_object("tariffs", fixture("tariff_free", id="SHORT-LIVED")).status_code == 201
    wait_for(keeping, "SHORT-LIVED", "delivered")
    assert operator.delete("/2.1.1/tariffs/SHORT-LIVED").status_code == 204
    wait_until(lambda: delivery(keeping, "SHORT-LIVED") is None)
    assert keeping.said("SHORT-LIVED") == [f"{each} tariffs/NL/EXA/SHORT-LIVED" for each in ("PUT", "DELETE")]


@pytest.mark.req("TOK-15")
def test_a_token_is_put_at_the_cpo_which_wants_to_see_ours_in_base64(
    operator: DeployedOperator, chargers: KeepingPartner
) -> None:
    chargers.accepted = {in_base64(chargers.issued)}
    assert operator.put_object("tokens", fixture("token_max", uid=UID)).status_code == 201
    wait_for(chargers, UID, "delivered")
    assert chargers.said(UID) == [f"PUT tokens/NL/EXA/{UID}"] * 2
    assert chargers.held("tokens", UID) == operator.get(f"/2.1.1/tokens/{UID}").json()


def test_what_was_delivered_to_a_partner_is_forgotten_when_it_leaves(
    operator: DeployedOperator, deployment: Deployment
) -> None:
    with keeping_partner(operator) as leaving:
        leaving.joined("tariffs")
        assert operator.put_object("tariffs", fixture("tariff_free", id="FOR-A-WHILE")).status_code == 201
        wait_for(leaving, "FOR-A-WHILE", "delivered")
        assert _kept(deployment, leaving) == {f"DELIVERIES#{leaving.partner_id}", f"CHANNEL#{leaving.partner_id}"}
        assert leaving.call("DELETE", leaving.endpoint("credentials")).status_code == 200
        assert _kept(deployment, leaving) == set()
    assert operator.delete("/2.1.1/tariffs/FOR-A-WHILE").status_code == 204


def _kept(deployment: Deployment, partner: KeepingPartner) -> set[str]:
    """Partition keys of what is stored about deliveries to a partner."""
    items = aws("dynamodb", deployment.endpoint).scan(TableName=deployment.outputs["TableName"])["Items"]
    names = {f"{kind}#{partner.partner_id}" for kind in ("DELIVERIES", "CHANNEL")}
    return names & {item["pk"]["S"] for item in items}
