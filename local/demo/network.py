"""Fills the demo network into an empty deployment, through the operator API like any operator's own system."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from local.data import write_json
from local.demo.cdrs import cdrs
from local.demo.locations import in_use, locations
from local.demo.sessions import sessions
from local.demo.tariffs import tariffs
from local.demo.tokens import PARTNER, tokens
from local.demo.visits import visits
from local.operator_client import OperatorApiError, OperatorClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTNER_NAMES = {"EMSP": "Scheldeland Laadpas (demo)", "CPO": "Scheldeland Laadnet (demo)"}
"""By the role that the partner plays."""
PARTNERS = "/partners"


class DemoError(Exception):
    """The demo network is not complete; a later start completes it. The message says what failed."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """The demo's one partner: an eMSP, or a CPO if we are none."""

    partner_id: str
    role: str
    name: str
    status: str
    token: str | None
    """Token A, to be handed to the partner; ``None`` once it is used."""
    versions_url: str
    expires_at: str
    """RFC 3339, UTC."""


def ensure_demo(
    operator: OperatorClient, record: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Invitation:
    """The demo's invitation; objects are written if the file ``record`` does not say that they are there.

    Every step may be repeated, and ``record`` is written last: an interrupted start is completed by the next. An
    invitation that ended unused is replaced. Raises :class:`DemoError`.
    """
    try:
        if not record.exists():
            party = operator.expect(200, "GET", "/party")
            _write_objects(operator, party, now())
            invitation = _invite(operator, "EMSP" if "CPO" in party["roles"] else "CPO")
        else:
            invitation = _renewed(operator, Invitation(**json.loads(record.read_text(encoding="utf-8"))), now())
    except OperatorApiError as error:
        raise DemoError(str(error)) from error
    write_json(record, asdict(invitation))
    return invitation


def _write_objects(operator: OperatorClient, party: dict[str, Any], now: datetime) -> None:
    if "CPO" in party["roles"]:
        sites, prices = locations(party), tariffs()
        charged = visits(sites, tokens(PARTNER), now)
        going_on = sessions(charged, prices, now)
        # Tariffs first: connectors name them. Sessions before their CDRs, as partners learn of them.
        _write_if_served(operator, "tariffs", prices)
        operator.bulk("locations", in_use(sites, going_on))
        _write_if_served(operator, "sessions", going_on)
        _write_if_served(operator, "cdrs", cdrs(charged, prices, now))
    if "EMSP" in party["roles"]:
        operator.bulk("tokens", tokens(party))


def _write_if_served(operator: OperatorClient, module: str, objects: list[dict[str, Any]]) -> None:
    if operator.call("GET", f"/2.1.1/{module}?limit=1").status == 200:
        operator.bulk(module, objects)


def _invite(operator: OperatorClient, role: str) -> Invitation:
    name = PARTNER_NAMES[role]
    # An invitation of an interrupted start is of no use: its token was shown to nobody.
    for partner in operator.expect(200, "GET", PARTNERS)["items"]:
        if partner["name"] == name and partner["status"] == "INVITED":
            operator.expect(204, "DELETE", f"{PARTNERS}/{partner['id']}")
    invited = operator.expect(201, "POST", PARTNERS, {"role": role, "name": name})
    return Invitation(
        partner_id=invited["id"],
        role=role,
        name=name,
        status=invited["status"],
        token=invited["token"],
        versions_url=invited["versions_url"],
        expires_at=invited["expires_at"],
    )


def _renewed(operator: OperatorClient, invitation: Invitation, now: datetime) -> Invitation:
    reply = operator.call("GET", f"{PARTNERS}/{invitation.partner_id}")
    status = reply.content["status"] if reply.status == 200 else "REMOVED"
    if status != "INVITED":
        return Invitation(**{**asdict(invitation), "status": status, "token": None})
    ends = datetime.fromisoformat(invitation.expires_at)
    return _invite(operator, invitation.role) if ends < now + timedelta(hours=1) else invitation
