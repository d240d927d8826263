"""What the modules of OCPI 2.1.1 have in common, and where they differ: one row a module.

The operator API works from these rows, so that a module needs no code of its own there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from ocpi.v2_1_1 import VERSION, models
from ocpi.v2_1_1.merge import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ocpi.faults import Fault
    from ocpi.v2_1_1.model import OcpiModel

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModuleRules:
    """One module. ``owner_role`` is the role that owns its objects; ``parts`` are the lists whose elements have an
    identity and a ``last_updated`` of their own; ``own_faults`` and ``own_warnings`` judge what we send;
    ``completed`` adds what we send and the operator need not say; ``tariff_ids`` are the tariffs that an object names,
    each with where; ``replaced`` is what a whole new version of an object becomes, given the stored one;
    ``deletable`` says whether OCPI lets its owner delete an object. ``folds_ids``: ids differing by case are one.
    ``stamped`` puts a ``last_updated`` into embedded copies of other objects that have none: the stored object's at the
    same place, or the one that is given. ``auth_id`` is that of the
    token which decides whose an object is (``None``: everybody's). ``pending`` says whether it is in a state that it
    must leave in time, and ``objection`` why a stored object cannot become another. ``are_tokens``: sessions and CDRs
    of ours may name such an object.
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
    folds_ids: bool = False
    stamped: Callable[[Document, str, Document | None], Document] = lambda document, _at, _stored: document
    auth_id: Callable[[Document], str | None] = lambda _: None
    pending: Callable[[Document], bool] = lambda _: False
    objection: Callable[[Document, Document], str | None] = lambda _stored, _new: None
    are_tokens: bool = False
    version: str = VERSION

    def object_id(self, document: Document) -> str:
        """The id under which the store keeps an object: a token's holds its type (reading A-25)."""
        identity: str = document[self.id_field]
        return f"{document['type']}/{identity}" if self.are_tokens else identity

    def check(self, document: Any) -> Document:
        """The canonical object; raises :class:`~ocpi.faults.Invalid`."""
        return models.check(self.model, document)

    def check_own(self, body: Any) -> Document:
        """As :meth:`check` for what the operator gives, which may leave ``last_updated`` out."""
        return models.check(self.model, body, last_updated="optional")

    def check_patch(self, body: Any) -> Document:
        """The canonical patch that the operator gives."""
        return models.check_patch(self.model, body, last_updated="optional")

    def merged(self, stored: Document, patch: Document) -> Document:
        """A stored object with a patch merged into it."""
        return merge(stored, patch)


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
    from ocpi.v2_1_1.tariff_findings import tariff_findings  # noqa: PLC0415 - as above
    from ocpi.v2_1_1.tariffs import Tariff  # noqa: PLC0415 - as above

    return ModuleRules("tariffs", "CPO", Tariff, own_warnings=tariff_findings, deletable=True)


def _tokens() -> ModuleRules:
    from ocpi.v2_1_1.tokens import Token  # noqa: PLC0415 - as above

    return ModuleRules("tokens", "EMSP", Token, id_field="uid", are_tokens=True)


def _sessions() -> ModuleRules:
    from ocpi.v2_1_1 import session_states  # noqa: PLC0415 - as above
    from ocpi.v2_1_1.embedded import stamped  # noqa: PLC0415 - as above
    from ocpi.v2_1_1.session_findings import session_findings  # noqa: PLC0415 - as above
    from ocpi.v2_1_1.sessions import Session  # noqa: PLC0415 - as above

    return ModuleRules(
        "sessions",
        "CPO",
        Session,
        own_warnings=session_findings,
        stamped=stamped,
        auth_id=_auth_id,
        pending=session_states.is_pending,
        objection=session_states.why_not,
    )


def _cdrs() -> ModuleRules:
    from ocpi.v2_1_1.cdr_findings import cdr_findings  # noqa: PLC0415 - as above
    from ocpi.v2_1_1.cdrs import CDR  # noqa: PLC0415 - as above
    from ocpi.v2_1_1.embedded import stamped  # noqa: PLC0415 - as above

    return ModuleRules(
        "cdrs",
        "CPO",
        CDR,
        own_warnings=cdr_findings,
        stamped=stamped,
        auth_id=_auth_id,
        objection=lambda _stored, _new: "a CDR cannot be changed once it is stored",
        folds_ids=True,
    )


def _auth_id(document: Document) -> str:
    auth_id: str = document["auth_id"]
    return auth_id


_ROWS: Mapping[str, Callable[[], ModuleRules]] = {
    "locations": _locations,
    "sessions": _sessions,
    "cdrs": _cdrs,
    "tariffs": _tariffs,
    "tokens": _tokens,
}
