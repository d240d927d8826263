"""Objects that partners give us: whose they are, and how they are written.

They are applied in the order of their arrival (reading A-66), each write conditional on what was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ocpi.errors import NotFound
from ocpi.faults import Fault, Invalid
from ocpi.objects.audience import claimed_at, token_lookup
from ocpi.objects.documents import draft, sound_document
from ocpi.store.port import Collection, Conflict, Draft, Key, Objects, Partner, Record
from ocpi.store.update import Outcome, update

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ocpi.store.update import Decide

Document = dict[str, Any]
_Thing = TypeVar("_Thing")


def received_collection(partner: Partner, module: str) -> Collection:
    """What a partner gave us of a module. The owner is the party, so a partner that comes back finds it again."""
    return Collection(str(partner.party), module)


def owned_collection(partner: Partner, path: Mapping[str, str], module: str) -> Collection:
    """The same, for a URL that names its owner: another party than the caller's own is not found (section 3.1.4)."""
    given = (path["country_code"].upper(), path["party_id"].upper())
    if given != (partner.country_code, partner.party_id):
        raise NotFound("this URL names another party than the one that is calling")
    return received_collection(partner, module)


def get_exact(objects: Objects, key: Key) -> Record | None:
    """The record whose id is spelled just so; ids of 2.1.1 are case-sensitive, keys of the store are not."""
    record = objects.get(key)
    return record if record is not None and record.key.id == key.id else None


def require(thing: _Thing | None, what: str, refusal: type[NotFound] = NotFound) -> _Thing:
    """The thing, or :class:`NotFound` (or a kind of it) if there is none."""
    if thing is None:
        raise refusal(f"there is no such {what}")
    return thing


def delete_exact(objects: Objects, key: Key, approve: Callable[[Record], None] = lambda _: None) -> Record | None:
    """Delete a record and return it, or ``None`` if there is none of this spelling. ``approve`` sees each revision
    before it is deleted, and may raise to keep it.
    """
    while (record := get_exact(objects, key)) is not None:
        approve(record)
        try:
            objects.delete(key, expected=record.revision)
        except Conflict:
            continue  # somebody wrote in between: what is deleted is what is there now
        return record
    return None


def write(
    objects: Objects,
    key: Key,
    version: str,
    change: Callable[[Document | None], Document],
    *,
    lookup: Callable[[Document], str] | None = None,
    findings: Callable[[Document], list[str]] = lambda _: [],
) -> Outcome:
    """Store what ``change`` makes of the stored object (``None`` if there is none); it may be asked again.

    ``lookup`` (of tokens) and ``findings`` say what is kept beside the object, see :class:`ocpi.store.port.Draft`.
    """

    def decide(record: Record | None) -> Draft:
        known = record if record is not None and record.key.id == key.id else None
        # Changes what is spelled so, if anything is: a patch finds no more than a GET does.
        document = change(sound_document(known) if known else None)
        refuse_other_spelling(record, key)
        name = lookup(document) if lookup else None
        journal = claimed_at(record, name) if name else ""
        return draft(version, document, lookup=name, findings=findings(document), journal=journal)

    return update(objects, key, decide)


class TakingRules(Protocol):
    """What is needed of a version's rules for whole objects, see :class:`ocpi.v2_1_1.taking_rules.TakingRules`."""

    @property
    def version(self) -> str:
        """The OCPI version."""

    @property
    def folds_ids(self) -> bool:
        """Whether ids that differ only by case are the same id."""

    @property
    def becomes(self) -> Callable[[Document, Document], Document]:
        """What a whole new version becomes, given the stored one."""

    @property
    def are_tokens(self) -> bool:
        """Whether sessions and CDRs of ours may wait for such an object."""

    @property
    def findings(self) -> Callable[[Document], list[str]]:
        """What is remarkable about it."""


def taking(rules: TakingRules, key: Key, document: Document, *, remarks: Sequence[str] = ()) -> Decide:
    """The decision that a record become this object, which is whole and valid; whoever gives it, and however. The same
    again is no change. ``remarks`` are kept with the findings.
    """

    def decide(record: Record | None) -> Draft | None:
        if not rules.folds_ids:
            refuse_other_spelling(record, key)
        stored = sound_document(record) if record is not None else None
        new = rules.becomes(stored, document) if stored is not None else document
        findings = (*remarks, *rules.findings(new))
        lookup = token_lookup(new) if rules.are_tokens else None
        journal = claimed_at(record, lookup) if lookup else ""
        return draft(rules.version, new, lookup=lookup, findings=findings, journal=journal)

    return decide


def refuse_other_spelling(record: Record | None, key: Key) -> None:
    """Refuse an id that differs from a stored one only by case: later versions cannot tell them apart (A-42)."""
    if record is not None and record.key.id != key.id:
        field = "uid" if key.collection.module == "tokens" else "id"
        raise Invalid([Fault(f"/{field}", "differs from a stored id only by case")])
