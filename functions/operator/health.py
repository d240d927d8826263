"""``/operator/health``: whether everything that this deployment needs answers."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from ocpi import __version__
from ocpi.delivery.backlog import oldest_undelivered
from ocpi.deployment import command_requests, command_results, deliveries, pulls, reconciliations, store
from ocpi.observability import logger
from ocpi.store.port import PartnerStatus
from ocpi.transport.operator_surface import OperatorResource, answer_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.queues.port import Queue
    from ocpi.transport.message import Answer, Call

QUEUES = {
    "CommandRequests": command_requests,
    "CommandResults": command_results,
    "Deliveries": deliveries,
    "Pulls": pulls,
    "Reconciliations": reconciliations,
}
SHOWN = tuple(status for status in PartnerStatus if status is not PartnerStatus.REGISTERING)


def get_health(call: Call) -> Answer:
    """200 when all is well, 503 when not; both with the same members."""
    del call
    health: dict[str, Any] = {
        "status": "ok",
        "version": __version__,
        "region": os.environ.get("AWS_REGION"),
        "table": "ok",
        "queues": {name: _reached(queue) for name, queue in QUEUES.items()},
        "oldest_undelivered_push_seconds": None,
    }
    try:
        store().ping()
        counted = Counter(partner.status for partner in store().partners.list())
        health["partners"] = {status.value: counted[status] for status in SHOWN}
        health["oldest_undelivered_push_seconds"] = oldest_undelivered(store(), time.time)
    except Exception:  # noqa: BLE001 - whatever the database raises is the finding
        logger.exception("the table does not answer")
        health |= {"status": "failing", "table": "unreachable"}
    if "unreachable" in health["queues"].values():
        health["status"] = "failing"
    return answer_json(health, http_status=200 if health["status"] == "ok" else 503)


def _reached(queue: Callable[[], Queue]) -> str:
    try:
        queue().depth()
    except Exception:  # noqa: BLE001 - as above
        logger.exception("a queue does not answer")
        return "unreachable"
    return "ok"


RESOURCES = [OperatorResource("/health", GET=get_health)]
