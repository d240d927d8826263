"""Our own objects: how the operator's writes become what is stored.

Each function gives a decision for :func:`ocpi.store.update.update`, which asks it again if another writer was
faster. Equal content writes nothing, so repeating a write changes nothing and pushes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ocpi.errors import NotFound, PreconditionFailed
from ocpi.faults import Fault, Invalid
from ocpi.objects.documents import draft, read_document
from ocpi.objects.last_updated import Parts, settle, without_times
from ocpi.objects.received import refuse_other_spelling
from ocpi.store.port import OWN, Collection, Draft, Key, Record
from ocpi.times import now_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.update import Decide

EVERYBODY = "*"
"""The audience of locations, tariffs and tokens: every partner of the fitting role."""

Document = dict[str, Any]


class Rules(Protocol):
    """What is needed of a version's rules for a module, see :class:`ocpi.v2_1_1.module_rules.ModuleRules`."""

    @property
    def name(self) -> str:
        """The module."""

    @property
    def version(self) -> str:
        """The OCPI version."""

    @property
    def parts(self) -> Parts:
        """Lists whose elements have an identity and a ``last_updated`` of their own."""

    @property
    def own_faults(self) -> Callable[[Document], list[Fault]]:
        """What keeps us from sending an object."""

    @property
    def completed(self) -> Callable[[Document], Document]:
        """With what we send and the operator need not say."""

    @property
    def replaced(self) -> Callable[[Document, Document], Document]:
        """What a whole new version of an object becomes, given the stored one."""

    def check(self, document: Any) -> Document:
        """The canonical object."""


def own_key(rules: Rules, object_id: str) -> Key:
    """The key of one of our own objects."""
    return Key(Collection(OWN, rules.name), object_id)


def put_own(rules: Rules, key: Key, body: Document, if_match: str | None) -> Decide:
    """Create or replace; ``body`` is canonical and may lack ``last_updated`` anywhere."""

    def decide(record: Record | None) -> Draft:
        require_match(record, if_match)
        refuse_other_spelling(record, key)
        if record is None:
            return _settled(rules, body, None)
        stored = read_document(record)
        return _settled(rules, rules.replaced(stored, body), stored)

    return decide


def change_own(rules: Rules, key: Key, change: Callable[[Document], Document], if_match: str | None) -> Decide:
    """Change what is there. ``change`` gets the stored object without any ``last_updated``: what it adds counts as
    given. Raises :class:`NotFound` if there is nothing to change.
    """

    def decide(record: Record | None) -> Draft:
        if record is None or record.key.id != key.id:
            raise NotFound(f"there is no such object in {rules.name}")
        require_match(record, if_match)
        stored = read_document(record)
        return _settled(rules, change(without_times(stored, parts=rules.parts)), stored)

    return decide


def etag(record: Record) -> str:
    """The entity tag of an object: its revision."""
    return f'"{record.revision}"'


def require_match(record: Record | None, if_match: str | None) -> None:
    """Raise :class:`PreconditionFailed` unless ``If-Match`` (RFC 9110, section 13.1.1) names the stored revision."""
    if if_match is None:
        return
    wanted = {tag.strip() for tag in if_match.split(",")}
    if record is None or not wanted & {"*", etag(record)}:
        raise PreconditionFailed("If-Match names another revision than the one that is stored")


def _settled(rules: Rules, wanted: Document, stored: Document | None) -> Draft:
    document = rules.check(settle(rules.completed(wanted), stored, now=now_wire(), parts=rules.parts))
    faults = rules.own_faults(document)
    if faults:
        raise Invalid(faults)
    return draft(rules.version, document, audience=EVERYBODY)
