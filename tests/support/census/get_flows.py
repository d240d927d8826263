"""What is asked for: a flow for each route that takes GET. A GET writes too: that the partner has called, the exchange,
and, of a new token, that those which it replaces have ended. Whoever is not answered asks again, and must be told the
same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.census.flow import Flow
from tests.support.census.house import CARD, LOCATION, House, Told
from tests.support.census.operator_flows import spoilt
from tests.support.census.partners_flows import MODULES, START, invited, orders, parted

if TYPE_CHECKING:
    from collections.abc import Callable

LONG_AGO_SECONDS = 120.0
"""So long after its last call a partner's next one is noted again."""
SINCE = "&date_from=2020-01-01T00:00:00Z"
ONLY_LISTS = (404,)
"""OCPI 2.1.1 has no GET of a single one of our sessions, CDRs, tariffs and tokens."""
_EVSE = LOCATION["evses"][0]["uid"]
_SEEN = {"id": ""}
"""Of what a preparation has begun."""


def _later(house: House) -> None:
    house.twins.clock.pass_(LONG_AGO_SECONDS)


# As a partner


def _asked(side: str, route: str, path: str, function: str, name: str = "", **more: Any) -> Flow:
    """``route`` and ``path`` go on after the role."""

    def act(house: House) -> Told:
        return house.partner_calls(side, "GET", f"/ocpi/{side}/{path}")

    told = {"prepare": _later, "tells": True, **more}
    return Flow(f"GET /ocpi/{side}/{route}", name or f"GET {path}", side, function, told.pop("act", act), **told)


def _at(side: str, module: str, route: str, path: str, **more: Any) -> Flow:
    return _asked(side, f"2.1.1/{module}{route}", f"2.1.1/{module}{path}", MODULES[module], **more)


def _received(module: str, route: str, path: str) -> Flow:
    return _at("emsp", module, f"/{{country_code}}/{{party_id}}/{route}", f"/NL/CPA/{path}")


_IN_LOCATIONS = [
    ("{location_id}", "L-1"),
    ("{location_id}/{evse_uid}", f"L-1/{_EVSE}"),
    ("{location_id}/{evse_uid}/{connector_id}", f"L-1/{_EVSE}/1"),
]


def _cdr_of_theirs(house: House) -> Told:
    """At the id that it has got here, as our answer to its POST had it."""
    (found,) = [key for key in house.deployment("emsp").objects("NL-CPA", "cdrs") if key == "C-1"]
    return house.partner_calls("emsp", "GET", f"/ocpi/emsp/2.1.1/cdrs/{found}")


OBJECTS = [
    *(_at("cpo", "locations", f"/{route}", f"/{path}") for route, path in _IN_LOCATIONS),
    *(_received("locations", route, path) for route, path in _IN_LOCATIONS),
    *(_at("cpo", module, "", f"?limit=1{SINCE}") for module in ("locations", "sessions", "cdrs", "tariffs")),
    _at("emsp", "tokens", "", f"?limit=1{SINCE}"),
    _at("cpo", "sessions", "/{session_id}", "/S-1", known=ONLY_LISTS),
    _at("cpo", "cdrs", "/{cdr_id}", "/C-1", known=ONLY_LISTS),
    _at("cpo", "tariffs", "/{tariff_id}", "/T-1", known=ONLY_LISTS),
    _at("cpo", "tokens", "/{country_code}/{party_id}/{token_uid}", f"/DE/EMA/{CARD}"),
    _at("emsp", "tokens", "/{token_uid}", f"/{CARD}", known=ONLY_LISTS),
    _received("sessions", "{session_id}", "S-1"),
    _received("tariffs", "{tariff_id}", "T-1"),
    _asked("emsp", "2.1.1/cdrs/{cdr_id}", "", MODULES["cdrs"], "GET a CDR that we were given", act=_cdr_of_theirs),
]


def _renewed(side: str) -> Callable[[House], None]:
    """The other one has got a new token, and not used it: the one before still opens."""
    guest = "emsp" if side == "cpo" else "cpo"

    def prepare(house: House) -> None:
        done = house.operate(guest, "POST", f"/operator/partners/{house.partner_id(guest)}/credentials")
        assert done.good, done
        assert house.partner_opens(side, house.tokens[side])

    return prepare


def _first_use(side: str) -> Callable[[House], Told]:
    guest = "emsp" if side == "cpo" else "cpo"
    return lambda house: house.partner_calls(side, "GET", f"/ocpi/{side}/versions", token=house.token_of(guest))


def _old_token(side: str) -> Callable[[House], dict[str, list[str]]]:
    return lambda house: {"the old token opens": [str(house.partner_opens(side, house.tokens[side]))]}


def _with_invitation(side: str) -> tuple[Any, Any]:
    """``prepare`` and ``act`` of one that has only a token A."""

    def prepare(house: House) -> None:
        parted(house)
        _SEEN["token"] = invited(house, side)["token"]

    def act(house: House) -> Told:
        return house.partner_calls(side, "GET", f"/ocpi/{side}/versions", token=_SEEN["token"])

    return prepare, act


def _versions(side: str) -> list[Flow]:
    prepare, act = _with_invitation(side)
    function, credentials = "VersionsFunction", "CredentialsFunction"
    return [
        _asked(side, "versions", "versions", function),
        _asked(side, "2.1.1", "2.1.1", function),
        _asked(side, "2.1.1/credentials", "2.1.1/credentials", credentials),
        _asked(side, "versions", "versions", function, "GET versions with a token A", prepare=prepare, act=act),
        _asked(
            side,
            "versions",
            "versions",
            function,
            "the first use of a new token",
            prepare=_renewed(side),
            act=_first_use(side),
            sees=_old_token(side),
        ),
    ]


REGISTRATION = [*_versions("cpo"), *_versions("emsp")]

# As the operator


def _looks(side: str, route: str, path: str | None = None, prepare: Any = _later, *, tells: bool = True) -> Flow:
    """``{partner}`` in a path is the other one's id, ``{seen}`` what the preparation has begun."""

    def act(house: House) -> Told:
        filled = (path or route).replace("{partner}", house.partner_id(side)).replace("{seen}", _SEEN["id"])
        return house.operate(side, "GET", f"/operator{filled}")

    return Flow(
        f"GET /operator{route}", f"GET {path or route}", side, "OperatorFunction", act, None, prepare, (), (), tells
    )


def _begins(side: str, what: str, body: Any) -> Callable[[House], None]:
    def prepare(house: House) -> None:
        spoilt(house)
        begun = house.operate(side, "POST", f"/operator/partners/{house.partner_id(side)}/{what}", body)
        assert begun.good, begun
        house.quiet()
        _SEEN["id"] = begun.body["id"]

    return prepare


def _ordered(house: House) -> None:
    told: Told = orders("START_SESSION", START)(house)
    assert told.good, told
    _SEEN["id"] = told.body["id"]


def _ruled(house: House) -> None:
    rule = f"/operator/2.1.1/tokens/{CARD}/authorization"
    assert house.operate("emsp", "PUT", rule, {"allowed": "BLOCKED"}).good


_OF, _EVSES = "/partners/{partner}", "/2.1.1/locations/L-1/evses"

OPERATOR = [
    _looks("cpo", "/health"),
    _looks("cpo", "/party"),
    _looks("cpo", "/partners"),
    _looks("cpo", "/partners/{id}", _OF),
    _looks("emsp", "/partners/{id}/syncs/{sync_id}", f"{_OF}/syncs/{{seen}}", _begins("emsp", "sync", {"full": True})),
    _looks("cpo", "/partners/{id}/reconciliations", f"{_OF}/reconciliations", _begins("cpo", "reconcile", {})),
    _looks(
        "cpo",
        "/partners/{id}/reconciliations/{reconciliation_id}",
        f"{_OF}/reconciliations/{{seen}}",
        _begins("cpo", "reconcile", {}),
    ),
    _looks("cpo", "/partners/{id}/deliveries", f"{_OF}/deliveries"),
    _looks("emsp", "/partners/{id}/{module}", f"{_OF}/locations"),
    _looks("emsp", "/partners/{id}/{module}/{object_id}", f"{_OF}/locations/L-1"),
    _looks("emsp", "/partners/{id}/{module}/{object_id}/findings", f"{_OF}/cdrs/C-1/findings"),
    _looks("emsp", "/2.1.1/tokens/{uid}/authorization", f"/2.1.1/tokens/{CARD}/authorization", _ruled),
    _looks("cpo", "/2.1.1/commands", None, orders("START_SESSION", START)),
    _looks("emsp", "/2.1.1/commands/{id}", "/2.1.1/commands/{seen}", _ordered),
    # Who asked again is in it twice.
    _looks("cpo", "/exchanges", tells=False),
    _looks("cpo", "/2.1.1/locations/{location_id}/evses/{uid}", f"{_EVSES}/{_EVSE}"),
    _looks(
        "cpo",
        "/2.1.1/locations/{location_id}/evses/{uid}/connectors/{connector_id}",
        f"{_EVSES}/{_EVSE}/connectors/1",
    ),
    _looks("cpo", "/2.1.1/{module}", "/2.1.1/locations"),
    _looks("cpo", "/2.1.1/{module}/{object_id}", "/2.1.1/locations/L-1"),
]

FLOWS = [*OBJECTS, *REGISTRATION, *OPERATOR]
