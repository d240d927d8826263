"""How whole objects that partners give us are taken, by push and by pull alike: one row a module.

Rows are apart from :mod:`ocpi.v2_1_1.module_rules`, which are about our own objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ocpi.errors import StateConflict
from ocpi.v2_1_1 import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ocpi.v2_1_1.model import OcpiModel

Document = dict[str, Any]


def _stays(document: Document) -> Document:
    return document


@dataclass(frozen=True, slots=True)
class TakingRules:
    """One module.

    ``becomes`` is what a whole new version becomes, given the stored one; it raises :class:`StateConflict` if that
    cannot change any more. ``findings`` are kept beside the object (:class:`ocpi.store.port.Draft`).
    ``gone`` is what an object becomes that a complete list of the partner's does not show any more; ``None``: nothing
    is left of it. ``folds_ids``: ids that differ only by case are one. ``are_tokens``: sessions and CDRs of ours
    may wait for such an object. ``needs_date_from``: the partner must be asked with one.
    """

    name: str
    model: type[OcpiModel]
    id_field: str = "id"
    becomes: Callable[[Document, Document], Document] = lambda _, new: new
    findings: Callable[[Document], list[str]] = lambda _: []
    gone: Callable[[Document], Document | None] = _stays
    folds_ids: bool = False
    are_tokens: bool = False
    needs_date_from: bool = False
    version: str = VERSION

    @property
    def is_replaced(self) -> bool:
        """Whether a complete list says which objects there are no more."""
        return self.gone is not _stays

    def object_id(self, document: Document) -> str:
        """The id under which the store keeps an object: a token's holds its type (reading A-25)."""
        identity: str = document[self.id_field]
        return f"{document['type']}/{identity}" if self.are_tokens else identity

    def check(self, value: Any) -> tuple[Document, list[str]]:
        """The canonical object, and what was let pass although it is not quite right (reading A-44); raises
        :class:`~ocpi.faults.Invalid`.
        """
        from ocpi.v2_1_1.lenient import check_leniently  # noqa: PLC0415 - for what is pulled only

        return check_leniently(self.model, value, strict=(self.id_field,))


@cache
def taking_rules(name: str) -> TakingRules | None:
    """The row of a module, or ``None`` if there is no such module of objects."""
    row = _ROWS.get(name)
    return row() if row else None


def require_rules(name: str) -> TakingRules:
    """The row of a module that there is."""
    rules = taking_rules(name)
    if rules is None:
        raise LookupError(f"there is no module {name}")
    return rules


def _locations() -> TakingRules:
    from ocpi.v2_1_1.location_tree import all_removed, taken  # noqa: PLC0415 - only what is asked for is loaded
    from ocpi.v2_1_1.locations import Location  # noqa: PLC0415 - as above

    return TakingRules("locations", Location, becomes=taken, gone=all_removed)


def _sessions() -> TakingRules:
    from ocpi.v2_1_1.session_findings import session_findings  # noqa: PLC0415 - as above
    from ocpi.v2_1_1.session_states import why_final  # noqa: PLC0415 - as above
    from ocpi.v2_1_1.sessions import Session  # noqa: PLC0415 - as above

    def becomes(stored: Document, new: Document) -> Document:
        """What is final stays as it was billed (reading A-21); the same again is no change."""
        if new == stored:
            return stored
        final = why_final(stored)
        if final is not None:
            raise StateConflict(final)
        return new

    return TakingRules("sessions", Session, becomes=becomes, findings=session_findings, needs_date_from=True)


def _cdrs() -> TakingRules:
    from ocpi.v2_1_1.cdr_findings import cdr_findings  # noqa: PLC0415 - as above
    from ocpi.v2_1_1.cdrs import CDR  # noqa: PLC0415 - as above

    def becomes(stored: Document, new: Document) -> Document:
        """Whether two CDRs say the same: numbers are compared as numbers, ids without regard to case (CDR-18)."""
        if {**new, "id": stored["id"]} != stored:
            raise StateConflict("there is another CDR with this id already, and a CDR cannot be changed")
        return stored

    return TakingRules("cdrs", CDR, becomes=becomes, findings=cdr_findings, folds_ids=True)


def _tariffs() -> TakingRules:
    from ocpi.v2_1_1.tariffs import Tariff  # noqa: PLC0415 - as above

    return TakingRules("tariffs", Tariff, gone=lambda _: None)


def _tokens() -> TakingRules:
    from ocpi.v2_1_1.tokens import Token  # noqa: PLC0415 - as above

    return TakingRules("tokens", Token, id_field="uid", are_tokens=True)


_ROWS: Mapping[str, Callable[[], TakingRules]] = {
    "locations": _locations,
    "sessions": _sessions,
    "cdrs": _cdrs,
    "tariffs": _tariffs,
    "tokens": _tokens,
}
