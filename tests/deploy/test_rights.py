"""ministack lets every call through, whatever the roles say; so what was called is held against them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.deploy.rights import granted_rights, used_rights

if TYPE_CHECKING:
    import httpx

    from tests.deploy.deployment import Deployment
    from tests.deploy.partner import Emsp


def test_no_function_calls_what_its_role_does_not_allow(
    emsp: Emsp, locations: list[str], operator: httpx.Client, deployment: Deployment
) -> None:
    # Every function reads at least once; what the other tests of this folder made them do counts as well.
    for url in emsp.modules.values():
        assert emsp.http.get(url).status_code < 500
    assert operator.get("/2.1.1/locations").json()["total"] == len(locations)
    assert operator.put("/2.1.1/tariffs/T1", json=_tariff()).status_code in (200, 201)
    assert operator.delete("/2.1.1/tariffs/T1").status_code == 204
    used, granted = used_rights(deployment), granted_rights()
    assert used.keys() == granted.keys()
    assert {name: rights - granted[name] for name, rights in used.items() if rights - granted[name]} == {}


def _tariff() -> dict[str, object]:
    return {
        "id": "T1",
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 0.25, "step_size": 1}]}],
    }
