"""What charging costs in the demo network. Prices without VAT, as OCPI 2.1.1 asks (section 11.3)."""

from __future__ import annotations

from typing import Any


def tariffs() -> list[dict[str, Any]]:
    """Three tariffs: regular charging, charging at guest houses and beaches, and fast charging."""
    return [
        _tariff("ZLD-AC", "€ 0,34 per kWh, excl. btw", [_component("ENERGY", 0.34, 1)]),
        _tariff(
            "ZLD-AC-GAST",
            "€ 0,28 per kWh, na vier uur € 1,50 per uur parkeren, excl. btw",
            [_component("ENERGY", 0.28, 1)],
            {"price_components": [_component("PARKING_TIME", 1.5, 900)], "restrictions": {"min_duration": 14400}},
        ),
        _tariff(
            "ZLD-DC",
            "€ 0,35 starttarief en € 0,55 per kWh, excl. btw",
            [_component("FLAT", 0.35, 1), _component("ENERGY", 0.55, 1)],
        ),
    ]


def _tariff(tariff_id: str, text: str, components: list[dict[str, Any]], *more: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": tariff_id,
        "currency": "EUR",
        "tariff_alt_text": [{"language": "nl", "text": text}],
        "elements": [{"price_components": components}, *more],
    }


def _component(dimension: str, price: float, step_size: int) -> dict[str, Any]:
    """``step_size`` in Wh or seconds."""
    return {"type": dimension, "price": price, "step_size": step_size}
