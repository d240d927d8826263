"""Tariffs: what charging costs, and when (OCPI 2.1.1 chapter 11)."""

from enum import StrEnum

from ocpi.v2_1_1.fields import URL, Count, Currency, Date, DateTime, Id36, Number, OneOrMore, Quantity, TimeOfDay
from ocpi.v2_1_1.locations import EnergyMix
from ocpi.v2_1_1.model import OcpiModel
from ocpi.v2_1_1.types import DisplayText


class DayOfWeek(StrEnum):
    """Days of the week."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class TariffDimensionType(StrEnum):
    """What a price can be for."""

    ENERGY = "ENERGY"
    FLAT = "FLAT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"


class PriceComponent(OcpiModel):
    """A price without VAT for a unit of its type, billed in steps of Wh or seconds (11.4.2)."""

    type: TariffDimensionType
    price: Number
    step_size: Count


class TariffRestrictions(OcpiModel):
    """When a tariff element applies (11.4.5): local times, kWh, kW and seconds; ``end_date`` is exclusive."""

    start_time: TimeOfDay | None = None
    end_time: TimeOfDay | None = None
    start_date: Date | None = None
    end_date: Date | None = None
    min_kwh: Quantity | None = None
    max_kwh: Quantity | None = None
    min_power: Quantity | None = None
    max_power: Quantity | None = None
    min_duration: Count | None = None
    max_duration: Count | None = None
    day_of_week: list[DayOfWeek] | None = None


class TariffElement(OcpiModel):
    """Prices, and when they apply (11.4.3)."""

    price_components: OneOrMore[PriceComponent]
    restrictions: TariffRestrictions | None = None


class Tariff(OcpiModel):
    """A tariff; the order of its elements counts (11.3.1)."""

    id: Id36
    currency: Currency
    tariff_alt_text: list[DisplayText] | None = None
    tariff_alt_url: URL | None = None
    elements: OneOrMore[TariffElement]
    energy_mix: EnergyMix | None = None
    last_updated: DateTime
