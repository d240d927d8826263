"""A sync: a job that pulls from one partner, some modules one after the other.

It is done if something came, and failed if nothing did, or if the partner is not connected any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ocpi import strict_json
from ocpi.jobs.job import Job, JobKind
from ocpi.pull.crawl import Crawl
from ocpi.store.port import Collection, Key

if TYPE_CHECKING:
    from ocpi.store.port import Objects, Record

SYNCS = Collection("jobs", "syncs")
"""Where syncs are kept; the audience of one is the id of its partner."""
MOST_ERRORS = 20

Stage = Literal["waiting", "crawling", "removing", "ended"]


@dataclass(frozen=True, slots=True)
class ModulePull:
    """How the pull of one module goes. ``received`` objects are ``stored``, ``unchanged`` or ``skipped``; ``removed``
    counts what a complete list did not show any more. ``complete``: every page came.

    ``errors`` are at most 20, each ``{"object_id", "position", "detail"}``: which object of the list, counted from 1,
    or none. ``exact``: of every object the id is known. ``swept`` is how far the look for what is gone has come.
    ``date_from`` is what the partner is asked with; ``started_at`` has six decimals. ``failures`` counts tries of the
    page at hand.
    """

    full: bool
    date_from: str | None = None
    stage: Stage = "waiting"
    received: int = 0
    stored: int = 0
    unchanged: int = 0
    skipped: int = 0
    removed: int = 0
    complete: bool = False
    exact: bool = True
    errors: tuple[dict[str, Any], ...] = ()
    crawl: Crawl | None = None
    swept: str | None = None
    failures: int = 0
    started_at: str | None = None
    ended_at: str | None = None

    def failed(self, detail: str, *, at: str) -> ModulePull:
        """The same, ended before its time."""
        return replace(self.noted(detail), stage="ended", crawl=self.without_url, complete=False, ended_at=at)

    def noted(self, detail: str, object_id: str | None = None, position: int | None = None) -> ModulePull:
        """With one more error, if there is room for it."""
        error = {"object_id": object_id, "position": position, "detail": detail[:500]}
        return self if len(self.errors) >= MOST_ERRORS else replace(self, errors=(*self.errors, error))

    @property
    def without_url(self) -> Crawl | None:
        """The crawl without what only its going on needs."""
        return replace(self.crawl, url=None, urls=(), contents=()) if self.crawl else None

    @property
    def got_something(self) -> bool:
        """Whether any page came."""
        return self.crawl is not None and self.crawl.pages > 0


@dataclass(frozen=True, slots=True)
class Sync(Job):
    """A sync. Before ``paused_until`` (six decimals) the partner is to be left in peace."""

    paused_until: str | None = None
    modules: dict[str, ModulePull] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Where it is kept."""
        return Key(SYNCS, self.id)

    @property
    def at_hand(self) -> str | None:
        """The module that is pulled now, or next; ``None``: all are through."""
        return next((name for name, pull in self.modules.items() if pull.stage != "ended"), None)

    def with_module(self, name: str, pull: ModulePull) -> Sync:
        """The same with another state of one module."""
        return replace(self, modules={**self.modules, name: pull})


def sync_from(document: str) -> Sync:
    """A sync from what is stored of it."""
    stored = strict_json.read(document)
    return Sync(**{**stored, "modules": {name: _pull(value) for name, value in stored["modules"].items()}})


KIND = JobKind(SYNCS, "sync", sync_from)


def load_sync(objects: Objects, sync_id: str) -> tuple[Sync, Record] | None:
    """The sync of this id, with its record."""
    return KIND.load(objects, sync_id)


def shown(sync: Sync) -> dict[str, Any]:
    """A sync as the operator sees it."""
    return {
        "id": sync.id,
        "state": sync.state,
        "requested_at": sync.requested_at,
        "started_at": sync.started_at,
        "ended_at": sync.ended_at,
        "error": sync.error,
        "modules": {name: _shown(pull) for name, pull in sync.modules.items()},
    }


def _shown(pull: ModulePull) -> dict[str, Any]:
    return {
        "full": pull.full,
        "received": pull.received,
        "stored": pull.stored,
        "unchanged": pull.unchanged,
        "skipped": pull.skipped,
        "removed": pull.removed,
        "complete": pull.complete,
        "errors": list(pull.errors),
    }


def _pull(value: dict[str, Any]) -> ModulePull:
    crawl = value["crawl"]
    if crawl is not None:
        crawl = Crawl(**{**crawl, "urls": tuple(crawl["urls"]), "contents": tuple(crawl["contents"])})
    return ModulePull(**{**value, "crawl": crawl, "errors": tuple(value["errors"])})
