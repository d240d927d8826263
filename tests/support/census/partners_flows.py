"""What partners write with us: a flow for each route that takes more than GET."""

from __future__ import annotations

from typing import Any

from tests.support.census.flow import Flow
from tests.support.census.house import CARD, CONTRACT, LOCATION, WAITED_FOR, House, Told
from tests.support.party import fixture

LATER = "2030-01-01T00:00:00Z"
MODULES = {
    "locations": "LocationsFunction",
    "sessions": "SessionsFunction",
    "tariffs": "TariffsFunction",
    "cdrs": "CdrsFunction",
    "tokens": "TokensFunction",
}
_EVSE = LOCATION["evses"][0]["uid"]


def _flow(side: str, method: str, module: str, route: str, path: str, body: Any, name: str, **more: Any) -> Flow:
    """``route`` and ``path`` go on after the module."""

    def act(house: House) -> Told:
        return house.partner_calls(side, method, f"/ocpi/{side}/2.1.1/{module}{path}", body)

    place = f"{method} /ocpi/{side}/2.1.1/{module}{route}"
    return Flow(place, f"{name}: {method} {module}{path}", side, MODULES[module], act, **more)


def _received(method: str, module: str, route: str, path: str, body: Any, name: str, **more: Any) -> Flow:
    owner = "/{country_code}/{party_id}"
    return _flow("emsp", method, module, f"{owner}/{route}", f"/NL/CPA/{path}", body, name, **more)


def _token(method: str, uid: str, body: Any, name: str) -> Flow:
    return _flow("cpo", method, "tokens", "/{country_code}/{party_id}/{token_uid}", f"/DE/EMA/{uid}", body, name)


_AT, _IN, _ON = "{location_id}", "{location_id}/{evse_uid}", "{location_id}/{evse_uid}/{connector_id}"

OBJECTS = [
    _received("PUT", "locations", _AT, "L-9", fixture("location_max", id="L-9"), "a new location"),
    _received("PUT", "locations", _AT, "L-1", fixture("location_min", id="L-1", last_updated=LATER), "a location anew"),
    _received("PATCH", "locations", _AT, "L-1", {"name": "Other", "last_updated": LATER}, "a field of a location"),
    _received("PUT", "locations", _IN, "L-1/E-9", fixture("evse_max", uid="E-9", last_updated=LATER), "a new EVSE"),
    _received(
        "PATCH", "locations", _IN, f"L-1/{_EVSE}", {"status": "BLOCKED", "last_updated": LATER}, "an EVSE's status"
    ),
    _received(
        "PUT", "locations", _ON, f"L-1/{_EVSE}/9", fixture("connector_max", id="9", last_updated=LATER), "a connector"
    ),
    _received(
        "PATCH", "locations", _ON, f"L-1/{_EVSE}/1", {"amperage": 63, "last_updated": LATER}, "a connector's field"
    ),
    _received("PUT", "sessions", "{session_id}", "S-9", fixture("session_max", id="S-9"), "a new session"),
    _received("PATCH", "sessions", "{session_id}", "S-1", {"kwh": 99, "last_updated": LATER}, "a session goes on"),
    _received("PUT", "tariffs", "{tariff_id}", "T-9", fixture("tariff_max", id="T-9"), "a new tariff"),
    _received("PATCH", "tariffs", "{tariff_id}", "T-1", {"currency": "SEK", "last_updated": LATER}, "a tariff's field"),
    _received("DELETE", "tariffs", "{tariff_id}", "T-1", None, "no tariff", known=(404,)),
    _flow("emsp", "POST", "cdrs", "", "", fixture("cdr_max", id="C-9"), "a CDR"),
    _token("PUT", "U-9", fixture("token_max", uid="U-9", auth_id="CONTRACT-9"), "a new token"),
    _token(
        "PUT", "U-2", fixture("token_max", uid="U-2", auth_id=WAITED_FOR), "a token that a session and a CDR wait for"
    ),
    _token("PATCH", CARD, {"auth_id": WAITED_FOR, "last_updated": LATER}, "a token becomes one that is waited for"),
    _token("PATCH", CARD, {"valid": False, "last_updated": LATER}, "a token is withdrawn"),
    _flow(
        "emsp",
        "POST",
        "tokens",
        "/{token_uid}/authorize",
        f"/{CARD}/authorize",
        {"location_id": "L-1"},
        "authorization",
    ),
]


# Registration, seen from who is called. Who calls is the other's operator API, so what it calls is all real.


def invited(house: House, host: str) -> dict[str, str]:
    """What the host's operator hands to the other one."""
    guest = "emsp" if host == "cpo" else "cpo"
    made = house.operate(host, "POST", "/operator/partners", {"role": guest.upper(), "name": guest})
    assert made.good, made
    return {"role": host.upper(), "name": host, "versions_url": made.body["versions_url"], "token": made.body["token"]}


def parted(house: House) -> None:
    """Neither knows the other any more."""
    for name in ("cpo", "emsp"):
        if house.deployment(name).partner() is not None:
            house.operate(name, "DELETE", f"/operator/partners/{house.partner_id(name)}?force=true")
    house.quiet()


def registers(host: str) -> tuple[Any, Any, Any]:
    """``prepare``, ``act`` and ``again`` of a registration that the host is called for."""
    guest = "emsp" if host == "cpo" else "cpo"
    kept: dict[str, dict[str, str]] = {}

    def prepare(house: House) -> None:
        parted(house)
        kept["invitation"] = invited(house, host)

    def act(house: House) -> Told:
        return house.operate(guest, "POST", "/operator/partners", kept["invitation"])

    def again(house: House) -> Told:
        told = act(house)
        if told.good or house.twins.connected() or house.twins.register(host):
            return Told(200, None, None)
        return told  # pragma: no cover - what fails the test

    return prepare, act, again


def _renews(guest: str) -> Any:
    return lambda house: house.operate(guest, "POST", f"/operator/partners/{house.partner_id(guest)}/credentials")


def leaves(guest: str) -> tuple[Any, Any]:
    """``act`` and ``again`` of leaving; by force only if the other one has let go already."""

    def act(house: House, force: str = "") -> Told:
        return house.operate(guest, "DELETE", f"/operator/partners/{house.partner_id(guest)}{force}")

    def again(house: House) -> Told:
        if house.deployment(guest).partner() is None:
            return Told(204, None, None)
        told = act(house)
        return told if told.good else act(house, "?force=true")

    return act, again


def _credentials(side: str) -> list[Flow]:
    guest = "emsp" if side == "cpo" else "cpo"
    place, function = f"/ocpi/{side}/2.1.1/credentials", "CredentialsFunction"
    prepare, act, again = registers(side)
    leave, leave_again = leaves(guest)
    return [
        Flow(f"POST {place}", "the other registers", side, function, act, again=again, prepare=prepare),
        Flow(f"PUT {place}", "the other renews", side, function, _renews(guest)),
        Flow(f"DELETE {place}", "the other leaves", side, function, leave, again=leave_again),
    ]


CREDENTIALS = [*_credentials("cpo"), *_credentials("emsp")]


# Commands, seen from who is called.

COMMANDS = ("cpo own/commands-received", "emsp own/commands-sent", "cpo own/reservations")
START = {"token": fixture("token_max", uid=CARD, auth_id=CONTRACT), "location_id": "L-1"}
RESERVE = {
    "token": fixture("token_max", uid=CARD, auth_id=CONTRACT),
    "location_id": "L-1",
    "reservation_id": 1,
    "expiry_date": LATER,
}


def orders(command: str, body: dict[str, Any]) -> Any:
    """The eMSP's operator sends a command."""
    return lambda house: house.operate(
        "emsp", "POST", f"/operator/2.1.1/partners/{house.partner_id('emsp')}/commands/{command}", body
    )


def answers(house: House) -> Told:
    """The charge points accept whatever waits."""
    told = Told(200, None, None)
    for command in house.operate("cpo", "GET", "/operator/2.1.1/commands?state=pending").body["items"]:
        told = house.operate("cpo", "POST", f"/operator/2.1.1/commands/{command['id']}/result", {"result": "ACCEPTED"})
    house.wait(30)
    return told


def _order_and_answer(command: str, body: dict[str, Any]) -> Any:
    def act(house: House) -> Told:
        told: Told = orders(command, body)(house)
        answers(house)
        return told

    return act


CALLED = [
    Flow(
        "POST /ocpi/cpo/2.1.1/commands/{command}",
        name,
        "cpo",
        "CommandsFunction",
        _order_and_answer(command, body),
        spare=COMMANDS,
    )
    for name, command, body in (("start a session", "START_SESSION", START), ("reserve", "RESERVE_NOW", RESERVE))
] + [
    Flow(
        "POST /ocpi/emsp/2.1.1/commands/{command}/{command_id}",
        "a command's result arrives",
        "emsp",
        "CommandsFunction",
        answers,
        prepare=orders("START_SESSION", START),
    )
]

FLOWS = [*OBJECTS, *CREDENTIALS, *CALLED]
