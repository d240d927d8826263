"""What becomes of pulled objects: they are written by the rules of pushed ones, many at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocpi.errors import Refused
from ocpi.faults import Invalid
from ocpi.objects.received import taking
from ocpi.pull.page import Unreadable
from ocpi.store.port import Key, TooLarge
from ocpi.store.update import Outcome, update_many

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.pull.sync import ModulePull
    from ocpi.store.port import Collection, Draft, Objects, Record
    from ocpi.store.update import Decide
    from ocpi.v2_1_1.taking_rules import TakingRules

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes objects of one module into a collection: that of the party at the other end, as bodies of 2.1.1 name no
    owner (reading A-62).

    ``since``: what was written then or later may have been pushed after the page was made, so what is older by its
    ``last_updated`` does not replace it. What was written after the page was asked for stays unless the page has
    something newer: a PATCH need not change ``last_updated``. ``settle`` is told of tokens that were stored.
    """

    objects: Objects
    rules: TakingRules
    collection: Collection
    since: str
    settle: Callable[[Record], object]

    def take(self, pull: ModulePull, values: Sequence[Any], asked: str) -> ModulePull:
        """Write the objects of a page that was asked for at the instant ``asked`` (six decimals); the pull with its
        counts. A bad object stops no other (TF-52).
        """
        items: list[tuple[Key, Decide]] = []
        positions: list[int] = []
        of_page: set[str] = set()
        before = pull.received
        pull = replace(pull, received=before + len(values))
        for position, value in enumerate(values, start=before + 1):
            try:
                items.append(self._item(value, asked, of_page))
                positions.append(position)
            except Invalid as invalid:
                pull = self._skipped(pull, value, position, invalid)
        for position, (key, _), outcome in zip(positions, items, update_many(self.objects, items), strict=True):
            match outcome:
                case Outcome():
                    pull = self._stored(pull, outcome)
                case Refused() | Invalid() | TooLarge():
                    pull = self._skipped(pull, {self.rules.id_field: key.id}, position, outcome)
                case error:
                    raise error
        return pull

    def identity(self, value: Any) -> str | None:
        """The id that stands in a value, however wrong the rest of it is; ``None`` if there is none."""
        identity = value.get(self.rules.id_field) if isinstance(value, dict) else None
        return identity if isinstance(identity, str) and identity else None

    def _item(self, value: Any, asked: str, of_page: set[str]) -> tuple[Key, Decide]:
        if isinstance(value, Unreadable):
            raise Invalid([])
        document, remarks = self.rules.check(value)
        key = Key(self.collection, self.rules.object_id(document))
        decide = taking(self.rules, key, document, remarks=remarks)
        # The second of its id in a page meets what was written for the first one, and not what was pushed.
        is_first = key.folded_id not in of_page
        of_page.add(key.folded_id)

        def unless_older(record: Record | None) -> Draft | None:
            if record is not None and record.received >= self.since and document["last_updated"] < record.last_updated:
                return None
            draft = decide(record)
            pushed = is_first and record is not None and record.received >= asked
            if pushed and record is not None and document["last_updated"] <= record.last_updated:
                return None
            return draft

        return key, unless_older

    def _stored(self, pull: ModulePull, outcome: Outcome) -> ModulePull:
        if not outcome.changed or outcome.after is None:
            return replace(pull, unchanged=pull.unchanged + 1)
        if self.rules.are_tokens:
            # If the process dies in between, the regular look at what waits finds the token.
            self.settle(outcome.after)
        return replace(pull, stored=pull.stored + 1)

    def _skipped(self, pull: ModulePull, value: Any, position: int, error: Exception) -> ModulePull:
        # The uid of a token is what opens a charge point: it goes into no report.
        identity = None if self.rules.are_tokens else self.identity(value)
        exact = pull.exact and self.identity(value) is not None
        detail = value.reason if isinstance(value, Unreadable) else _reason(error)
        return replace(pull, skipped=pull.skipped + 1, exact=exact).noted(detail, identity, position)


def _reason(error: Exception) -> str:
    return "the object is larger than the database takes" if isinstance(error, TooLarge) else str(error)
