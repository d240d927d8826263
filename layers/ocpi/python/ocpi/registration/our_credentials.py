"""Our own side of the handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ocpi.settings import Role, Settings

PartnerRole = Literal["CPO", "EMSP"]


def our_role(partner_role: PartnerRole) -> Role:
    """The role that we play towards a partner."""
    return "EMSP" if partner_role == "CPO" else "CPO"


def our_versions_url(base_url: str, role: Role) -> str:
    """The versions URL of one of our roles; 2.1.1 has no role in it, so each has its own tree (reading A-50)."""
    return f"{base_url}/ocpi/{role.lower()}/versions"


def our_business_details(settings: Settings) -> dict[str, str]:
    """Our BusinessDetails."""
    website = {"website": settings.party_website} if settings.party_website else {}
    return {"name": settings.party_name, **website}


def is_our_party(settings: Settings, role: PartnerRole, credentials: dict[str, Any]) -> bool:
    """Whether credentials name ourselves: our own party, in a role that this deployment plays. In a role that it does
    not play, another system of the same company may be a partner.
    """
    party = (credentials["country_code"].upper(), credentials["party_id"].upper())
    return role in settings.roles and party == (settings.country_code, settings.party_id)


def our_credentials(settings: Settings, base_url: str, partner_role: PartnerRole, token: str) -> dict[str, Any]:
    """The Credentials object that we give a partner; ``token`` is the one that it is to use on us."""
    return {
        "token": token,
        "url": our_versions_url(base_url, our_role(partner_role)),
        "business_details": our_business_details(settings),
        "party_id": settings.party_id,
        "country_code": settings.country_code,
    }
