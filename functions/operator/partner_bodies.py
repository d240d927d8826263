"""Bodies of ``/operator/partners``, read field by field so that every fault is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ocpi.faults import Fault, Invalid
from ocpi.registration.our_credentials import PartnerRole, our_role
from ocpi.registration.tokens import INVITATION_SECONDS
from ocpi.settings import ROLES, settings
from ocpi.store.port import PartnerStatus

LONGEST_INVITATION_SECONDS = 365 * 24 * 3600

_Check = Callable[[Any], str | None]
"""Says what is wrong with a value, or ``None``."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """``POST /operator/partners``: with ``versions_url`` and ``token`` (a partner's token A) we are the initiator.
    ``expires_in`` is in seconds.
    """

    role: PartnerRole
    name: str
    versions_url: str | None = None
    token: str | None = field(default=None, repr=False)
    expires_in: int = INVITATION_SECONDS


@dataclass(frozen=True, slots=True)
class Change:
    """``PATCH /operator/partners/{id}``. ``settings`` are checked against the partner's own later."""

    name: str | None = None
    settings: Any = None
    status: PartnerStatus | None = None


def read_invitation(value: Any) -> Invitation:
    """The body of a POST; raises :class:`Invalid`."""
    checks = {
        "role": _role,
        "name": _name,
        "versions_url": _text(255),
        "token": _token,
        "expires_in": _seconds,
    }
    body = _read(value, checks, required=("role", "name"))
    for one, other in (("versions_url", "token"), ("token", "versions_url")):
        if one in body and other not in body:
            raise Invalid([Fault(f"/{other}", f"is required with {one}")])
    if "token" in body and "expires_in" in body:
        raise Invalid([Fault("/expires_in", "is for invitations; this token is the partner's")])
    return Invitation(**body)


def read_change(value: Any) -> Change:
    """The body of a PATCH; raises :class:`Invalid`."""
    body = _read(value, {"name": _name, "settings": _settings, "status": _status}, required=())
    if "status" in body:
        body["status"] = PartnerStatus(body["status"])
    return Change(**body)


def _read(value: Any, checks: Mapping[str, _Check], *, required: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid([Fault("", "must be a JSON object")])
    faults = [Fault(f"/{name}", "is required") for name in required if name not in value]
    for name, member in value.items():
        wrong = checks[name](member) if name in checks else "is not a field of this request"
        if wrong is not None:
            faults.append(Fault(f"/{name}", wrong))
    if faults:
        raise Invalid(faults)
    return value


def _role(value: Any) -> str | None:
    if value not in ROLES:
        return f"must be one of {', '.join(ROLES)}"
    ours = our_role(value)
    return None if ours in settings().roles else f"must be another: this deployment is not a party of role {ours}"


def _name(value: Any) -> str | None:
    return _text(100)(value)


def _status(value: Any) -> str | None:
    return None if value in ("SUSPENDED", "REGISTERED") else "must be SUSPENDED or REGISTERED"


def _settings(value: Any) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


def _token(value: Any) -> str | None:
    return _text(64)(value) or (None if value.isascii() else "must be ASCII: no header can carry it otherwise")


def _seconds(value: Any) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST_INVITATION_SECONDS
    return None if fits else f"must be a whole number of seconds from 1 to {LONGEST_INVITATION_SECONDS}"


def _text(longest: int) -> _Check:
    def check(value: Any) -> str | None:
        fits = isinstance(value, str) and value.strip() and len(value) <= longest and value.isprintable()
        return None if fits else f"must be a text of 1 to {longest} printable characters"

    return check
