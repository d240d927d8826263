"""The worker on Pulls: goes on with a sync, page after page, for as long as it may run.

A message is ``{"sync": "<id>"}``. One that names no sync, or one that is through, changes nothing.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.commands.partner_calls import session_with
from ocpi.delivery.habits import Habits
from ocpi.deployment import partner_client, pulls, store, vault
from ocpi.objects.waiting import Waiting
from ocpi.pull.fetching import PAGE_SECONDS, Fetching
from ocpi.pull.running import Pulling
from ocpi.queues.worker import batch_handler
from ocpi.settings import settings
from ocpi.times import now_precise
from ocpi.v2_1_1.module_rules import module_rules
from ocpi.v2_1_1.taking_rules import require_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Partner

WORK_SECONDS = 230
"""Of the 300 that the function may run: what is begun then still has time for a page."""


def work_on(body: str, receipt: str) -> None:
    """Go on with the sync that a message names."""
    del receipt
    pulling = Pulling(
        store(),
        pulls(),
        fetch_from,
        require_rules,
        Waiting(store().objects, module_rules, settings().pending_session_minutes).settle,
        every=timedelta(hours=settings().pull_hours),
        now=now_precise,
        monotonic=time.monotonic,
        sleep=time.sleep,
    )
    pulling.work(strict_json.read(body)["sync"], WORK_SECONDS)


def fetch_from(partner: Partner, before_each: Callable[[], None]) -> Fetching:
    """What GETs a URL from a partner, with its token as it wants to see it."""
    session = session_with(partner, vault(), partner_client(), seconds=PAGE_SECONDS)
    session.wait_before_each(before_each)
    return Fetching(session, Habits(store().partners, partner))


handler = batch_handler(work_on)
