"""Locations: charging stations with their EVSEs and connectors (OCPI 2.1.1 chapter 8)."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, ClassVar

from ocpi.v2_1_1.fields import (
    URL,
    Boolean,
    Count,
    Country,
    DateTime,
    Id36,
    Id39,
    Id48,
    Latitude,
    Longitude,
    Name4,
    Name10,
    Name16,
    Name45,
    Name64,
    Name100,
    Name255,
    Number,
    OneOrMore,
    Percentage,
    Pixels,
    TimeOfDay,
    Weekday,
)
from ocpi.v2_1_1.model import OcpiModel, Path
from ocpi.v2_1_1.types import DisplayText


class Capability(StrEnum):
    """What an EVSE can do."""

    CHARGING_PROFILE_CAPABLE = "CHARGING_PROFILE_CAPABLE"
    CREDIT_CARD_PAYABLE = "CREDIT_CARD_PAYABLE"
    REMOTE_START_STOP_CAPABLE = "REMOTE_START_STOP_CAPABLE"
    RESERVABLE = "RESERVABLE"
    RFID_READER = "RFID_READER"
    UNLOCK_CAPABLE = "UNLOCK_CAPABLE"


class ConnectorFormat(StrEnum):
    """Socket or attached cable."""

    SOCKET = "SOCKET"
    CABLE = "CABLE"


class ConnectorType(StrEnum):
    """The standard of a plug."""

    CHADEMO = "CHADEMO"
    DOMESTIC_A = "DOMESTIC_A"
    DOMESTIC_B = "DOMESTIC_B"
    DOMESTIC_C = "DOMESTIC_C"
    DOMESTIC_D = "DOMESTIC_D"
    DOMESTIC_E = "DOMESTIC_E"
    DOMESTIC_F = "DOMESTIC_F"
    DOMESTIC_G = "DOMESTIC_G"
    DOMESTIC_H = "DOMESTIC_H"
    DOMESTIC_I = "DOMESTIC_I"
    DOMESTIC_J = "DOMESTIC_J"
    DOMESTIC_K = "DOMESTIC_K"
    DOMESTIC_L = "DOMESTIC_L"
    IEC_60309_2_single_16 = "IEC_60309_2_single_16"
    IEC_60309_2_three_16 = "IEC_60309_2_three_16"
    IEC_60309_2_three_32 = "IEC_60309_2_three_32"
    IEC_60309_2_three_64 = "IEC_60309_2_three_64"
    IEC_62196_T1 = "IEC_62196_T1"
    IEC_62196_T1_COMBO = "IEC_62196_T1_COMBO"
    IEC_62196_T2 = "IEC_62196_T2"
    IEC_62196_T2_COMBO = "IEC_62196_T2_COMBO"
    IEC_62196_T3A = "IEC_62196_T3A"
    IEC_62196_T3C = "IEC_62196_T3C"
    TESLA_R = "TESLA_R"
    TESLA_S = "TESLA_S"


class EnergySourceCategory(StrEnum):
    """What energy is made from."""

    NUCLEAR = "NUCLEAR"
    GENERAL_FOSSIL = "GENERAL_FOSSIL"
    COAL = "COAL"
    GAS = "GAS"
    GENERAL_GREEN = "GENERAL_GREEN"
    SOLAR = "SOLAR"
    WIND = "WIND"
    WATER = "WATER"


class EnvironmentalImpactCategory(StrEnum):
    """What harms the environment."""

    NUCLEAR_WASTE = "NUCLEAR_WASTE"
    CARBON_DIOXIDE = "CARBON_DIOXIDE"


class Facility(StrEnum):
    """What else is at a location."""

    HOTEL = "HOTEL"
    RESTAURANT = "RESTAURANT"
    CAFE = "CAFE"
    MALL = "MALL"
    SUPERMARKET = "SUPERMARKET"
    SPORT = "SPORT"
    RECREATION_AREA = "RECREATION_AREA"
    NATURE = "NATURE"
    MUSEUM = "MUSEUM"
    BUS_STOP = "BUS_STOP"
    TAXI_STAND = "TAXI_STAND"
    TRAIN_STATION = "TRAIN_STATION"
    AIRPORT = "AIRPORT"
    CARPOOL_PARKING = "CARPOOL_PARKING"
    FUEL_STATION = "FUEL_STATION"
    WIFI = "WIFI"


class ImageCategory(StrEnum):
    """What a picture shows."""

    CHARGER = "CHARGER"
    ENTRANCE = "ENTRANCE"
    LOCATION = "LOCATION"
    NETWORK = "NETWORK"
    OPERATOR = "OPERATOR"
    OTHER = "OTHER"
    OWNER = "OWNER"


class LocationType(StrEnum):
    """What kind of place a location is."""

    ON_STREET = "ON_STREET"
    PARKING_GARAGE = "PARKING_GARAGE"
    UNDERGROUND_GARAGE = "UNDERGROUND_GARAGE"
    PARKING_LOT = "PARKING_LOT"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class ParkingRestriction(StrEnum):
    """Who may park at an EVSE."""

    EV_ONLY = "EV_ONLY"
    PLUGGED = "PLUGGED"
    DISABLED = "DISABLED"
    CUSTOMERS = "CUSTOMERS"
    MOTORCYCLES = "MOTORCYCLES"


class PowerType(StrEnum):
    """Alternating or direct current."""

    AC_1_PHASE = "AC_1_PHASE"
    AC_3_PHASE = "AC_3_PHASE"
    DC = "DC"


class Status(StrEnum):
    """Status of an EVSE."""

    AVAILABLE = "AVAILABLE"
    BLOCKED = "BLOCKED"
    CHARGING = "CHARGING"
    INOPERATIVE = "INOPERATIVE"
    OUTOFORDER = "OUTOFORDER"
    PLANNED = "PLANNED"
    REMOVED = "REMOVED"
    RESERVED = "RESERVED"
    UNKNOWN = "UNKNOWN"


class AdditionalGeoLocation(OcpiModel):
    """A point that belongs to a location, such as its entrance."""

    latitude: Latitude
    longitude: Longitude
    name: DisplayText | None = None


class Image(OcpiModel):
    """Where a picture is, and of what (8.4.14)."""

    url: URL
    thumbnail: URL | None = None
    category: ImageCategory
    type: Name4
    width: Pixels | None = None
    height: Pixels | None = None


class BusinessDetails(OcpiModel):
    """A company."""

    name: Name100
    website: URL | None = None
    logo: Image | None = None


class EnergySource(OcpiModel):
    """The share of one source in an energy mix, in percent."""

    source: EnergySourceCategory
    percentage: Percentage


class EnvironmentalImpact(OcpiModel):
    """Waste or carbon dioxide in g/kWh."""

    source: EnvironmentalImpactCategory
    amount: Number


class EnergyMix(OcpiModel):
    """Where the energy comes from (8.4.6)."""

    is_green_energy: Boolean
    energy_sources: list[EnergySource] | None = None
    environ_impact: list[EnvironmentalImpact] | None = None
    supplier_name: Name64 | None = None
    energy_product_name: Name64 | None = None


class ExceptionalPeriod(OcpiModel):
    """A period in which a location is open or closed against its regular hours."""

    period_begin: DateTime
    period_end: DateTime


class GeoLocation(OcpiModel):
    """Degrees in WGS 84, as text (8.4.12)."""

    latitude: Latitude
    longitude: Longitude


class RegularHours(OcpiModel):
    """Opening hours of one day of the week, 1 is Monday, in the location's local time (8.4.19, A-16)."""

    weekday: Weekday
    period_begin: TimeOfDay
    period_end: TimeOfDay


class Hours(OcpiModel):
    """Opening hours (8.4.13): ``regular_hours``, ``twentyfourseven`` or both (A-15)."""

    regular_hours: list[RegularHours] | None = None
    twentyfourseven: Boolean | None = None
    exceptional_openings: list[ExceptionalPeriod] | None = None
    exceptional_closings: list[ExceptionalPeriod] | None = None

    @classmethod
    def rules(cls, value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
        """One of the two must be there."""
        if not value.get("regular_hours") and value.get("twentyfourseven") is None:
            yield (), "needs regular_hours or twentyfourseven"


class StatusSchedule(OcpiModel):
    """A status that an EVSE is planned to have; informational only (8.4.21)."""

    period_begin: DateTime
    period_end: DateTime | None = None
    status: Status


class Connector(OcpiModel):
    """A socket or cable (8.3.3); volts are line to neutral for AC_3_PHASE."""

    id: Id36
    standard: ConnectorType
    format: ConnectorFormat
    power_type: PowerType
    voltage: Count
    amperage: Count
    tariff_id: Id36 | None = None
    terms_and_conditions: URL | None = None
    last_updated: DateTime


class EVSE(OcpiModel):
    """What charges one vehicle at a time (8.3.2)."""

    keyed: ClassVar[dict[str, str]] = {"connectors": "id"}

    uid: Id39
    evse_id: Id48 | None = None
    status: Status
    status_schedule: list[StatusSchedule] | None = None
    capabilities: list[Capability] | None = None
    connectors: OneOrMore[Connector]
    floor_level: Name4 | None = None
    coordinates: GeoLocation | None = None
    physical_reference: Name16 | None = None
    directions: list[DisplayText] | None = None
    parking_restrictions: list[ParkingRestriction] | None = None
    images: list[Image] | None = None
    last_updated: DateTime


class Location(OcpiModel):
    """A place with EVSEs (8.3.1)."""

    keyed: ClassVar[dict[str, str]] = {"evses": "uid"}

    id: Id39
    type: LocationType
    name: Name255 | None = None
    address: Name45
    city: Name45
    postal_code: Name10
    country: Country
    coordinates: GeoLocation
    related_locations: list[AdditionalGeoLocation] | None = None
    evses: list[EVSE] | None = None
    directions: list[DisplayText] | None = None
    operator: BusinessDetails | None = None
    suboperator: BusinessDetails | None = None
    owner: BusinessDetails | None = None
    facilities: list[Facility] | None = None
    time_zone: Name255 | None = None
    opening_times: Hours | None = None
    charging_when_closed: Boolean | None = None
    images: list[Image] | None = None
    energy_mix: EnergyMix | None = None
    last_updated: DateTime
