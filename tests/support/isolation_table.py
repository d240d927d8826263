"""Who gets what answer where: the one table behind the matrix of isolation (``tests/e2e/test_isolation_matrix.py``).

A row for each route that a function declares. A cell is an outcome: an HTTP status, or a status of OCPI (from 1000)
that comes with HTTP 200. Methods that a row does not have are 405 to whoever may come in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE", "PUT")
"""PUT last: it brings back what DELETE took."""

Targets = Literal["nothing", "party", "cdr", "command", "ours"]
"""By what an object's owner is told: the party in the URL, the id alone, or not at all: it is ours."""

Outcome = int
WRITTEN = 1000
LEAVES = -1
"""Not tried with those who are still needed: who left is a caller of its own, and left that way."""


@dataclass(frozen=True, slots=True)
class Row:
    """``owner`` and ``other``: the outcome of a method for the object's owner and for other partners of the same role.
    ``invited``: with a token A, which opens nothing else.
    """

    targets: Targets
    owner: dict[str, Outcome] = field(default_factory=dict)
    other: dict[str, Outcome] = field(default_factory=dict)
    invited: dict[str, Outcome] | None = None


ADMISSION: dict[str, Outcome] = {
    "nobody": 401,
    "malformed": 401,
    "unknown token": 401,
    "token of the other role": 401,
    "token A": 401,
    "left": 401,
    "suspended": 403,
    "operator key": 401,
    "operator key as a token": 401,
}
"""Everywhere under ``/ocpi`` that is a route, whatever the method and whoever the owner; rows may open to a token A."""

_READ = {"GET": 1000}
_CREDENTIALS = Row(
    "nothing",
    # Bodies are empty here: what is asked is who gets as far as having them read.
    owner={"GET": 1000, "POST": 405, "PUT": 2001, "DELETE": LEAVES},
    invited={"GET": 1000, "POST": 2001, "PUT": 405, "DELETE": 405},
)
_OPEN = Row("nothing", owner=_READ, invited=_READ)
_LIST = Row("nothing", owner=_READ)
_NONE = Row("nothing")
_PUSHED = Row("party", {"GET": 1000, "PUT": WRITTEN, "PATCH": WRITTEN}, {"GET": 404, "PUT": 404, "PATCH": 404})
_PUSHED_AND_DELETED = Row("party", {**_PUSHED.owner, "DELETE": WRITTEN}, {**_PUSHED.other, "DELETE": 404})
_OURS = Row("ours", owner=_READ, other={"GET": 404})
_NO_SINGLE_OBJECTS = Row("ours", owner={"GET": 404}, other={"GET": 404})

OCPI: dict[str, Row] = {
    "/ocpi/cpo/versions": _OPEN,
    "/ocpi/cpo/2.1.1": _OPEN,
    "/ocpi/cpo/2.1.1/credentials": _CREDENTIALS,
    "/ocpi/cpo/2.1.1/locations": _LIST,
    "/ocpi/cpo/2.1.1/locations/{location_id}": _OURS,
    "/ocpi/cpo/2.1.1/locations/{location_id}/{evse_uid}": _OURS,
    "/ocpi/cpo/2.1.1/locations/{location_id}/{evse_uid}/{connector_id}": _OURS,
    "/ocpi/cpo/2.1.1/sessions": _LIST,
    "/ocpi/cpo/2.1.1/sessions/{session_id}": _NO_SINGLE_OBJECTS,
    "/ocpi/cpo/2.1.1/cdrs": _LIST,
    "/ocpi/cpo/2.1.1/cdrs/{cdr_id}": _NO_SINGLE_OBJECTS,
    "/ocpi/cpo/2.1.1/tariffs": _LIST,
    "/ocpi/cpo/2.1.1/tariffs/{tariff_id}": _NO_SINGLE_OBJECTS,
    "/ocpi/cpo/2.1.1/tokens": _NONE,
    "/ocpi/cpo/2.1.1/tokens/{country_code}/{party_id}/{token_uid}": _PUSHED,
    "/ocpi/cpo/2.1.1/commands": _NONE,
    # For a location that there is not: who may come in gets as far as that, and nothing goes on afterwards.
    "/ocpi/cpo/2.1.1/commands/{command}": Row("nothing", owner={"POST": 2003}),
    "/ocpi/emsp/versions": _OPEN,
    "/ocpi/emsp/2.1.1": _OPEN,
    "/ocpi/emsp/2.1.1/credentials": _CREDENTIALS,
    "/ocpi/emsp/2.1.1/locations": _NONE,
    "/ocpi/emsp/2.1.1/locations/{country_code}/{party_id}/{location_id}": _PUSHED,
    "/ocpi/emsp/2.1.1/locations/{country_code}/{party_id}/{location_id}/{evse_uid}": _PUSHED,
    "/ocpi/emsp/2.1.1/locations/{country_code}/{party_id}/{location_id}/{evse_uid}/{connector_id}": _PUSHED,
    "/ocpi/emsp/2.1.1/sessions": _NONE,
    "/ocpi/emsp/2.1.1/sessions/{country_code}/{party_id}/{session_id}": _PUSHED,
    "/ocpi/emsp/2.1.1/cdrs": Row("nothing", owner={"POST": WRITTEN}),
    "/ocpi/emsp/2.1.1/cdrs/{cdr_id}": Row("cdr", owner=_READ, other={"GET": 404}),
    "/ocpi/emsp/2.1.1/tariffs": _NONE,
    "/ocpi/emsp/2.1.1/tariffs/{country_code}/{party_id}/{tariff_id}": _PUSHED_AND_DELETED,
    "/ocpi/emsp/2.1.1/tokens": _LIST,
    "/ocpi/emsp/2.1.1/tokens/{token_uid}": _NO_SINGLE_OBJECTS,
    "/ocpi/emsp/2.1.1/tokens/{token_uid}/authorize": Row("ours", owner={"POST": 1000}, other={"POST": 404}),
    "/ocpi/emsp/2.1.1/commands": _NONE,
    "/ocpi/emsp/2.1.1/commands/{command}/{command_id}": Row("command", owner={"POST": WRITTEN}, other={"POST": 404}),
}

NOWHERE: dict[str, Outcome] = {
    "/ocpi": 404,
    "/ocpi/x": 404,
    "/ocpi/cpo": 404,
    "/ocpi/emsp/2.1.1/x": 404,
    "/ocpi/emsp/2.2.1": 404,
    "/ocpi/emsp/2.1.1/credentials/x": 404,
    **{
        f"/ocpi/{role}/2.1.1/{module}/a/b/c/d/e/f": 404
        for role in ("cpo", "emsp")
        for module in (
            "locations",
            "sessions",
            "cdrs",
            "tariffs",
            "tokens",
            "commands",
        )
    },
}  # fmt: skip - a table
"""What the template routes and no function declares; the same for every caller, so that nobody learns from it."""

OPERATOR: dict[str, tuple[str, ...]] = {
    "/operator/health": ("GET",),
    "/operator/party": ("GET",),
    "/operator/partners": ("GET", "POST"),
    "/operator/partners/{id}": ("DELETE", "GET", "PATCH"),
    "/operator/partners/{id}/credentials": ("POST",),
    "/operator/partners/{id}/sync": ("POST",),
    "/operator/partners/{id}/syncs/{sync_id}": ("GET",),
    "/operator/partners/{id}/reconcile": ("POST",),
    "/operator/partners/{id}/reconciliations": ("GET",),
    "/operator/partners/{id}/reconciliations/{reconciliation_id}": ("GET",),
    "/operator/partners/{id}/deliveries": ("GET",),
    "/operator/partners/{id}/deliveries/retry": ("POST",),
    "/operator/partners/{id}/{module}": ("GET",),
    "/operator/partners/{id}/{module}/{object_id}": ("GET",),
    "/operator/partners/{id}/{module}/{object_id}/findings": ("GET",),
    "/operator/2.1.1/tokens/{uid}/authorization": ("DELETE", "GET", "PUT"),
    "/operator/2.1.1/tokens/{uid}/authorize": ("POST",),
    "/operator/2.1.1/commands": ("GET",),
    "/operator/2.1.1/commands/{id}": ("GET",),
    "/operator/2.1.1/commands/{id}/result": ("POST",),
    "/operator/2.1.1/partners/{id}/commands/{command}": ("POST",),
    "/operator/exchanges": ("GET",),
    "/operator/2.1.1/{module}/bulk": ("POST",),
    "/operator/2.1.1/locations/{location_id}/evses/{uid}": ("DELETE", "GET", "PATCH", "PUT"),
    "/operator/2.1.1/locations/{location_id}/evses/{uid}/connectors/{connector_id}": ("GET", "PATCH", "PUT"),
    "/operator/2.1.1/{module}": ("GET",),
    "/operator/2.1.1/{module}/{object_id}": ("DELETE", "GET", "PATCH", "PUT"),
    "/operator": (),
    "/operator/x": (),
}
"""The methods of each; 401 to everybody but the operator, whatever the method. The last two are no routes."""
