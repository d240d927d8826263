"""Sessions: charging that goes on, or is over (OCPI 2.1.1 chapter 9)."""

from enum import StrEnum

from ocpi.v2_1_1.cdrs import AuthMethod, ChargingPeriod
from ocpi.v2_1_1.fields import Currency, DateTime, Id36, Name255, Number, Quantity
from ocpi.v2_1_1.locations import Location
from ocpi.v2_1_1.model import OcpiModel


class SessionStatus(StrEnum):
    """Status of a session."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    INVALID = "INVALID"
    PENDING = "PENDING"


class Session(OcpiModel):
    """A charging session (9.3.1). ``total_cost`` is without VAT: absent is unknown, 0 is free of charge."""

    id: Id36
    start_datetime: DateTime
    end_datetime: DateTime | None = None
    kwh: Quantity
    auth_id: Id36
    auth_method: AuthMethod
    location: Location
    meter_id: Name255 | None = None
    currency: Currency
    charging_periods: list[ChargingPeriod] | None = None
    total_cost: Number | None = None
    status: SessionStatus
    last_updated: DateTime
