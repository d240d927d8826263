"""Read, decide, write: how everything that depends on what is stored gets written.

Nothing is ever locked. A writer reads a record, decides what it should be, and writes it on condition that
it is still the one that was read; when another writer was faster it reads again and decides anew.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ocpi.store.port import Conflict, Draft, Key, Objects, Record, TooLarge, Write

Decide = Callable[[Record | None], Draft | None]
"""What a record (``None``: there is none yet) should become; ``None`` leaves it as it is. Called again after
every conflict, so it must have no effect of its own. What it raises ends the update, and nothing is written."""

TRIES = 30
FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.5


class Busy(Exception):
    """So many others wrote this record that no try got through. Nothing was written; trying later may succeed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The record before and after an update; ``None`` where there was, or is, none."""

    before: Record | None
    after: Record | None

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.before is not self.after


def update(objects: Objects, key: Key, decide: Decide) -> Outcome:
    """Make a record what ``decide`` says, without losing what others write at the same time.

    Raises :class:`Busy` after :data:`TRIES` conflicts, :class:`~ocpi.store.port.TooLarge`, and whatever
    ``decide`` raises.
    """
    for attempt in range(TRIES):
        if attempt:
            _pause(attempt)
        before = objects.get(key)
        draft = decide(before)
        if draft is None or _is_stored(draft, before):
            return Outcome(before, before)
        try:
            return Outcome(before, objects.put(key, draft, expected=before.revision if before else None))
        except Conflict:
            continue
    # Its id may be what is on a card, and this ends up in logs.
    raise Busy(f"an object of {key.collection} was written by others {TRIES} times in a row")


def update_many(objects: Objects, items: Sequence[tuple[Key, Decide]]) -> list[Outcome | Exception]:
    """:func:`update` for many keys, in batches. In the order of ``items``: the outcome, or what was raised.

    A key may come several times; each sees what the ones before it wrote. An error of the database itself
    (unreachable, throttled for too long) is raised: everything may be repeated then, since what was already
    written changes nothing the second time.
    """
    results: dict[int, Outcome | Exception] = {}
    for wave in _waves(items):
        results |= _update_distinct(objects, items, wave)
    return [results[index] for index in range(len(items))]


def _waves(items: Sequence[tuple[Key, Decide]]) -> list[list[int]]:
    """Indices of items in rounds: the n-th mention of a key is in the n-th round."""
    mentions: Counter[tuple[object, str]] = Counter()
    waves: defaultdict[int, list[int]] = defaultdict(list)
    for index, (key, _) in enumerate(items):
        identity = (key.collection, key.folded_id)
        waves[mentions[identity]].append(index)
        mentions[identity] += 1
    return [waves[number] for number in range(len(waves))]


def _update_distinct(
    objects: Objects, items: Sequence[tuple[Key, Decide]], indices: Sequence[int]
) -> dict[int, Outcome | Exception]:
    """One batch of distinct keys; a key that another writer took in between is redone by itself."""
    results: dict[int, Outcome | Exception] = {}
    befores: dict[int, Record | None] = {}
    writes: dict[int, Write] = {}
    for index, before in zip(indices, objects.get_many([items[index][0] for index in indices]), strict=True):
        key, decide = items[index]
        try:
            draft = decide(before)
        except Exception as error:  # noqa: BLE001 - a bad line stops no other line
            results[index] = error
            continue
        if draft is None or _is_stored(draft, before):
            results[index] = Outcome(before, before)
        else:
            befores[index] = before
            writes[index] = Write(key, draft, before.revision if before else None)
    for index, written in zip(writes, objects.put_many(list(writes.values())) if writes else [], strict=True):
        match written:
            case Record():
                results[index] = Outcome(befores[index], written)
            case Conflict():
                results[index] = _redone(objects, *items[index])
            case refusal:
                results[index] = refusal
    return results


def _redone(objects: Objects, key: Key, decide: Decide) -> Outcome | Exception:
    refusals: list[Exception] = []

    def remembering(record: Record | None) -> Draft | None:
        try:
            return decide(record)
        except Exception as error:
            refusals.append(error)
            raise

    try:
        return update(objects, key, remembering)
    except (Busy, TooLarge) as error:
        return error
    except Exception as error:
        if error in refusals:
            return error
        raise


def _is_stored(draft: Draft, record: Record | None) -> bool:
    """Equal content writes nothing: no revision, no change in the stream, no push."""
    return record is not None and _compared(draft) == _compared(record)


def _compared(content: Draft | Record) -> tuple[object, ...]:
    return (content.document, content.version, content.audience, content.lookup, content.due, content.findings)


def _pause(attempt: int) -> None:
    """Wait at random within a growing bound, so that writers who collided do not collide again."""
    time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))
