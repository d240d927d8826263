"""Versions and version details of OCPI (sections 5 and 6), and the answer to every URL that no module has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.deployment import store
from ocpi.registration.our_credentials import our_role
from ocpi.settings import ROLES, settings
from ocpi.transport.envelope import success_object
from ocpi.transport.lambda_handler import lambda_handler
from ocpi.transport.ocpi_surface import EVERY_TOKEN, OcpiResource, OcpiSurface
from ocpi.transport.routing import application
from ocpi.v2_1_1 import VERSION

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call


def list_versions(call: Call, caller: Caller) -> Answer:
    """The versions that we speak in this role."""
    return success_object([{"version": VERSION, "url": _tree_url(call, caller)}])


def get_details(call: Call, caller: Caller) -> Answer:
    """The modules that we serve in this role, and where; a custom module would be listed to its partner only."""
    base = _tree_url(call, caller)
    modules = settings().modules[our_role(caller.partner.role)]
    endpoints = [{"identifier": module, "url": f"{base}/{module}"} for module in modules]
    return success_object({"version": VERSION, "endpoints": endpoints})


def _tree_url(call: Call, caller: Caller) -> str:
    return f"{call.base_url}/ocpi/{our_role(caller.partner.role).lower()}/{VERSION}"


RESOURCES = [
    resource
    for role in ROLES
    for resource in (
        OcpiResource(role, "versions", opened_by=EVERY_TOKEN, GET=list_versions),
        OcpiResource(role, VERSION, opened_by=EVERY_TOKEN, GET=get_details),
    )
]

handler = lambda_handler(application(RESOURCES, OcpiSurface(store())))
