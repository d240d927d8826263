"""What is due by the clock. Called by a schedule; what one run leaves the next one does.

Sessions that stayed PENDING become INVALID, sessions and CDRs whose token was not known get their audience if it is
now, and commands whose messages were lost with a process are put back on their way.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ocpi.commands.command import COLLECTIONS
from ocpi.commands.upkeep import CommandUpkeep
from ocpi.deployment import command_results, store
from ocpi.objects.looks import after_minutes
from ocpi.objects.waiting import Waiting
from ocpi.observability import logger
from ocpi.settings import settings
from ocpi.store.port import Conflict, Draft
from ocpi.times import now_wire
from ocpi.v2_1_1.module_rules import module_rules

if TYPE_CHECKING:
    from ocpi.store.port import Record

BATCH = 100
FAILED_MINUTES = 30
RESERVE_MS = 10_000
"""Of its time that the function leaves unused: a batch begun in it might be cut off."""


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Look at everything that is due; returns how many objects that were, and how many of them failed."""
    del event
    looked_at = failed = 0
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
        else:
            Waiting(store().objects, module_rules, settings().pending_session_minutes).look_at(record)
    except Exception:  # noqa: BLE001 - whatever it is, the others are due as well
        logger.exception("upkeep of one object failed", collection=str(record.key.collection))
        _postpone(record)
        return False
    return True


def _postpone(record: Record) -> None:
    """One that fails is tried again later: were it due all the time, a hundred of its kind would hide all others."""
    later = after_minutes(now_wire(), FAILED_MINUTES)
    postponed = Draft(
        version=record.version,
        document=record.document,
        last_updated=record.last_updated,
        audience=record.audience,
        lookup=record.lookup,
        due=later,
        findings=record.findings,
    )
    with suppress(Conflict):  # somebody has changed it, and said when it is due
        store().objects.put(record.key, postponed, expected=record.revision)
