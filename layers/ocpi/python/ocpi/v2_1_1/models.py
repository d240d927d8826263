"""The models that functions work with, each loaded when it is first named.

pydantic and the models would be a quarter of a cold start, and who asks for a list needs none of them
(``benchmarks/cold_start.py``).

    from ocpi.v2_1_1 import models

    location = models.check(models.Location, body)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from ocpi.v2_1_1.cdrs import CDR
    from ocpi.v2_1_1.commands import COMMANDS
    from ocpi.v2_1_1.credentials import Credentials
    from ocpi.v2_1_1.locations import EVSE, Connector, Location
    from ocpi.v2_1_1.model import OcpiModel, check, check_patch
    from ocpi.v2_1_1.sessions import Session
    from ocpi.v2_1_1.tariffs import Tariff
    from ocpi.v2_1_1.tokens import AuthorizationInfo, LocationReferences, Token

__all__ = [
    "CDR",
    "COMMANDS",
    "EVSE",
    "AuthorizationInfo",
    "Connector",
    "Credentials",
    "Location",
    "LocationReferences",
    "Session",
    "Tariff",
    "Token",
    "check",
    "check_patch",
    "named",
]

Shown: TypeAlias = Literal["AuthorizationInfo", "CDR", "Connector", "EVSE", "Location", "Session", "Tariff", "Token"]
"""Names of models of what partners may read."""

_AT = {
    "CDR": "cdrs",
    "COMMANDS": "commands",
    "EVSE": "locations",
    "AuthorizationInfo": "tokens",
    "Connector": "locations",
    "Credentials": "credentials",
    "Location": "locations",
    "LocationReferences": "tokens",
    "Session": "sessions",
    "Tariff": "tariffs",
    "Token": "tokens",
    "check": "model",
    "check_patch": "model",
}
"""Which module has it."""


def named(name: Shown) -> type[OcpiModel]:
    """The model of that name."""
    model: type[OcpiModel] = globals().get(name) or _found(name)
    return model


def _found(name: str) -> Any:
    """Called once for each name: what is found stays as an attribute."""
    if name not in _AT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"ocpi.v2_1_1.{_AT[name]}"), name)
    return found


if not TYPE_CHECKING:  # type checkers would take any name for one that is there
    __getattr__ = _found
