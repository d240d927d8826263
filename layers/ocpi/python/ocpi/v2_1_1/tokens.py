"""Tokens: what drivers identify themselves with (OCPI 2.1.1 chapter 12)."""

from enum import StrEnum

from ocpi.v2_1_1.fields import Boolean, DateTime, Id36, Id39, Language, Name64
from ocpi.v2_1_1.model import OcpiModel
from ocpi.v2_1_1.types import DisplayText


class Allowed(StrEnum):
    """The outcome of a real-time authorization."""

    ALLOWED = "ALLOWED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NO_CREDIT = "NO_CREDIT"
    NOT_ALLOWED = "NOT_ALLOWED"


class TokenType(StrEnum):
    """Kinds of tokens."""

    OTHER = "OTHER"
    RFID = "RFID"


class WhitelistType(StrEnum):
    """Whether to ask the eMSP in real time."""

    ALWAYS = "ALWAYS"
    ALLOWED = "ALLOWED"
    ALLOWED_OFFLINE = "ALLOWED_OFFLINE"
    NEVER = "NEVER"


class Token(OcpiModel):
    """A card, fob or app user (12.3.2); ``uid`` is unique only together with ``type``."""

    uid: Id36
    type: TokenType
    auth_id: Id36
    visual_number: Name64 | None = None
    issuer: Name64
    valid: Boolean
    whitelist: WhitelistType
    language: Language | None = None
    last_updated: DateTime


class LocationReferences(OcpiModel):
    """Where a driver wants to charge (12.4.2)."""

    location_id: Id39
    evse_uids: list[Id39] | None = None
    connector_ids: list[Id36] | None = None


class AuthorizationInfo(OcpiModel):
    """The answer to a real-time authorization (12.3.1)."""

    allowed: Allowed
    location: LocationReferences | None = None
    info: DisplayText | None = None
