"""``/operator/party``: who we are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.registration.our_credentials import our_business_details, our_versions_url
from ocpi.settings import settings
from ocpi.transport.operator_surface import OperatorResource, answer_json

if TYPE_CHECKING:
    from ocpi.transport.message import Answer, Call


def get_party(call: Call) -> Answer:
    """Our own party, as the deployment's parameters say."""
    ours = settings()
    return answer_json(
        {
            "country_code": ours.country_code,
            "party_id": ours.party_id,
            "roles": list(ours.roles),
            "business_details": our_business_details(ours),
            "versions_urls": {role.lower(): our_versions_url(call.base_url, role) for role in ours.roles},
        }
    )


RESOURCES = [OperatorResource("/party", GET=get_party)]
