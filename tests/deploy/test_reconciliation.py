"""Comparing what a partner holds of our objects with ours, and repairing it, in the deployed system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.deploy.queues import wait_until
from tests.support.partner_server import Reply
from tests.support.party import fixture

if TYPE_CHECKING:
    from tests.deploy.operator_client import DeployedOperator
    from tests.support.keeping_partner import KeepingPartner

LOCATION, TARIFF, CDR = "LOC3", "COMPARED-TARIFF", "COMPARED-CDR"


def reconciled(operator: DeployedOperator, partner: KeepingPartner, **body: Any) -> dict[str, Any]:
    """A reconciliation that has ended."""
    started = operator.post(f"{partner.at}/reconcile", json=body)
    assert started.status_code == 202, started.text
    url = f"{partner.at}/reconciliations/{started.json()['id']}"

    def known() -> dict[str, Any] | None:
        found: dict[str, Any] = operator.get(url).json()
        return found if found["state"] != "running" else None

    ended: dict[str, Any] = wait_until(known)
    return ended


def test_what_a_partner_lost_is_reported_and_repaired(operator: DeployedOperator, keeping: KeepingPartner) -> None:
    location = operator.get(f"/2.1.1/locations/{LOCATION}").json() | {"name": "Compared"}
    del location["last_updated"]
    keeping.headers = {"Location": f"{keeping.server.url}/kept/{CDR}"}
    assert operator.put_object("locations", location).status_code == 200
    assert operator.put_object("tariffs", fixture("tariff_free", id=TARIFF)).status_code == 201
    to = {"partner": keeping.partner_id}
    assert operator.put(f"/2.1.1/cdrs/{CDR}", json=fixture("cdr_max", id=CDR), params=to).status_code == 201
    keeping.server.on("GET", f"/kept/{CDR}", Reply.ocpi(operator.get(f"/2.1.1/cdrs/{CDR}").json()))
    wait_until(lambda: {LOCATION, TARIFF, CDR} <= {each["object_id"] for each in keeping.deliveries("delivered")})

    del keeping.objects[f"tariffs/NL/EXA/{TARIFF}"]
    keeping.held("locations", LOCATION)["city"] = "Elsewhere"
    told = reconciled(operator, keeping)
    assert (told["state"], told["repair"]) == ("done", False)
    ours = {(each["object_id"], each["problem"]) for each in told["differences"]}
    assert ours >= {(LOCATION, "different"), (TARIFF, "missing")}
    assert CDR not in {each["object_id"] for each in told["differences"]}
    assert keeping.server.received("GET", f"/kept/{CDR}")
    assert keeping.held("tariffs", TARIFF) is None

    told = reconciled(operator, keeping, repair=True, modules=["locations", "tariffs"])
    assert {each["object_id"]: each["repaired"] for each in told["differences"]} == {LOCATION: True, TARIFF: True}
    wait_until(lambda: keeping.behind == 0)
    assert keeping.held("tariffs", TARIFF) == operator.get(f"/2.1.1/tariffs/{TARIFF}").json()
    assert keeping.held("locations", LOCATION) == operator.get(f"/2.1.1/locations/{LOCATION}").json()
    listed = operator.get(f"{keeping.at}/reconciliations").json()
    assert [each["repair"] for each in listed["items"]] == [False, True]
