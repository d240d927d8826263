"""Credentials of OCPI 2.1.1 (section 7), the same on the trees of both our roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.delivery.partner_changes import partner_left, settings_changed
from ocpi.deployment import deliveries, partner_client, store, vault
from ocpi.registration.our_credentials import our_credentials
from ocpi.registration.receiver import Receiver
from ocpi.settings import ROLES, settings
from ocpi.transport.envelope import success, success_object
from ocpi.transport.ocpi_surface import EVERY_TOKEN, OcpiResource
from ocpi.v2_1_1 import VERSION, models

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call


def get_credentials(call: Call, caller: Caller) -> Answer:
    """Our credentials; the token in them is the one that the caller has just used (reading A-39)."""
    return success_object(_ours(call, caller, caller.token))


def post_credentials(call: Call, caller: Caller) -> Answer:
    """Register with a token A."""
    receiver = _receiver()
    receiver.require_invitation(caller)
    return success_object(_ours(call, caller, receiver.register(caller, _body(call), VERSION)))


def put_credentials(call: Call, caller: Caller) -> Answer:
    """Renew credentials and endpoints."""
    receiver = _receiver()
    receiver.require_registered(caller)
    token = receiver.renew(caller, _body(call), VERSION)
    settings_changed(store(), deliveries(), caller.partner)
    return success_object(_ours(call, caller, token))


def delete_credentials(call: Call, caller: Caller) -> Answer:
    """Leave."""
    del call
    _receiver().leave(caller)
    partner_left(store(), caller.partner.id)
    return success()


def _receiver() -> Receiver:
    return Receiver(store().partners, vault(), partner_client(), settings())


def _body(call: Call) -> dict[str, Any]:
    return models.check(models.Credentials, call.json())


def _ours(call: Call, caller: Caller, token: str) -> dict[str, Any]:
    return our_credentials(settings(), call.base_url, caller.partner.role, token)


RESOURCES = [
    OcpiResource(
        role,
        "2.1.1/credentials",
        opened_by=EVERY_TOKEN,
        GET=get_credentials,
        POST=post_credentials,
        PUT=put_credentials,
        DELETE=delete_credentials,
    )
    for role in ROLES
]
