"""Objects to start a test from, and short words for what tests do with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ocpi import strict_json
from ocpi.faults import Invalid
from ocpi.v2_1_1.cdrs import CDR
from ocpi.v2_1_1.commands import CommandResponse, ReserveNow, StartSession, StopSession, UnlockConnector
from ocpi.v2_1_1.credentials import Credentials
from ocpi.v2_1_1.locations import EVSE, Connector, Location
from ocpi.v2_1_1.model import check
from ocpi.v2_1_1.sessions import Session
from ocpi.v2_1_1.tariffs import Tariff
from ocpi.v2_1_1.tokens import AuthorizationInfo, LocationReferences, Token

if TYPE_CHECKING:
    from ocpi.v2_1_1.model import OcpiModel

FOLDER = Path(__file__).parents[2] / "fixtures" / "2.1.1"

ABSENT = object()
"""The value of :func:`changed` that takes a member away."""

MODELS: dict[str, type[OcpiModel]] = {
    "authorization_info": AuthorizationInfo,
    "authorization_info_blocked": AuthorizationInfo,
    "cdr_max": CDR,
    "cdr_min": CDR,
    "cmd_reserve_now": ReserveNow,
    "cmd_start_session": StartSession,
    "cmd_stop_session": StopSession,
    "cmd_unlock_connector": UnlockConnector,
    "command_response_accepted": CommandResponse,
    "connector_max": Connector,
    "connector_min": Connector,
    "credentials_max": Credentials,
    "evse_max": EVSE,
    "evse_min": EVSE,
    "location_max": Location,
    "location_min": Location,
    "location_references": LocationReferences,
    "session_max": Session,
    "session_min": Session,
    "tariff_free": Tariff,
    "tariff_max": Tariff,
    "token_max": Token,
    "token_min": Token,
}
"""The model of each example in ``tests/fixtures/2.1.1``."""


def example(name: str) -> Any:
    """A fresh copy of an example, read as a body would be."""
    return strict_json.read((FOLDER / f"{name}.json").read_bytes())


def changed(name: str, changes: dict[str, Any]) -> Any:
    """An example with other values at some JSON pointers."""
    value = example(name)
    for pointer, new in changes.items():
        *steps, last = [int(step) if step.isdigit() else step for step in pointer.split("/")[1:]]
        place = value
        for step in steps:
            place = place[step]
        if new is ABSENT:
            del place[last]
        else:
            place[last] = new
    return value


def checked(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """What the model makes of a changed example."""
    return check(MODELS[name], changed(name, changes))


def faults(name: str, changes: dict[str, Any]) -> list[str]:
    """The pointers of everything that is wrong with a changed example; fails the test if nothing is."""
    with pytest.raises(Invalid) as refusal:
        checked(name, changes)
    return [fault.pointer for fault in refusal.value.faults]
