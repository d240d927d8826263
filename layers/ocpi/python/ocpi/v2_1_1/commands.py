"""Commands: what an eMSP asks a charge point to do (OCPI 2.1.1 chapter 13)."""

from enum import StrEnum

from ocpi.v2_1_1.fields import URL, DateTime, Id36, Id39, Integer
from ocpi.v2_1_1.model import OcpiModel
from ocpi.v2_1_1.tokens import Token


class CommandResponseType(StrEnum):
    """The outcome of a command."""

    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    ACCEPTED = "ACCEPTED"
    TIMEOUT = "TIMEOUT"
    UNKNOWN_SESSION = "UNKNOWN_SESSION"


class CommandType(StrEnum):
    """Commands, as they stand in URLs."""

    RESERVE_NOW = "RESERVE_NOW"
    START_SESSION = "START_SESSION"
    STOP_SESSION = "STOP_SESSION"
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR"


class CommandResponse(OcpiModel):
    """What became of a command, at once or later (13.3.1)."""

    result: CommandResponseType


class ReserveNow(OcpiModel):
    """Reserve an EVSE until ``expiry_date`` (13.3.2)."""

    response_url: URL
    token: Token
    expiry_date: DateTime
    reservation_id: Integer
    location_id: Id39
    evse_uid: Id39 | None = None


class StartSession(OcpiModel):
    """Start charging (13.3.3)."""

    response_url: URL
    token: Token
    location_id: Id39
    evse_uid: Id39 | None = None


class StopSession(OcpiModel):
    """Stop charging (13.3.4)."""

    response_url: URL
    session_id: Id36


class UnlockConnector(OcpiModel):
    """Unlock a connector, for the help desk (13.3.5)."""

    response_url: URL
    location_id: Id39
    evse_uid: Id39
    connector_id: Id36


COMMANDS: dict[str, type[OcpiModel]] = {
    CommandType.RESERVE_NOW: ReserveNow,
    CommandType.START_SESSION: StartSession,
    CommandType.STOP_SESSION: StopSession,
    CommandType.UNLOCK_CONNECTOR: UnlockConnector,
}
"""What each command takes."""
