"""``/operator/health``: whether everything that this deployment needs answers."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from ocpi import __version__
from ocpi.deployment import store
from ocpi.observability import logger
from ocpi.store.port import PartnerStatus
from ocpi.transport.operator_surface import OperatorResource, answer_json

if TYPE_CHECKING:
    from ocpi.transport.message import Answer, Call

SHOWN = tuple(status for status in PartnerStatus if status is not PartnerStatus.REGISTERING)


def get_health(call: Call) -> Answer:
    """200 when all is well, 503 when not; both with the same members."""
    del call
    health: dict[str, Any] = {
        "status": "ok",
        "version": __version__,
        "region": os.environ.get("AWS_REGION"),
        "table": "ok",
        # Pushes are not queued by this version, so there is no queue to reach and nothing undelivered.
        "queues": {},
        "oldest_undelivered_push_seconds": None,
    }
    try:
        store().ping()
        counted = Counter(partner.status for partner in store().partners.list())
        health["partners"] = {status.value: counted[status] for status in SHOWN}
    except Exception:  # noqa: BLE001 - whatever the database raises is the finding
        logger.exception("the table does not answer")
        health |= {"status": "failing", "table": "unreachable"}
    return answer_json(health, http_status=200 if health["status"] == "ok" else 503)


RESOURCES = [OperatorResource("/health", GET=get_health)]
