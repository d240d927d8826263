"""Upkeep without waiting for its schedule: the function itself, called once over a store of a test."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from local.context import LambdaContext
from local.functions import load
from ocpi.deployment import deliveries, pulls, store
from ocpi.queues.sqlite import queues_in
from ocpi.settings import settings
from tests.support.gateway import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from ocpi.store.port import Store


@contextmanager
def deployment_over(file: Path, monkeypatch: pytest.MonkeyPatch, **environ: str) -> Iterator[Store]:
    """Make this process a deployment whose objects are in an SQLite file; its store."""
    queues = file.parent / "queues.db"
    told = {
        "OCPI_COUNTRY_CODE": "NL",
        "OCPI_PARTY_ID": "EXA",
        "OCPI_STORE": f"sqlite:{file}",
        "OCPI_VAULT": f"keyfile:{file.parent / 'vault'}",
        "OCPI_DELIVERIES_QUEUE": f"sqlite:{queues}#Deliveries",
        "OCPI_PULLS_QUEUE": f"sqlite:{queues}#Pulls",
        **environ,
    }
    with monkeypatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        _forget()
        yield store()
        store().close()  # type: ignore[attr-defined] # the adapter has it, the port does not
        queues_in(queues).close()
        _forget()


def _forget() -> None:
    """What this process knows of the deployment that it was."""
    for part in (settings, store, deliveries, pulls):
        part.cache_clear()


def run_upkeep(*, seconds: float = 60) -> int:
    """Run the function with so much time; how many objects it looked at. None of them may fail."""
    handler = load(ROOT / "functions" / "upkeep", "app.handler")
    told: dict[str, int] = handler({}, LambdaContext("upkeep", 1024, seconds))
    assert told["failed"] == 0
    return told["objects"]


def let_time_pass(file: Path, object_id: str | None = None) -> None:
    """Make own objects (or one) as old as if they had been written a year ago; what is due some day is due now."""
    which, values = ("", ()) if object_id is None else (" AND id = ?", (object_id,))
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(
            "UPDATE objects SET created = replace(created, substr(created, 1, 4), substr(created, 1, 4) - 1),"  # noqa: S608 - of constants
            " due = CASE WHEN due IS NULL THEN NULL ELSE '2020-01-01T00:00:00Z' END"
            f" WHERE collection LIKE 'own/%'{which}",
            values,
        )
