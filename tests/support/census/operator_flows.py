"""What the operator writes: a flow for each route of the operator API that takes more than GET."""

from __future__ import annotations

import json
from typing import Any

from tests.support.census.flow import Flow
from tests.support.census.house import CARD, CDR, LOCATION, SESSION, TARIFF, TOKEN, House, Told, bare
from tests.support.census.partners_flows import COMMANDS, START, answers, leaves, orders, registers
from tests.support.party import fixture

FUNCTION = "OperatorFunction"
_EVSE = LOCATION["evses"][0]["uid"]
_MODULE, _OBJECT = "/operator/2.1.1/{module}", "/operator/2.1.1/{module}/{object_id}"
_EVSES = "/operator/2.1.1/locations/{location_id}/evses/{uid}"
_CONNECTORS = f"{_EVSES}/connectors/{{connector_id}}"


def _flow(side: str, method: str, route: str, path: str, body: Any, name: str, **more: Any) -> Flow:
    """``path`` is relative to ``/operator/2.1.1``."""

    def act(house: House) -> Told:
        return house.operate(side, method, f"/operator/2.1.1{path}", body)

    return Flow(f"{method} {route}", f"{name}: {method} {path}", side, FUNCTION, act, **more)


def _bulk(side: str, module: str, *values: dict[str, Any]) -> Flow:
    body = "\n".join(json.dumps(value) for value in values).encode()
    return _flow(side, "POST", f"{_MODULE}/bulk", f"/{module}/bulk", body, "many")


OBJECTS = [
    _flow("cpo", "PUT", _OBJECT, "/locations/L-9", {**LOCATION, "id": "L-9"}, "a new location"),
    _flow("cpo", "PUT", _OBJECT, "/locations/L-1", {**LOCATION, "name": "Other"}, "a location anew"),
    _flow("cpo", "PATCH", _OBJECT, "/locations/L-1", {"name": "Other"}, "a location's field"),
    _flow("cpo", "PUT", _OBJECT, "/sessions/S-9", {**SESSION, "id": "S-9", "status": "ACTIVE"}, "a new session"),
    _flow("cpo", "PATCH", _OBJECT, "/sessions/S-1", {"kwh": 99}, "a session goes on"),
    _flow("cpo", "PUT", _OBJECT, "/tariffs/T-9", {**TARIFF, "id": "T-9"}, "a new tariff"),
    _flow("cpo", "PATCH", _OBJECT, "/tariffs/T-1", {"currency": "SEK"}, "a tariff's field"),
    _flow("cpo", "DELETE", _OBJECT, "/tariffs/T-1", None, "no tariff", known=(404,)),
    _flow("cpo", "PUT", _OBJECT, "/cdrs/C-9", {**CDR, "id": "C-9"}, "a CDR"),
    _flow("emsp", "PUT", _OBJECT, "/tokens/U-9", {**TOKEN, "uid": "U-9", "auth_id": "CONTRACT-9"}, "a new token"),
    _flow("emsp", "PATCH", _OBJECT, f"/tokens/{CARD}", {"valid": False}, "a token is withdrawn"),
    _flow("cpo", "PUT", _EVSES, "/locations/L-1/evses/E-9", bare(fixture("evse_max", uid="E-9")), "a new EVSE"),
    _flow("cpo", "PATCH", _EVSES, f"/locations/L-1/evses/{_EVSE}", {"status": "BLOCKED"}, "an EVSE's status"),
    _flow("cpo", "DELETE", _EVSES, f"/locations/L-1/evses/{_EVSE}", None, "an EVSE is removed"),
    _flow(
        "cpo",
        "PUT",
        _CONNECTORS,
        f"/locations/L-1/evses/{_EVSE}/connectors/9",
        bare(fixture("connector_max", id="9")),
        "a connector",
    ),
    _flow(
        "cpo",
        "PATCH",
        _CONNECTORS,
        f"/locations/L-1/evses/{_EVSE}/connectors/1",
        {"amperage": 63},
        "a connector's field",
    ),
    _bulk("cpo", "locations", *({**LOCATION, "id": f"L-{n}"} for n in range(1, 6))),
    _bulk("cpo", "tariffs", *({**TARIFF, "id": f"T-{n}", "currency": "SEK"} for n in range(1, 4))),
    _bulk("cpo", "sessions", *({**SESSION, "id": f"S-{n}", "status": "ACTIVE"} for n in range(1, 4))),
    _bulk("cpo", "cdrs", *({**CDR, "id": f"C-{n}"} for n in range(2, 5))),
    _bulk("emsp", "tokens", *({**TOKEN, "uid": f"U-{n}", "auth_id": f"CONTRACT-{n}"} for n in range(3, 6))),
]

_RULE = "/operator/2.1.1/tokens/{uid}/authorization"
_BLOCKED = {"allowed": "BLOCKED"}


def _ruled(house: House) -> None:
    assert house.operate("emsp", "PUT", f"/operator/2.1.1/tokens/{CARD}/authorization", _BLOCKED).good


AUTHORIZATION = [
    _flow("emsp", "PUT", _RULE, f"/tokens/{CARD}/authorization", _BLOCKED, "a rule"),
    _flow("emsp", "DELETE", _RULE, f"/tokens/{CARD}/authorization", None, "no rule", prepare=_ruled, known=(404,)),
    _flow(
        "cpo",
        "POST",
        "/operator/2.1.1/tokens/{uid}/authorize",
        f"/tokens/{CARD}/authorize",
        {"location_id": "L-1"},
        "a card is held to a charge point",
    ),
]


def _of_partner(method: str, side: str, path: str, body: Any, name: str, **more: Any) -> Flow:
    """``path`` goes on after the partner's id."""

    def act(house: House) -> Told:
        return house.operate(side, method, f"/operator/partners/{house.partner_id(side)}{path}", body)

    return Flow(f"{method} /operator/partners/{{id}}{path}", name, side, FUNCTION, act, **more)


def _suspended(house: House) -> None:
    partner = f"/operator/partners/{house.partner_id('cpo')}"
    assert house.operate("cpo", "PATCH", partner, {"status": "SUSPENDED"}).good
    assert house.operate("cpo", "PATCH", "/operator/2.1.1/locations/L-1", {"name": "Other"}).good
    house.wait(5)


def _comes_back(house: House) -> Told:
    return house.operate("cpo", "PATCH", f"/operator/partners/{house.partner_id('cpo')}", {"status": "REGISTERED"})


def _not_pushed(house: House) -> None:
    partner = f"/operator/partners/{house.partner_id('cpo')}"
    assert house.operate("cpo", "PATCH", partner, {"settings": {"push": {"tariffs": False}}}).good
    assert house.operate("cpo", "PUT", "/operator/2.1.1/tariffs/T-9", {**TARIFF, "id": "T-9"}).good
    house.wait(5)


def spoilt(house: House) -> None:
    """The eMSP has lost a tariff, and does not know it."""
    assert house.partner_calls("emsp", "DELETE", "/ocpi/emsp/2.1.1/tariffs/NL/CPA/T-1").good


def missed(house: House) -> None:
    """It was down when something changed."""
    house.twins.network.down = {"emsp.example"}
    assert house.operate("cpo", "PATCH", "/operator/2.1.1/locations/L-1", {"name": "Other"}).good
    house.wait(5)
    house.twins.network.down = set()


_prepare, _act, _again = registers("cpo")
_leave, _leave_again = leaves("emsp")
_prepare_as_cpo, _act_as_cpo, _again_as_cpo = registers("emsp")
_leave_as_cpo, _leave_again_as_cpo = leaves("cpo")
_LEAVE = "DELETE /operator/partners/{id}"


_INVITED = {"id": ""}


def _invites(house: House) -> Told:
    told = house.operate("cpo", "POST", "/operator/partners", {"role": "EMSP", "name": "Another"})
    _INVITED["id"] = told.body.get("id", "")
    return told


def _uninvites(house: House) -> Told:
    return house.operate("cpo", "DELETE", f"/operator/partners/{_INVITED['id']}")


PARTNERS = [
    Flow("POST /operator/partners", "invite", "cpo", FUNCTION, _invites, spare=("cpo partners",)),
    Flow("POST /operator/partners", "register as eMSP", "emsp", FUNCTION, _act, again=_again, prepare=_prepare),
    Flow(
        "POST /operator/partners",
        "register as CPO",
        "cpo",
        FUNCTION,
        _act_as_cpo,
        again=_again_as_cpo,
        prepare=_prepare_as_cpo,
    ),
    Flow(_LEAVE, "leave as eMSP", "emsp", FUNCTION, _leave, again=_leave_again),
    Flow(_LEAVE, "leave as CPO", "cpo", FUNCTION, _leave_as_cpo, again=_leave_again_as_cpo),
    Flow(_LEAVE, "take an invitation back", "cpo", FUNCTION, _uninvites, prepare=_invites, known=(404,)),
    _of_partner("PATCH", "cpo", "", {"name": "Other"}, "another name"),
    Flow("PATCH /operator/partners/{id}", "no longer suspended", "cpo", FUNCTION, _comes_back, prepare=_suspended),
    _of_partner("PATCH", "cpo", "", {"settings": {"push": {"tariffs": True}}}, "push again", prepare=_not_pushed),
    _of_partner("POST", "emsp", "/credentials", None, "renew as eMSP"),
    _of_partner("POST", "cpo", "/credentials", None, "renew as CPO"),
    _of_partner("POST", "cpo", "/deliveries/retry", None, "send what was missed", prepare=missed),
    _of_partner("POST", "cpo", "/reconcile", {"repair": True}, "compare and repair", prepare=spoilt),
    _of_partner("POST", "emsp", "/sync", {"full": True}, "pull everything", prepare=spoilt),
]


def _orders(house: House) -> Told:
    told: Told = orders("START_SESSION", START)(house)
    if not house.killing["emsp"].died or told.good:
        answers(house)
    return told


def _answers(house: House) -> Told:
    """To the command that :func:`orders` brought; the charge point system knows its id from the queue."""
    (command,) = house.deployment("cpo").objects("own", "commands-received")
    return house.operate("cpo", "POST", f"/operator/2.1.1/commands/{command}/result", {"result": "ACCEPTED"})


COMMANDED = [
    Flow(
        "POST /operator/2.1.1/partners/{id}/commands/{command}",
        "send a command",
        "emsp",
        FUNCTION,
        _orders,
        spare=COMMANDS,
    ),
    Flow(
        "POST /operator/2.1.1/commands/{id}/result",
        "a charge point answers",
        "cpo",
        FUNCTION,
        _answers,
        prepare=orders("START_SESSION", START),
    ),
]


FLOWS = [*OBJECTS, *AUTHORIZATION, *PARTNERS, *COMMANDED]
