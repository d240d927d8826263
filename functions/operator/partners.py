"""``/operator/partners``: inviting, registering, settings, and leaving."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lists import list_values
from partner_bodies import read_change, read_invitation

from ocpi.delivery.backlog import behind
from ocpi.delivery.partner_changes import partner_left, settings_changed
from ocpi.delivery.recipients import CONNECTED
from ocpi.deployment import deliveries, partner_client, store, vault
from ocpi.errors import StateConflict
from ocpi.objects.received import require
from ocpi.registration.our_credentials import our_role, our_versions_url
from ocpi.registration.settings_of_partner import changed_settings, given_settings
from ocpi.registration.tokens import in_seconds, new_token
from ocpi.settings import settings
from ocpi.store.port import Conflict, Grant, Partner, PartnerChange, PartnerStatus
from ocpi.store.update import TRIES, Busy
from ocpi.times import normalise, now_wire
from ocpi.transport.authentication import token_hash
from ocpi.transport.message import Answer, Call
from ocpi.transport.operator_surface import OperatorResource, answer_json
from ocpi.v2_1_1 import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.registration.initiator import Initiator


def list_partners(call: Call) -> Answer:
    """All partners, oldest invitation first."""
    shown = [partner for partner in store().partners.list() if partner.status is not PartnerStatus.REGISTERING]
    return list_values(call, "partners", [_view(partner) for partner in shown])


def post_partner(call: Call) -> Answer:
    """Invite a partner, or register with one that invited us."""
    body = read_invitation(call.json())
    if body.versions_url is None or body.token is None:
        return _invite(call, body.role, body.name, body.expires_in)
    partner = _initiator(call).register(body.role, body.name, body.versions_url, body.token)
    return answer_json(_view(partner), http_status=201, headers=_location(partner))


def get_partner(call: Call) -> Answer:
    """One partner."""
    return answer_json(_view(known_partner(call)))


def patch_partner(call: Call) -> Answer:
    """Change its name, its settings, or suspend it."""
    change = read_change(call.json())

    def changed(partner: Partner) -> Partner:
        if change.settings is not None:
            partner = replace(partner, settings=changed_settings(partner, change.settings))
        if change.name is not None:
            partner = replace(partner, name=change.name)
        if change.status is not None and partner.status not in CONNECTED:
            raise StateConflict(f"the partner is {partner.status}; only a registered one can be suspended")
        return replace(partner, status=change.status or partner.status)

    before, after = known_partner(call), _save(call, changed)
    if after.status is PartnerStatus.REGISTERED and (before.settings, before.status) != (after.settings, after.status):
        settings_changed(store(), deliveries(), after)
    return answer_json(_view(after))


def delete_partner(call: Call) -> Answer:
    """Unregister; of a partner that is not registered: remove it, and its invitation with it."""
    partner = known_partner(call)
    force = call.flag("force")
    if partner.status in CONNECTED:
        _initiator(call).leave(partner, force=force)
        partner_left(store(), partner.id)
    else:
        try:
            store().partners.remove(partner)
        except Conflict:
            raise StateConflict("the partner has just changed; look again") from None
        partner_left(store(), partner.id)
    return Answer(204, "")


def post_credentials(call: Call) -> Answer:
    """Renew the credentials."""
    partner = _initiator(call).renew(known_partner(call))
    settings_changed(store(), deliveries(), partner)
    return answer_json(_view(partner))


def known_partner(call: Call) -> Partner:
    """The partner in the path."""
    partner = store().partners.get(call.path["id"])
    hidden = partner is not None and partner.status is PartnerStatus.REGISTERING
    return require(None if hidden else partner, "partner")


def _invite(call: Call, role: Any, name: str, expires_in: int) -> Answer:
    from ocpi.registration.initiator import new_partner_id  # noqa: PLC0415 - the rest of this API goes without

    token, expires_at = new_token(), in_seconds(expires_in)
    partner = Partner(
        id=new_partner_id(),
        role=role,
        name=name,
        status=PartnerStatus.INVITED,
        invited_at=now_wire(),
        expires_at=normalise(expires_at),
        grants=(token_hash(token),),
    )
    grant = Grant(token_hash(token), partner.id, "invitation", expires_at=expires_at)
    store().partners.save(PartnerChange(partner, expected=None, put_grants=(grant,)))
    return answer_json(
        {
            "id": partner.id,
            "role": partner.role,
            "name": partner.name,
            "status": partner.status.value,
            "token": token,
            "versions_url": our_versions_url(call.base_url, our_role(partner.role)),
            "expires_at": partner.expires_at,
        },
        http_status=201,
        headers=_location(partner),
    )


def _location(partner: Partner) -> dict[str, str]:
    return {"Location": f"/operator/partners/{partner.id}"}


def _initiator(call: Call) -> Initiator:
    from ocpi.registration.initiator import Initiator  # noqa: PLC0415 - as above

    return Initiator(store().partners, vault(), partner_client(), settings(), call.base_url, VERSION)


def _save(call: Call, change: Callable[[Partner], Partner]) -> Partner:
    """Change the partner as it is now; somebody else may be changing it at the same time."""
    for _ in range(TRIES):
        partner = known_partner(call)
        changed = change(partner)
        if changed == partner:
            return partner
        try:
            return store().partners.save(PartnerChange(changed, expected=partner.revision))
        except Conflict:
            continue
    raise Busy("the partner is being changed by many at once")


def _view(partner: Partner) -> dict[str, Any]:
    """A partner as the operator sees it: never a token."""
    return {
        "id": partner.id,
        "role": partner.role,
        "name": partner.name,
        "status": partner.status.value,
        "version": partner.version,
        "country_code": partner.country_code,
        "party_id": partner.party_id,
        "business_details": partner.business_details,
        "endpoints": list(partner.endpoints),
        "settings": given_settings(partner),
        "invited_at": partner.invited_at,
        "registered_at": partner.registered_at,
        "last_seen_at": partner.last_seen_at,
        "last_synced_at": partner.last_synced_at,
        "behind": _behind(partner),
    }


def _behind(partner: Partner) -> int:
    """How many of our objects the partner has not got, of those that changed since it registered."""
    return behind(store(), partner) if partner.status in CONNECTED else 0


RESOURCES = [
    OperatorResource("/partners", GET=list_partners, POST=post_partner),
    OperatorResource("/partners/{id:segment}", GET=get_partner, PATCH=patch_partner, DELETE=delete_partner),
    OperatorResource("/partners/{id:segment}/credentials", POST=post_credentials),
]
