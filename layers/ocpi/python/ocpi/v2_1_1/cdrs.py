"""CDRs: what a charging session was, and what it cost (OCPI 2.1.1 chapter 10)."""

from enum import StrEnum
from typing import Annotated

from ocpi.v2_1_1.fields import CiId, Currency, DateTime, Id36, Name255, Number, OneOrMore, Quantity
from ocpi.v2_1_1.locations import Location
from ocpi.v2_1_1.model import OcpiModel
from ocpi.v2_1_1.tariffs import Tariff


class AuthMethod(StrEnum):
    """How a session was authorized."""

    AUTH_REQUEST = "AUTH_REQUEST"
    WHITELIST = "WHITELIST"


class CdrDimensionType(StrEnum):
    """What a period can be measured in."""

    ENERGY = "ENERGY"
    FLAT = "FLAT"
    MAX_CURRENT = "MAX_CURRENT"
    MIN_CURRENT = "MIN_CURRENT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"


class CdrDimension(OcpiModel):
    """How much of one thing a period took, in the unit of its type (10.4.2): kWh, amperes or hours."""

    type: CdrDimensionType
    volume: Quantity


class ChargingPeriod(OcpiModel):
    """A part of a session, ending where the next begins (10.4.4)."""

    start_date_time: DateTime
    dimensions: OneOrMore[CdrDimension]


class CDR(OcpiModel):
    """A charge detail record (10.3.1): cost without VAT, energy in kWh, times in hours."""

    id: Annotated[str, CiId(36)]
    start_date_time: DateTime
    stop_date_time: DateTime
    auth_id: Id36
    auth_method: AuthMethod
    location: Location
    meter_id: Name255 | None = None
    currency: Currency
    tariffs: list[Tariff] | None = None
    charging_periods: OneOrMore[ChargingPeriod]
    total_cost: Number
    total_energy: Quantity
    total_time: Quantity
    total_parking_time: Quantity | None = None
    remark: Name255 | None = None
    last_updated: DateTime
