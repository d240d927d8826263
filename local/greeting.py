"""What ``make run`` tells a person who sees the project for the first time."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.demo.network import Invitation


def greeting(*, base: str, public: str, data: Path, invitation: Invitation | None) -> str:
    """Where everything is and what to try; every command works when pasted. No key is printed.

    ``base``: the gateway's own address. ``public``: the one that partners are told.
    """
    key = f"$(cat {shlex.quote(str(data / 'operator.key'))})"
    lines = [
        f"Serverless OCPI is listening on {base} (Ctrl-C ends it)",
        "",
        f"  versions, for eMSPs  {public}/ocpi/cpo/versions",
        f"  versions, for CPOs   {public}/ocpi/emsp/versions",
        f"  operator API         {base}/operator",
        f"  data                 {data}",
        "",
    ]
    if invitation is not None:
        lines += _invited(invitation)
        if invitation.role == "EMSP" and (invitation.token or (data / "demo-partner.json").exists()):
            lines += _played(data)
    lines += [
        "Ask the operator API:",
        f'  curl -H "Authorization: Bearer {key}" "{base}/operator/2.1.1/locations?limit=1"',
        "",
    ]
    return "\n".join(lines)


def _played(data: Path) -> list[str]:
    python = Path(sys.executable)
    shown = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    return [
        "Or let it come by itself: it registers, starts a charge, watches it, stops it and gets its CDR:",
        f"  {shlex.quote(str(shown))} -m local.demo.partner --data {shlex.quote(str(data))}",
        "",
    ]


def _invited(invitation: Invitation) -> list[str]:
    if invitation.token is None:
        return [f"The demo partner, {invitation.name}, is {invitation.status.lower()}.", ""]
    partner = "an eMSP" if invitation.role == "EMSP" else "a CPO"
    return [
        f"The demo network invites {partner}, {invitation.name}, with this token:",
        f"  {invitation.token}",
        "",
        "Call it as that partner:",
        f"  curl -H 'Authorization: Token {invitation.token}' {invitation.versions_url}",
        "",
    ]
