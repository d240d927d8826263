"""ministack lets every call through, whatever the roles say; so what was called is held against them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.deploy.clock import strike
from tests.deploy.queues import put_result, wait_until
from tests.deploy.rights import granted_rights, used_rights

if TYPE_CHECKING:
    import httpx

    from tests.deploy.deployment import Deployment
    from tests.deploy.partner import Partner


def test_no_function_calls_what_its_role_does_not_allow(
    emsp: Partner, cpo: Partner, locations: list[str], operator: httpx.Client, deployment: Deployment
) -> None:
    # Every function reads at least once; what the other tests of this folder made them do counts as well.
    for partner in (emsp, cpo):
        for url in partner.modules.values():
            assert partner.http.get(url).status_code < 500
    assert operator.get("/2.1.1/locations").json()["total"] == len(locations)
    assert operator.put("/2.1.1/tariffs/T1", json=_tariff()).status_code in (200, 201)
    assert operator.delete("/2.1.1/tariffs/T1").status_code == 204
    assert strike(deployment).keys() == {"objects", "failed"}
    put_result(deployment, {"command_id": "unknown", "result": "ACCEPTED"})
    gave_up = ("sqs:SendMessage", "CommandResultsDead")
    wait_until(lambda: gave_up in used_rights(deployment).get("CommandResultsFunction", ()))
    used, granted = used_rights(deployment), granted_rights()
    # This deployment has no hook, so nothing calls the function that serves it.
    assert used.keys() == granted.keys() - {"CommandRequestsFunction"}
    assert {name: rights - granted[name] for name, rights in used.items() if rights - granted[name]} == {}


def _tariff() -> dict[str, object]:
    return {
        "id": "T1",
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 0.25, "step_size": 1}]}],
    }
