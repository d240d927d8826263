"""What the modules of OCPI 2.1.1 have in common, and where they differ: one row a module.

The operator API works from these rows, so that a module needs no code of its own there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from ocpi.v2_1_1.merge import merge
from ocpi.v2_1_1.model import OcpiModel, check, check_patch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ocpi.faults import Fault

VERSION = "2.1.1"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModuleRules:
    """One module. ``owner_role`` is the role that owns its objects; ``parts`` are the lists whose elements have an
    identity and a ``last_updated`` of their own; ``own_faults`` and ``own_warnings`` judge what we send;
    ``completed`` adds what we send and the operator need not say; ``tariff_ids`` are the tariffs that an object names,
    each with where; ``replaced`` is what a whole new version of an object becomes, given the stored one;
    ``deletable`` says whether OCPI lets its owner delete an object.
    """

    name: str
    owner_role: Literal["CPO", "EMSP"]
    model: type[OcpiModel]
    id_field: str = "id"
    parts: Mapping[str, str] = field(default_factory=dict)
    own_faults: Callable[[Document], list[Fault]] = lambda _: []
    own_warnings: Callable[[Document], list[str]] = lambda _: []
    completed: Callable[[Document], Document] = lambda document: document
    tariff_ids: Callable[[Document], Mapping[str, str]] = lambda _: {}
    replaced: Callable[[Document, Document], Document] = lambda _, new: new
    deletable: bool = False
    version: str = VERSION

    def object_id(self, document: Document) -> str:
        """The id under which the store keeps an object: a token's holds its type (reading A-25)."""
        identity: str = document[self.id_field]
        return f"{document['type']}/{identity}" if self.name == "tokens" else identity

    def check(self, document: Any) -> Document:
        """The canonical object; raises :class:`~ocpi.faults.Invalid`."""
        return check(self.model, document)

    def check_own(self, body: Any) -> Document:
        """As :meth:`check` for what the operator gives, which may leave ``last_updated`` out."""
        return check(self.model, body, last_updated="optional")

    def check_patch(self, body: Any) -> Document:
        """The canonical patch that the operator gives."""
        return check_patch(self.model, body, last_updated="optional")

    def merged(self, stored: Document, patch: Document) -> Document:
        """A stored object with a patch merged into it."""
        return merge(stored, patch, keyed=self.parts)


@cache
def module_rules(name: str) -> ModuleRules | None:
    """The row of a module, or ``None`` if there is no such module of objects."""
    row = _ROWS.get(name)
    return row() if row else None


def _locations() -> ModuleRules:
    from ocpi.v2_1_1 import location_tree, own_rules  # noqa: PLC0415 - a function loads the models that it is asked for
    from ocpi.v2_1_1.locations import Location  # noqa: PLC0415 - as above

    return ModuleRules(
        "locations",
        "CPO",
        Location,
        parts=location_tree.PARTS,
        own_faults=own_rules.own_faults,
        own_warnings=own_rules.own_warnings,
        completed=own_rules.completed,
        tariff_ids=own_rules.tariff_ids,
        replaced=location_tree.replaced,
    )


def _tariffs() -> ModuleRules:
    from ocpi.v2_1_1.tariffs import Tariff  # noqa: PLC0415 - as above

    return ModuleRules("tariffs", "CPO", Tariff, deletable=True)


def _tokens() -> ModuleRules:
    from ocpi.v2_1_1.tokens import Token  # noqa: PLC0415 - as above

    return ModuleRules("tokens", "EMSP", Token, id_field="uid")


_ROWS: Mapping[str, Callable[[], ModuleRules]] = {"locations": _locations, "tariffs": _tariffs, "tokens": _tokens}
