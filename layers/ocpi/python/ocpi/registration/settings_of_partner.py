"""Settings that absorb a partner's habits, and their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from ocpi.faults import Fault, Invalid, pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ocpi.store.port import Partner

PUSHED_MODULES = ("locations", "sessions", "cdrs", "tariffs", "tokens")

DEFAULTS: Mapping[str, Any] = {
    "token_encoding": "auto",
    "explicit_nulls": False,
    "trailing_slash": "keep",
    "push": dict.fromkeys(PUSHED_MODULES, True),
    "patch": True,
    "requests_per_minute": 600,
    "page_size": 100,
}


LEARNABLE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "token_encoding": ("auto", ("plain", "base64")),
    "trailing_slash": ("keep", ("add", "strip")),
}
"""Settings that the first failure may teach us: the value that leaves it to us, and what can be learned."""


def given_settings(partner: Partner) -> dict[str, Any]:
    """All settings of a partner as the operator gave them, defaults included."""
    given = partner.settings
    return {**DEFAULTS, **given, "push": {**DEFAULTS["push"], **given.get("push", {})}}


def partner_settings(partner: Partner) -> dict[str, Any]:
    """All settings of a partner as they are in effect: where the operator leaves it to us, what we learned counts."""
    settings = given_settings(partner)
    for name, (open_value, values) in LEARNABLE.items():
        learned = partner.learned.get(name)
        if settings[name] == open_value and learned in values:
            settings[name] = learned
    return settings


class TokenHabits(TypedDict):
    """Of a :class:`~ocpi.outbound.partner_session.PartnerSession`."""

    encoding: str
    learned: str | None


def token_habits(partner: Partner) -> TokenHabits:
    """How a partner wants to see our token."""
    return {
        "encoding": given_settings(partner)["token_encoding"],
        "learned": partner.learned.get("token_encoding"),
    }


def changed_settings(partner: Partner, change: Any) -> dict[str, Any]:
    """The settings to store after a change; raises :class:`Invalid` naming what is unknown or wrong."""
    if not isinstance(change, dict):
        raise Invalid([Fault("/settings", "must be an object")])
    faults = [
        Fault(pointer(["settings", name]), "is not a setting" if name not in _CHECKS else _CHECKS[name][1])
        for name, value in change.items()
        if name not in _CHECKS or not _CHECKS[name][0](value)
    ]
    if faults:
        raise Invalid(faults)
    settings = {**partner.settings, **change}
    if "push" in change:
        settings["push"] = {**partner.settings.get("push", {}), **change["push"]}
    return settings


def _one_of(*values: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: value in values, f"must be one of {', '.join(values)}"


def _boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _between(least: int, most: int) -> tuple[Callable[[Any], bool], str]:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return fits, f"must be a whole number from {least} to {most}"


def _pushes(value: Any) -> bool:
    return isinstance(value, dict) and all(
        name in PUSHED_MODULES and isinstance(switch, bool) for name, switch in value.items()
    )


_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "token_encoding": _one_of("plain", "base64", "auto"),
    "explicit_nulls": (_boolean, "must be true or false"),
    "trailing_slash": _one_of("keep", "add", "strip"),
    "push": (_pushes, f"must be an object of {', '.join(PUSHED_MODULES)}, each true or false"),
    "patch": (_boolean, "must be true or false"),
    "requests_per_minute": _between(1, 60_000),
    "page_size": _between(1, 1000),
}
