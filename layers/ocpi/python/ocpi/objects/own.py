"""Our own objects: how the operator's writes become what is stored.

The methods of :class:`OwnWrites` give decisions for :func:`ocpi.store.update.update`, which asks again if another
writer was faster. Equal content writes nothing, so repeating a write changes nothing and pushes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ocpi.errors import NotFound, PreconditionFailed, StateConflict
from ocpi.faults import Fault, Invalid
from ocpi.objects.audience import find_audience, is_ours, ours_lookup, token_lookup, waiting_lookup
from ocpi.objects.documents import draft, read_document, sound_document
from ocpi.objects.journal import journal_after
from ocpi.objects.last_updated import Parts, settle, without_times
from ocpi.objects.looks import after_minutes, first_try, next_try
from ocpi.objects.received import refuse_other_spelling
from ocpi.store.port import EVERYBODY, OWN, Collection, Draft, Key, Objects, Record
from ocpi.times import now_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.update import Decide

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
    def id_field(self) -> str:
        """The field that holds the id."""

    @property
    def folds_ids(self) -> bool:
        """Whether ids that differ only by case are the same id."""

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
    def stamped(self) -> Callable[[Document, str, Document | None], Document]:
        """With a ``last_updated`` in embedded copies of other objects that have none: as the stored object has it at
        the same place, or else this one.
        """

    @property
    def replaced(self) -> Callable[[Document, Document], Document]:
        """What a whole new version of an object becomes, given the stored one."""

    @property
    def auth_id(self) -> Callable[[Document], str | None]:
        """The ``auth_id`` of the token that decides whose an object is; ``None``: it is everybody's."""

    @property
    def are_tokens(self) -> bool:
        """Whether sessions and CDRs of ours may name such an object."""

    @property
    def pending(self) -> Callable[[Document], bool]:
        """Whether an object is in a state that it must leave in time."""

    @property
    def objection(self) -> Callable[[Document, Document], str | None]:
        """Why a stored object cannot become another; ``None``: it can."""

    def check(self, document: Any) -> Document:
        """The canonical object."""


def own_key(rules: Rules, object_id: str) -> Key:
    """The key of one of our own objects."""
    return Key(Collection(OWN, rules.name), object_id)


def is_spelled(rules: Rules, record: Record | None, key: Key) -> bool:
    """Whether a record is the one that this key names, where letter case counts."""
    return record is not None and (rules.folds_ids or record.key.id == key.id)


@dataclass(frozen=True, slots=True)
class OwnWrites:
    """Writes of our own objects of one module. ``audience`` is the party that the operator says an object is for;
    without it, its token says so, as ``audience_of`` finds by an ``auth_id`` (:func:`find_audience`, unless given).
    ``if_match`` is the header of that name.
    """

    rules: Rules
    objects: Objects
    pending_minutes: int
    audience: str | None = None
    if_match: str | None = None
    audience_of: Callable[[str], str | None] | None = None

    def put(self, key: Key, body: Document) -> Decide:
        """Create or replace; ``body`` is canonical and may lack ``last_updated`` anywhere."""

        def decide(record: Record | None) -> Draft:
            require_match(record, self.if_match)
            if record is None:
                return self._draft(body, None, None)
            if not self.rules.folds_ids:
                refuse_other_spelling(record, key)
            stored = sound_document(record)
            return self._draft(body if stored is None else self.rules.replaced(stored, body), record, stored)

        return decide

    def change(self, key: Key, change: Callable[[Document], Document]) -> Decide:
        """Change what is there. ``change`` gets the stored object without any ``last_updated``: what it adds counts
        as given. Raises :class:`NotFound` if there is nothing to change.
        """

        def decide(record: Record | None) -> Draft:
            if record is None or not is_spelled(self.rules, record, key):
                raise NotFound(f"there is no such object in {self.rules.name}")
            require_match(record, self.if_match)
            stored = sound_document(record)
            if stored is None:
                raise StateConflict("what is stored cannot be read; put the whole object")
            return self._draft(change(without_times(stored, parts=self.rules.parts)), record, stored)

        return decide

    def look_again(self, key: Key, now: str) -> Decide:
        """What is to become of an object that is due, or whose token has become known: its audience, if it can be
        found now; ``INVALID``, if it was pending for too long.
        """

        def decide(record: Record | None) -> Draft | None:
            if record is None or record.key != key:
                return None
            document = stored = read_document(record)
            if self.rules.pending(document) and after_minutes(record.created, self.pending_minutes) <= now:
                document = {**document, "status": "INVALID", "last_updated": max(now, document["last_updated"])}
            return self._drafted(document, record, stored, looked_at=now)

        return decide

    def _draft(self, wanted: Document, record: Record | None, stored: Document | None) -> Draft:
        if stored is not None and self.rules.folds_ids:
            wanted = {**wanted, self.rules.id_field: stored[self.rules.id_field]}
        document = self.rules.check(self._timed(self.rules.completed(wanted), stored))
        if record is not None and stored is not None:
            if document == stored:
                return self._drafted(stored, record, stored)
            objection = self.rules.objection(stored, document)
            if objection is not None:
                raise StateConflict(objection)
        faults = self.rules.own_faults(document)
        if faults:
            raise Invalid(faults)
        return self._drafted(document, record, stored)

    def _timed(self, wanted: Document, stored: Document | None) -> Document:
        """With ``last_updated`` everywhere. In embedded copies that have none it is the object's own, so whether
        anything changed is seen only with the stored ones put in there.
        """
        now, parts = now_wire(), self.rules.parts
        if stored is not None:
            same = settle(self.rules.stamped(wanted, stored["last_updated"], stored), stored, now=now, parts=parts)
            if same == stored:
                return same
        settled = settle(wanted, stored, now=now, parts=parts)
        return self.rules.stamped(settled, settled["last_updated"], None)

    def _drafted(
        self, document: Document, record: Record | None, stored: Document | None, looked_at: str | None = None
    ) -> Draft:
        """The draft with all that goes with it. ``stored`` is the document of ``record``."""
        journal = journal_after(record, stored, document, self.rules.parts)
        return replace(self._indexed(document, record, looked_at), journal=journal)

    def _indexed(self, document: Document, record: Record | None, looked_at: str | None = None) -> Draft:
        """The draft, with its audience and when to look at it again."""
        auth_id = self.rules.auth_id(document)
        if auth_id is None:
            lookup = token_lookup(document) if self.rules.are_tokens else None
            return draft(self.rules.version, document, audience=EVERYBODY, lookup=lookup)
        whose = self._settled_audience(auth_id, record)
        created = record.created if record else now_wire()
        looks = []
        if whose is None:
            looks.append(_next_try(created, record, looked_at))
        if self.rules.pending(document):
            looks.append(after_minutes(created, self.pending_minutes))
        return draft(
            self.rules.version,
            document,
            audience=None if whose == OWN else whose,
            lookup=_lookup(whose, auth_id),
            due=min(looks) if looks else None,
        )

    def _settled_audience(self, auth_id: str, record: Record | None) -> str | None:
        """The party, or ``OWN`` for what our own customers did; ``None`` as long as nobody knows."""
        if record is not None and record.audience is not None:
            if self.audience not in (None, record.audience):
                raise StateConflict("this object belongs to another partner already; that is settled once")
            return record.audience
        if self.audience is not None:
            return self.audience
        if record is not None and is_ours(record):
            return OWN
        return self.audience_of(auth_id) if self.audience_of else find_audience(self.objects, auth_id)


def _lookup(whose: str | None, auth_id: str) -> str | None:
    if whose is None:
        return waiting_lookup(auth_id)
    return ours_lookup(auth_id) if whose == OWN else None


def _next_try(created: str, record: Record | None, looked_at: str | None) -> str:
    if looked_at is not None:
        return next_try(created, looked_at)
    return record.due if record is not None and record.due is not None else first_try(created)


def etag(record: Record) -> str:
    """The entity tag of an object: its revision, and when it was created, for one that was deleted and made anew."""
    return f'"{record.revision}-{record.created}"'


def require_match(record: Record | None, if_match: str | None) -> None:
    """Raise :class:`PreconditionFailed` unless ``If-Match`` (RFC 9110, section 13.1.1) names the stored revision."""
    if if_match is None:
        return
    wanted = {tag.strip() for tag in if_match.split(",")}
    if record is None or not wanted & {"*", etag(record)}:
        raise PreconditionFailed("If-Match names another revision than the one that is stored")
