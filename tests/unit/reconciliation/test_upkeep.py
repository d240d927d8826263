"""The function upkeep and reconciliations: it starts what is due once a week, and has what died gone on with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ocpi import deployment
from ocpi.jobs.job import new_job_id, running_draft
from ocpi.objects.looks import after_minutes
from ocpi.pull.scheduling import schedule_draft, schedule_from, schedule_key
from ocpi.queues.sqlite import QueueAttributes, queues_in
from ocpi.reconciliation.reconciliation import KIND, RECONCILIATIONS, Reconciliation
from ocpi.store.port import PageQuery, Partner, PartnerChange, PartnerStatus
from ocpi.times import now_wire, parse_instant
from tests.support.upkeep import deployment_over, run_upkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ocpi.store.port import Store

LONG_AGO = "2020-01-01T00:00:00Z"
PARTNER = Partner(
    "partner-1",
    "EMSP",
    "Partner",
    PartnerStatus.REGISTERED,
    LONG_AGO,
    country_code="DE",
    party_id="ABC",
    endpoints=({"identifier": "locations", "url": "https://partner.example/locations"},),
    registered_at=LONG_AGO,
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Of a deployment with one partner, which has a schedule."""
    file, names = tmp_path / "queues.db", ("deliveries", "pulls", "reconciliations")
    queues = queues_in(file)
    for name in names:
        queues.declare(name, QueueAttributes())
        getattr(deployment, name).cache_clear()
    environ = {f"OCPI_{name.upper()}_QUEUE": f"sqlite:{file}#{name}" for name in names}
    with deployment_over(tmp_path / "ocpi.db", monkeypatch, **environ) as opened:
        opened.partners.save(PartnerChange(PARTNER, None, claim_party=True))
        run_upkeep()
        yield opened
    for name in names:
        getattr(deployment, name).cache_clear()
    queues.close()


@pytest.fixture
def messages(tmp_path: Path) -> Callable[[], list[str]]:
    """What arrived on the queue since the last time."""
    return lambda: [each.body for each in queues_in(tmp_path / "queues.db").receive("reconciliations", 10, 600)]


def test_once_a_week_a_partner_is_compared_with(store: Store, messages: Callable[[], list[str]]) -> None:
    record = store.objects.get(schedule_key(PARTNER.id))
    assert record is not None
    schedule = schedule_from(record)
    assert messages() == []
    due = replace(schedule, next={**schedule.next, "reconcile": LONG_AGO})
    store.objects.put(record.key, schedule_draft(due), expected=record.revision)
    run_upkeep()
    page = store.objects.page(PageQuery(RECONCILIATIONS, 10))
    (document,) = page.documents
    reconciliation = KIND.read(document)
    assert (reconciliation.partner, reconciliation.repair) == (PARTNER.id, False)
    assert list(reconciliation.modules) == ["locations"]
    assert messages() == [KIND.message(reconciliation.id)]
    moved = store.objects.get(record.key)
    assert moved is not None
    days = (
        parse_instant(schedule_from(moved).next["reconcile"]) - parse_instant(moved.received)
    ).total_seconds() / 86_400
    assert 5.5 < days < 8.5


def test_one_that_made_no_progress_is_put_on_its_queue_again(store: Store, messages: Callable[[], list[str]]) -> None:
    an_hour_ago = after_minutes(now_wire(), -60)
    job = Reconciliation(new_job_id(), PARTNER.id, an_hour_ago)
    store.objects.put(KIND.key(job.id), running_draft(job, an_hour_ago), expected=None)
    run_upkeep()
    assert messages() == [KIND.message(job.id)]
    run_upkeep()
    assert messages() == []
