"""Our own objects as a partner needs to read them, by its setting ``explicit_nulls``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ocpi.registration.settings_of_partner import partner_settings
from ocpi.v2_1_1.explicit_nulls import text_with_nulls, with_nulls

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partner
    from ocpi.v2_1_1.model import OcpiModel


def rewriting(partner: Partner, model: type[OcpiModel]) -> Callable[[str], str] | None:
    """What the JSON text of an object has to go through for this partner; ``None``: nothing, as for most."""
    return partial(text_with_nulls, model) if partner_settings(partner)["explicit_nulls"] else None


def rewritten_text(partner: Partner, model: type[OcpiModel], text: str) -> str:
    """The JSON text of an object as this partner needs it."""
    rewrite = rewriting(partner, model)
    return rewrite(text) if rewrite else text


def rewritten(partner: Partner, model: type[OcpiModel], document: dict[str, Any]) -> dict[str, Any]:
    """An object as this partner needs it."""
    return with_nulls(model, document) if partner_settings(partner)["explicit_nulls"] else document
