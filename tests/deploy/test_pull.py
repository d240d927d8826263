"""Pull in the deployed system, by the clock and by the operator, and the log of what was exchanged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from tests.deploy.clock import strike
from tests.deploy.queues import wait_until
from tests.support.keeping_partner import KeepingPartner, keeping_partner
from tests.support.partner_server import Received, Reply
from tests.support.party import fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deploy.deployment import Deployment
    from tests.deploy.operator_client import DeployedOperator
    from tests.deploy.partner import Partner

TARIFFS, LOCATIONS = "/cpo/2.1.1/tariffs", "/cpo/2.1.1/locations"


@pytest.fixture(scope="module")
def supplier(operator: DeployedOperator) -> Iterator[KeepingPartner]:
    """A registered CPO with three tariffs, in pages of two, and a location."""
    tariffs = [fixture("tariff_free", id=f"T{number}") for number in range(3)]

    def page(request: Received) -> Reply:
        offset = int(parse_qs(request.query).get("offset", ["0"])[0])
        headers = {"X-Total-Count": "3", "X-Limit": "2"}
        if offset == 0:
            headers["Link"] = f'<http://{request.headers["host"]}{TARIFFS}?offset=2&limit=2>; rel="next"'
        return Reply.ocpi(tariffs[offset : offset + 2], headers=headers)

    with keeping_partner(operator, "CPO") as partner:
        partner.server.on("GET", TARIFFS, page)
        partner.server.on("GET", LOCATIONS, Reply.ocpi([fixture("location_max", id="THEIRS")]))
        yield partner.joined("tariffs", "locations")


def ended(operator: DeployedOperator, partner: KeepingPartner, sync_id: str) -> dict[str, Any]:
    """A sync, once it is not running any more."""

    def known() -> dict[str, Any] | None:
        sync: dict[str, Any] = operator.get(f"{partner.at}/syncs/{sync_id}").json()
        return sync if sync["state"] != "running" else None

    sync: dict[str, Any] = wait_until(known)
    return sync


def ids(operator: DeployedOperator, partner: KeepingPartner, module: str) -> list[str]:
    """What we have of the partner."""
    return [each["id"] for each in operator.get(f"{partner.at}/{module}").json()["items"]]


@pytest.mark.req("TF-49")
def test_the_first_pull_of_a_new_partner_starts_by_itself(
    operator: DeployedOperator, supplier: KeepingPartner, deployment: Deployment
) -> None:
    strike(deployment)
    wait_until(lambda: operator.get(supplier.at).json()["last_synced_at"])
    assert sorted(ids(operator, supplier, "tariffs")) == ["T0", "T1", "T2"]
    assert ids(operator, supplier, "locations") == ["THEIRS"]
    first, second = supplier.server.received("GET", TARIFFS)
    assert first.headers["authorization"] == f"Token {supplier.issued}"
    assert "date_from" not in first.query
    assert second.query == "offset=2&limit=2"


def test_the_operator_has_a_partner_pulled_from_now(operator: DeployedOperator, supplier: KeepingPartner) -> None:
    supplier.server.on("GET", TARIFFS, Reply.ocpi([fixture("tariff_free", id=each) for each in ("T0", "T3")]))
    started = operator.post(f"{supplier.at}/sync", json={"modules": ["tariffs"], "full": True})
    assert started.status_code == 202, started.text
    sync = ended(operator, supplier, started.json()["id"])
    tariffs = sync["modules"]["tariffs"]
    counted = {name: tariffs[name] for name in ("received", "stored", "unchanged", "skipped", "removed", "complete")}
    assert (sync["state"], tariffs["errors"]) == ("done", [])
    assert counted == {"received": 2, "stored": 1, "unchanged": 1, "skipped": 0, "removed": 2, "complete": True}
    assert sorted(ids(operator, supplier, "tariffs")) == ["T0", "T3"]


def test_what_is_changed_since_the_last_pull_is_asked_for(operator: DeployedOperator, supplier: KeepingPartner) -> None:
    sync = ended(operator, supplier, operator.post(f"{supplier.at}/sync", json={"modules": ["locations"]}).json()["id"])
    assert (sync["state"], sync["modules"]["locations"]["full"]) == ("done", False)
    assert "date_from" in supplier.server.received("GET", LOCATIONS)[-1].query


def test_tokens_are_pulled_from_an_emsp(operator: DeployedOperator, emsp: Partner) -> None:
    token = fixture("token_max", uid="PULLED-CARD")
    emsp.server.on("GET", "/ocpi/emsp/2.1.1/tokens", Reply.ocpi([token]))
    started = operator.post(f"/partners/{emsp.id}/sync", json={"modules": ["tokens"], "full": True})
    assert started.status_code == 202, started.text
    url = f"/partners/{emsp.id}/syncs/{started.json()['id']}"
    wait_until(lambda: operator.get(url).json()["state"] == "done")
    assert operator.get(f"/partners/{emsp.id}/tokens/PULLED-CARD").json() == token


def test_every_request_in_and_out_is_in_the_log(operator: DeployedOperator, supplier: KeepingPartner) -> None:
    tariff = fixture("tariff_free", id="LOGGED", currency="EUR")
    assert supplier.put(supplier.own_url("tariffs", "LOGGED"), tariff).status_code == 201
    assert supplier.put(supplier.own_url("tariffs", "LOGGED"), {**tariff, "currency": 1}).json()["status_code"] == 2001
    answer = operator.get("/exchanges", params={"partner": supplier.partner_id, "limit": 1000})
    assert answer.status_code == 200, answer.text
    log = answer.json()["items"]
    assert log == sorted(log, key=lambda each: str(each["time"]), reverse=True)
    seen = {(each["direction"], each["method"], each["object"]) for each in log}
    assert seen >= {("in", "PUT", "tariffs/LOGGED"), ("out", "GET", "tariffs"), ("out", "GET", "locations")}

    about = operator.get("/exchanges", params={"object": "tariffs/logged"}).json()["items"]
    assert [(each["method"], each["ocpi_status"]) for each in about] == [("PUT", 2001), ("PUT", 1000)]
    assert "/currency" in about[0]["problem"]
    query = {"partner": supplier.partner_id, "limit": 2}
    page = operator.get("/exchanges", params=query).json()
    following = operator.get("/exchanges", params={**query, "cursor": page["next_cursor"]}).json()
    assert page["items"] + following["items"] == log[:4]
    assert str(supplier.token) not in json.dumps(log)
    assert supplier.issued not in json.dumps(log)
