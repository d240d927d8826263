"""Objects and all else that is kept as an object: what goes beside a document must follow from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.authorization.rule import check_rule
from ocpi.commands.command import COLLECTIONS as COMMANDS
from ocpi.commands.receiving import RESERVATIONS
from ocpi.doctor.entry import Flaw
from ocpi.doctor.internal import CommandFlaws, JobFlaws
from ocpi.doctor.names import PRECISE, WIRE
from ocpi.faults import Invalid
from ocpi.objects.audience import is_ours, ours_lookup, token_lookup, waiting_lookup
from ocpi.store.port import EVERYBODY, OWN, Conflict
from ocpi.times import now_wire
from ocpi.v2_1_1 import VERSION
from ocpi.v2_1_1.module_rules import module_rules
from ocpi.v2_1_1.taking_rules import taking_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocpi.doctor.world import World
    from ocpi.store.port import Record
    from ocpi.v2_1_1.module_rules import ModuleRules

MOST_FAULTS = 3
DOCUMENT_REMEDY = "PUT it anew through the operator API, or restore it from a backup"
RECEIVED_REMEDY = "pull everything from its partner (POST /operator/partners/<id>/sync), or restore it from a backup"


@dataclass(frozen=True, slots=True)
class Corrections:
    """Changes of what goes beside a record's document, carried out in one write."""

    record: Record
    world: World

    def flaw(self, changes: dict[str, Any], what: str | None = None) -> Iterator[Flaw]:
        """One flaw for all that is different from what the record has; none if nothing is."""
        different = {name: value for name, value in changes.items() if getattr(self.record, name) != value}
        if different:
            yield Flaw(
                what or f"{', '.join(sorted(different))} does not follow from the document",
                "write it anew with what does",
                lambda: self._write(different),
            )

    def _write(self, changes: dict[str, Any]) -> bool:
        record = self.record
        try:
            self.world.store.objects.put(record.key, record.draft(**changes), expected=record.revision)
        except Conflict:
            return False
        return True


def record_flaws(record: Record, world: World, delete: Callable[[], bool]) -> Iterator[Flaw]:
    """What is wrong with a record, whatever it is of."""
    collection, corrections = record.key.collection, Corrections(record, world)
    yield from _stamp_flaws(record)
    if not _is_sound_journal(record):
        yield from corrections.flaw({"journal": ""}, "its journal tells no changes")
        return
    try:
        document = strict_json.read(record.document)
    except (strict_json.BrokenJson, strict_json.RefusedJson):
        remedy = DOCUMENT_REMEDY if collection.owner == OWN else RECEIVED_REMEDY
        yield Flaw("its document is not JSON that we take", remedy)
        return
    if collection.owner == "jobs":
        yield from JobFlaws(record, world, corrections.flaw, delete).flaws(document)
    elif collection in COMMANDS.values():
        yield from CommandFlaws(record, corrections.flaw).flaws()
    elif collection == RESERVATIONS:
        ids = document.get("command_ids") if isinstance(document, dict) else None
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            yield Flaw("names no commands", "delete it: the next reservation makes it anew", delete)
    elif (collection.owner, collection.module) == (OWN, "authorizations"):
        yield from _invalid(lambda: check_rule(document), "PUT the token's authorization anew")
    elif collection.owner == OWN:
        yield from _own(record, document, corrections)
    else:
        yield from _received(record, document, corrections)


def _stamp_flaws(record: Record) -> Iterator[Flaw]:
    if record.revision < 1 or not all(map(PRECISE.fullmatch, (record.created, record.received))):
        yield Flaw("was written at no instant, or never", "restore it from a backup")
    if record.version != VERSION:
        yield Flaw(
            "is of a version of OCPI that is not known here", "restore it from a backup, or update the functions"
        )


def _own(record: Record, document: Any, corrections: Corrections) -> Iterator[Flaw]:
    rules = module_rules(record.key.collection.module)
    if rules is None:
        yield Flaw("is of a module that is not known", "delete it by hand, if nobody knows what it is")
        return
    faulty = list(_invalid(lambda: rules.check(document), DOCUMENT_REMEDY))
    faulty += _misplaced(record, document, rules.object_id, folds=rules.folds_ids)
    yield from faulty
    if not faulty:
        yield from corrections.flaw(_beside_own(record, document, rules))


def _beside_own(record: Record, document: dict[str, Any], rules: ModuleRules) -> dict[str, Any]:
    """What follows from the document of an own object. Whose it is is settled once, and not looked for here."""
    changes: dict[str, Any] = {"last_updated": document["last_updated"]}
    auth_id = rules.auth_id(document)
    if auth_id is None:
        lookup = token_lookup(document) if rules.are_tokens else None
        return {**changes, "audience": EVERYBODY, "lookup": lookup}
    waits = record.audience is None and not is_ours(record)
    if waits:
        changes["lookup"] = waiting_lookup(auth_id)
    else:
        changes["lookup"] = ours_lookup(auth_id) if record.audience is None else None
    # One that is due and need not be is looked at once, and then it is not.
    if (waits or rules.pending(document)) and not _is_due(record):
        changes["due"] = now_wire()
    return changes


def _received(record: Record, document: Any, corrections: Corrections) -> Iterator[Flaw]:
    rules = taking_rules(record.key.collection.module)
    if rules is None or record.key.collection.owner.count("-") != 1:
        yield Flaw("is of an owner or a module that is not known", "delete it by hand, if nobody knows what it is")
        return
    faulty = list(_invalid(lambda: rules.check(document), RECEIVED_REMEDY))
    faulty += _misplaced(record, document, rules.object_id, folds=rules.folds_ids)
    yield from faulty
    if not faulty:
        lookup = token_lookup(document) if rules.are_tokens else None
        changes = {"last_updated": document["last_updated"], "audience": None, "lookup": lookup, "due": None}
        yield from corrections.flaw(changes)


def _invalid(check: Callable[[], object], remedy: str) -> Iterator[Flaw]:
    """Where a document is not what it should be; the faults of a check hold no values."""
    try:
        check()
    except Invalid as invalid:
        pointers = ", ".join(fault.pointer or "/" for fault in invalid.faults[:MOST_FAULTS])
        yield Flaw(f"its document is not valid ({pointers})", remedy)


def _misplaced(record: Record, document: Any, object_id: Callable[[Any], str], *, folds: bool) -> Iterator[Flaw]:
    try:
        found = object_id(document)
    except (KeyError, TypeError):
        return  # which is not valid either
    same = found.lower() == record.key.folded_id if folds else found == record.key.id
    if not same:
        yield Flaw("is kept under another id than its document's", "restore it from a backup, or delete it by hand")


def _is_due(record: Record) -> bool:
    return record.due is not None and WIRE.fullmatch(record.due) is not None


def _is_sound_journal(record: Record) -> bool:
    collection = record.key.collection
    if collection.module == "tokens" and collection.owner != OWN:
        return not record.journal or PRECISE.fullmatch(record.journal) is not None
    return _is_journal(record.journal, record.revision)


def _is_journal(journal: str, revision: int) -> bool:
    try:
        entries = json.loads(journal) if journal else []
        return all(
            isinstance(write, int)
            and 1 <= write <= revision
            and all(isinstance(path, list) and all(isinstance(name, str) for name in path) for path in paths)
            for write, paths in entries
        )
    except (ValueError, TypeError):
        return False
