"""Our own objects as a partner needs to read them, by its setting ``explicit_nulls``.

Models are given by name: hardly any partner has the setting, and for all others none is loaded.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.registration.settings_of_partner import partner_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partner
    from ocpi.v2_1_1.models import Shown


def rewriting(partner: Partner, model: Shown) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    """What an object has to go through for this partner; ``None``: nothing, as for most."""
    if not partner_settings(partner)["explicit_nulls"]:
        return None
    from ocpi.v2_1_1 import models  # noqa: PLC0415 - for partners with the setting only
    from ocpi.v2_1_1.explicit_nulls import with_nulls  # noqa: PLC0415 - as above

    return partial(with_nulls, models.named(model))


def rewritten_text(partner: Partner, model: Shown, text: str) -> str:
    """The JSON text of an object as this partner needs it."""
    rewrite = rewriting(partner, model)
    return strict_json.write(rewrite(strict_json.read(text))) if rewrite else text


def rewritten(partner: Partner, model: Shown, document: dict[str, Any]) -> dict[str, Any]:
    """An object as this partner needs it."""
    rewrite = rewriting(partner, model)
    return rewrite(document) if rewrite else document
