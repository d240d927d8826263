"""What is due by the clock. Called by a schedule; what one run leaves the next one does.

Sessions that stayed PENDING become INVALID, sessions and CDRs whose token was not known get their audience if it is
now, commands whose messages were lost with a process are put back on their way, partners are pulled from, and what
they hold is compared with what there is.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ocpi.commands.command import COLLECTIONS
from ocpi.commands.upkeep import CommandUpkeep
from ocpi.delivery.sweeping import HOURLY, WEEKLY, sweep
from ocpi.delivery.upkeep import DeliveryUpkeep
from ocpi.deployment import command_results, deliveries, pulls, reconciliations, store
from ocpi.jobs.upkeep import JobUpkeep
from ocpi.objects.looks import after_minutes
from ocpi.objects.waiting import Waiting
from ocpi.observability import logger
from ocpi.pull.scheduling import SCHEDULES
from ocpi.pull.starting import Starting
from ocpi.pull.sync import SYNCS
from ocpi.pull.upkeep import Errand, PullUpkeep
from ocpi.reconciliation.reconciliation import KIND, RECONCILIATIONS, Reconciliation
from ocpi.reconciliation.starting import Starting as ReconciliationStarting
from ocpi.settings import settings
from ocpi.store.port import Conflict
from ocpi.times import now_precise, now_wire
from ocpi.v2_1_1.module_rules import module_rules

if TYPE_CHECKING:
    from ocpi.store.port import Record

BATCH = 100
FAILED_MINUTES = 30
RESERVE_MS = 10_000
"""Of its time that the function leaves unused: a batch begun in it might be cut off."""


ERRANDS: dict[str, Errand] = {
    "sweep": Errand(HOURLY, lambda partner: sweep(store(), deliveries(), partner, time.time, full=False)),
    "full_sweep": Errand(WEEKLY, lambda partner: sweep(store(), deliveries(), partner, time.time, full=True)),
    "reconcile": Errand(WEEKLY, lambda partner: _reconciliation_starting().by_schedule(partner)),
}
"""What else is done about each partner regularly, by name."""


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Look at everything that is due; returns how many objects that were, and how many of them failed."""
    del event
    looked_at, failed = 0, _pull_upkeep().attend() + _wake_deliveries()
    while context.get_remaining_time_in_millis() > RESERVE_MS:
        due = store().objects.due(now_wire(), BATCH)
        done = [_look_at(record) for record in due]
        looked_at, failed = looked_at + len(done), failed + done.count(False)
        if len(due) < BATCH:
            break
    logger.info("upkeep", objects=looked_at, failed=failed)
    return {"objects": looked_at, "failed": failed}


def _look_at(record: Record) -> bool:
    """See to one object; whether that went well. One that fails does not keep the others waiting."""
    try:
        if record.key.collection in COLLECTIONS.values():
            CommandUpkeep(store().objects, command_results()).look_at(record)
        elif record.key.collection == SCHEDULES:
            _pull_upkeep().look_at_schedule(record)
        elif record.key.collection == SYNCS:
            _pull_upkeep().look_at_sync(record)
        elif record.key.collection == RECONCILIATIONS:
            _reconciliation_upkeep().look_at(record)
        else:
            Waiting(store().objects, module_rules, settings().pending_session_minutes).look_at(record)
    except Exception:  # noqa: BLE001 - whatever it is, the others are due as well
        logger.exception("upkeep of one object failed", collection=str(record.key.collection))
        _postpone(record)
        return False
    return True


def _wake_deliveries() -> int:
    """How much of it failed."""
    try:
        return DeliveryUpkeep(store(), deliveries(), time.time).wake()
    except Exception:  # noqa: BLE001 - whatever it is, the objects are due as well
        logger.exception("upkeep of deliveries failed")
        return 1


def _pull_upkeep() -> PullUpkeep:
    every = timedelta(hours=settings().pull_hours)
    return PullUpkeep(store(), Starting(store().objects, pulls, every, now_precise), ERRANDS, now_precise)


def _reconciliation_upkeep() -> JobUpkeep[Reconciliation]:
    return JobUpkeep(KIND, store().objects, reconciliations, now_precise)


def _reconciliation_starting() -> ReconciliationStarting:
    return ReconciliationStarting(store().objects, _reconciliation_upkeep(), now_precise)


def _postpone(record: Record) -> None:
    """One that fails is tried again later: were it due all the time, a hundred of its kind would hide all others."""
    postponed = record.draft(due=after_minutes(now_wire(), FAILED_MINUTES))
    with suppress(Conflict):  # somebody has changed it, and said when it is due
        store().objects.put(record.key, postponed, expected=record.revision)
