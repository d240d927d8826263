"""Comparing the objects of one module, some at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.delivery import plans
from ocpi.delivery.pacing import Paced
from ocpi.delivery.recipients import ADDRESSED, ONCE
from ocpi.objects.poisoned import readable
from ocpi.reconciliation.reconciliation import Difference
from ocpi.store.port import OWN, Collection, PageQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.reconciliation.comparing import Compared, Comparing
    from ocpi.reconciliation.finding import Finding
    from ocpi.reconciliation.reconciliation import ModuleComparison
    from ocpi.store.port import Objects, Partner

PAGE = 100
STEP_SECONDS = 20.0
"""So long objects are compared before what came of it is saved."""
UNPROVED = 5
"""So many objects in vain, and nothing that was ever read: the partner does not answer GET here."""
PAUSES = (1, 4, 30)
"""Seconds after the first failed try of an object, and so on; there is no more after the last."""
GIVEN_UP = 3
"""So many objects in a row that only bring errors: it is the partner, not the objects."""
NO_GET = (
    "this partner does not answer GET here: nothing of what was asked for could be read. If it lost all it had, send "
    'it anew: deliveries/retry with {"all": true}'
)


def next_page(
    objects: Objects, partner: Partner, name: str, module: ModuleComparison, since: str | None
) -> ModuleComparison:
    """With the ids of the next page to compare; ``since`` as in
    :class:`~ocpi.reconciliation.reconciliation.Reconciliation`.
    """
    collection = Collection(OWN, name)
    query = PageQuery(collection, limit=PAGE, after=module.after, counted=False)
    if name in ADDRESSED:
        query = _since(replace(query, audience=partner.party), name, since)
    page = objects.page(query)
    ids = readable(page.documents, lambda document: plans.object_id(name, document), collection)
    return replace(module, stage="comparing", object_ids=tuple(ids), after=page.next)


def _since(query: PageQuery, name: str, since: str | None) -> PageQuery:
    """A session is as young as its last change. A CDR never changes, and may be dated before it came to its party."""
    if since is None:
        return query
    if name in ONCE:
        return replace(query, created_from=f"{since.removesuffix('Z')}.000000Z")
    return replace(query, order="last_updated", updated_from=since)


@dataclass(frozen=True, slots=True)
class Stepped:
    """What came of a step: how the module stands, what is certain to differ, and how long to wait before the next."""

    module: ModuleComparison
    differences: tuple[Difference, ...] = ()
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class ModuleStep:
    """One step in one module. ``repair``: what differs is to be repaired. ``monotonic`` is in seconds."""

    name: str
    comparing: Comparing
    repair: bool
    monotonic: Callable[[], float]

    def run(self, module: ModuleComparison) -> Stepped:
        """Compare what is left of the page at hand, as far as that goes in the time of a step."""
        ends = self.monotonic() + STEP_SECONDS
        found: tuple[Difference, ...] = ()
        while module.object_ids and self.monotonic() < ends:
            object_id = module.object_ids[0]
            only_expected = not module.proved and module.not_expected >= UNPROVED
            try:
                compared = self.comparing.compare(self.name, object_id, only_expected=only_expected)
            except Paced:
                break
            if compared is not None and compared.finding is not None and compared.finding.problem == "passing":
                stepped = self._failed(module, compared, compared.finding)
                if stepped.pause or stepped.module.stage == "ended":
                    return replace(stepped, differences=(*found, *stepped.differences))
            else:
                stepped = self._after(replace(module, failures=0, given_up=0), object_id, compared)
            module, found = stepped.module, (*found, *stepped.differences)
            if module.stage == "ended":
                break
            module = replace(module, object_ids=module.object_ids[1:])
        return Stepped(module, found)

    def settled(self, module: ModuleComparison) -> Stepped:
        """At the end of a module: what could not be proved wrong counts as found, as there is so little of it."""
        found, module = module.unproved, replace(module, unproved=())
        return Stepped(self._to_repair(module, found), found)

    def _failed(self, module: ModuleComparison, compared: Compared, finding: Finding) -> Stepped:
        """After a try that failed in passing: another one, or the next object, or the end."""
        if module.failures < len(PAUSES):
            pause = max(float(PAUSES[module.failures]), finding.wait)
            return Stepped(replace(module, failures=module.failures + 1), pause=pause)
        module = replace(module, failures=0, given_up=module.given_up + 1)
        if not finding.answered or module.given_up >= GIVEN_UP:
            broken = replace(module.noted(f"the partner failed again and again: {finding.detail}"), broken_off=True)
            return Stepped(broken.ended(), module.unproved)
        return self._after(module.noted(finding.detail), module.object_ids[0], compared)

    def _after(self, module: ModuleComparison, object_id: str, compared: Compared | None) -> Stepped:
        if compared is None:
            return Stepped(module)
        if compared.pending:
            return Stepped(module.counted(pending=1))
        finding = compared.finding
        if finding is None:
            return Stepped(module.counted(not_expected=1))
        module = module.counted(compared=1)
        proof = finding.proof and not module.proved
        found: tuple[Difference, ...] = ()
        if proof:
            module, found = replace(self._to_repair(module, module.unproved), proved=True, unproved=()), module.unproved
        if finding.problem == "same":
            return Stepped(module.counted(same=1), found)
        if finding.problem != "different" and not compared.expected:
            return Stepped(module.counted(not_expected=1), found)
        delivery = compared.delivery
        state = str(delivery.state) if delivery is not None else None
        problem = finding.problem if finding.problem != "passing" else "unreadable"
        difference = Difference(self.name, object_id, problem, finding.pointers, state)
        module = module.counted(**{problem: 1})
        # Where it keeps a CDR the partner said itself.
        if module.proved or (finding.problem == "missing" and delivery is not None and delivery.url is not None):
            return Stepped(self._to_repair(module, (difference,)), (*found, difference))
        module = replace(module, unproved=(*module.unproved, difference))
        return Stepped(self._without_get(module) if len(module.unproved) >= UNPROVED else module, found)

    def _without_get(self, module: ModuleComparison) -> ModuleComparison:
        """The end of a module about which nothing can be known."""
        missing = sum(each.problem == "missing" for each in module.unproved)
        return module.counted(missing=-missing, unreadable=missing).noted(NO_GET).ended()

    def _to_repair(self, module: ModuleComparison, found: tuple[Difference, ...]) -> ModuleComparison:
        if not self.repair or self.name in ONCE:
            return module
        ids = tuple(each.object_id for each in found if each.problem != "unreadable")
        return replace(module, to_repair=(*module.to_repair, *ids))
