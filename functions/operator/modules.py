"""Which module a URL of the operator API names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.errors import NotFound
from ocpi.settings import settings
from ocpi.v2_1_1.module_rules import ModuleRules, module_rules

if TYPE_CHECKING:
    from ocpi.store.port import Partner
    from ocpi.transport.message import Call


def own_module(call: Call) -> ModuleRules:
    """The module in the path, if one of our roles owns its objects."""
    return named_own_module(call.path["module"])


def named_own_module(name: str) -> ModuleRules:
    """The same by name."""
    rules = module_rules(name)
    if rules is None or rules.owner_role not in settings().roles:
        raise NotFound("we have no objects of this module")
    return rules


def partners_module(call: Call, partner: Partner) -> ModuleRules:
    """The module in the path, if the partner's role owns its objects."""
    rules = module_rules(call.path["module"])
    if rules is None or rules.owner_role != partner.role:
        raise NotFound(f"a partner that is {partner.role} has no objects of this module")
    return rules
