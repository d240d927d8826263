"""A reconciliation: a job that compares, module after module, what a partner holds of our objects with ours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ocpi import strict_json
from ocpi.jobs.job import Job, JobKind
from ocpi.store.port import Collection

RECONCILIATIONS = Collection("jobs", "reconciliations")
"""Where reconciliations are kept; the audience of one is the id of its partner."""
MOST_DIFFERENCES = 1000
MOST_POINTERS = 10
MOST_ERRORS = 20

Problem = Literal["missing", "different", "unreadable"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that the partner does not hold as we do. ``pointers`` are the first 10 JSON pointers to where it
    differs; ``delivery`` is the state of its delivery, ``None`` if there is none; ``repaired``: it was put on its way.
    """

    module: str
    object_id: str
    problem: Problem
    pointers: tuple[str, ...] = ()
    delivery: str | None = None
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class ModuleComparison:
    """How the comparison of one module goes.

    ``compared`` counts objects that the partner was asked for; each is ``same``, ``missing``, ``different``,
    ``unreadable``, or not there and ``not_expected`` to be. What is ``pending`` is on its way, and not asked for.

    ``object_ids`` are what is left of the page at hand, ``after`` is where the next one begins (``None``: there is
    none). ``proved``: the partner has shown that it answers GET here; what is found before is ``unproved``. Of
    ``to_repair`` the deliveries are to be marked next. ``failures`` counts tries of the object at hand, ``given_up``
    how many in a row were given up. ``broken_off``: the partner failed for so long that the rest is not compared.
    """

    compared: int = 0
    same: int = 0
    missing: int = 0
    different: int = 0
    unreadable: int = 0
    not_expected: int = 0
    pending: int = 0
    repaired: int = 0
    errors: tuple[str, ...] = ()
    stage: Literal["waiting", "comparing", "ended"] = "waiting"
    object_ids: tuple[str, ...] = ()
    after: str | None = None
    proved: bool = False
    unproved: tuple[Difference, ...] = ()
    to_repair: tuple[str, ...] = ()
    failures: int = 0
    given_up: int = 0
    broken_off: bool = False

    def noted(self, detail: str) -> ModuleComparison:
        """With one more error, if there is room for it."""
        return self if len(self.errors) >= MOST_ERRORS else replace(self, errors=(*self.errors, detail[:500]))

    def counted(self, **counts: int) -> ModuleComparison:
        """With some counts raised by so much."""
        return replace(self, **{name: getattr(self, name) + more for name, more in counts.items()})

    def ended(self) -> ModuleComparison:
        """Over, and without what only its going on needs."""
        return replace(self, stage="ended", object_ids=(), after=None, unproved=())


@dataclass(frozen=True, slots=True)
class Reconciliation(Job):
    """``differences`` are the first 1000. Nothing is asked before ``paused_until``, an instant with six decimals. Of
    sessions and CDRs, which grow without end, only those of ``since`` (``YYYY-MM-DDTHH:MM:SSZ``) or later are compared
    (``None``: all).
    """

    repair: bool = False
    since: str | None = None
    modules: dict[str, ModuleComparison] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    paused_until: str | None = None

    @property
    def at_hand(self) -> str | None:
        """The module that is compared now, or next; ``None``: all are through."""
        return next(
            (name for name, module in self.modules.items() if module.stage != "ended" or module.to_repair), None
        )

    def with_module(self, name: str, module: ModuleComparison) -> Reconciliation:
        """The same with another state of one module."""
        return replace(self, modules={**self.modules, name: module})

    def with_differences(self, differences: tuple[Difference, ...]) -> Reconciliation:
        """The same with more differences, as far as there is room for them."""
        return replace(self, differences=(*self.differences, *differences)[:MOST_DIFFERENCES])


def reconciliation_from(document: str) -> Reconciliation:
    """A reconciliation from what is stored of it."""
    stored = strict_json.read(document)
    modules = {name: _module(value) for name, value in stored["modules"].items()}
    return Reconciliation(**{**stored, "modules": modules, "differences": _differences(stored["differences"])})


KIND = JobKind(RECONCILIATIONS, "reconciliation", reconciliation_from)


def shown(reconciliation: Reconciliation) -> dict[str, Any]:
    """A reconciliation as the operator sees it in a list: without its differences."""
    return {
        "id": reconciliation.id,
        "state": reconciliation.state,
        "repair": reconciliation.repair,
        "since": reconciliation.since,
        "requested_at": reconciliation.requested_at,
        "started_at": reconciliation.started_at,
        "ended_at": reconciliation.ended_at,
        "error": reconciliation.error,
        "modules": {name: _shown_module(module) for name, module in reconciliation.modules.items()},
    }


def shown_in_full(reconciliation: Reconciliation) -> dict[str, Any]:
    """A reconciliation as the operator sees it."""
    differences = [
        {
            "module": each.module,
            "object_id": each.object_id,
            "problem": each.problem,
            "pointers": list(each.pointers),
            "delivery": each.delivery,
            "repaired": each.repaired,
        }
        for each in reconciliation.differences
    ]
    return {**shown(reconciliation), "differences": differences}


def _shown_module(module: ModuleComparison) -> dict[str, Any]:
    return {
        "compared": module.compared,
        "same": module.same,
        "missing": module.missing,
        "different": module.different,
        "unreadable": module.unreadable,
        "not_expected": module.not_expected,
        "pending": module.pending,
        "repaired": module.repaired,
        "errors": list(module.errors),
    }


def _module(value: dict[str, Any]) -> ModuleComparison:
    lists = {name: tuple(value[name]) for name in ("errors", "object_ids", "to_repair")}
    return ModuleComparison(**{**value, **lists, "unproved": _differences(value["unproved"])})


def _differences(values: list[dict[str, Any]]) -> tuple[Difference, ...]:
    return tuple(Difference(**{**value, "pointers": tuple(value["pointers"])}) for value in values)
