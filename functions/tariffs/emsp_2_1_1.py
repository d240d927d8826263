"""Tariffs that CPO partners push to us (OCPI 2.1.1, section 11.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.deployment import store
from ocpi.objects.identity import require_same_id
from ocpi.objects.received import delete_exact, get_exact, owned_collection, require, taking, write
from ocpi.store.port import Key
from ocpi.store.update import update
from ocpi.transport.envelope import success
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.v2_1_1 import VERSION, models
from ocpi.v2_1_1.merge import merge
from ocpi.v2_1_1.taking_rules import require_rules

if TYPE_CHECKING:
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call

Document = dict[str, Any]


def get_tariff(call: Call, caller: Caller) -> Answer:
    """The tariff as the partner gave it to us."""
    return success(require(get_exact(store().objects, _key(call, caller)), "tariff").document)


def put_tariff(call: Call, caller: Caller) -> Answer:
    """Create or replace a tariff."""
    key = _key(call, caller)
    tariff = models.check(models.Tariff, call.json())
    require_same_id(tariff, "id", key.id)
    outcome = update(store().objects, key, taking(require_rules("tariffs"), key, tariff))
    return success(http_status=201 if outcome.before is None else 200)


def patch_tariff(call: Call, caller: Caller) -> Answer:
    """Change the given fields of a tariff; ``elements`` is replaced as a whole."""
    key = _key(call, caller)
    patch = models.check_patch(models.Tariff, call.json())
    require_same_id(patch, "id", key.id)

    def change(stored: Document | None) -> Document:
        return models.check(models.Tariff, merge(require(stored, "tariff"), patch, keyed={}))

    write(store().objects, key, VERSION, change)
    return success()


def delete_tariff(call: Call, caller: Caller) -> Answer:
    """Forget a tariff: the only object that OCPI lets one delete."""
    require(delete_exact(store().objects, _key(call, caller)), "tariff")
    return success()


def _key(call: Call, caller: Caller) -> Key:
    return Key(owned_collection(caller.partner, call.path, "tariffs"), call.path["tariff_id"])


RESOURCES = [
    OcpiResource("EMSP", "2.1.1/tariffs"),
    OcpiResource(
        "EMSP",
        "2.1.1/tariffs/{country_code:segment}/{party_id:segment}/{tariff_id:segment}",
        GET=get_tariff,
        PUT=put_tariff,
        PATCH=patch_tariff,
        DELETE=delete_tariff,
    ),
]
