"""The worker on Reconciliations: goes on comparing what a partner holds of our objects, for as long as it may run.

A message is ``{"reconciliation": "<id>"}``. One that names none, or one that is through, changes nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.commands.partner_calls import session_with
from ocpi.delivery.habits import Habits
from ocpi.deployment import deliveries, partner_client, reconciliations, store, vault
from ocpi.jobs.working import Working
from ocpi.pull.fetching import PAGE_SECONDS, Fetching
from ocpi.queues.worker import batch_handler
from ocpi.reconciliation.looking_up import LookingUp
from ocpi.reconciliation.reconciliation import KIND
from ocpi.reconciliation.running import Reconciling
from ocpi.settings import settings
from ocpi.times import now_precise

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.client import PartnerClient
    from ocpi.store.port import Partner

WORK_SECONDS = 190
"""Of the 300 that the function may run: a step that is begun then still has the time that it takes at most."""


def work_on(body: str, receipt: str) -> None:
    """Go on with the reconciliation that a message names."""
    del receipt
    working = Working(KIND, store().objects, reconciliations(), now_precise, time.monotonic, time.sleep)
    with partner_client().keeping_connections() as client:

        def look_up_from(partner: Partner, before_each: Callable[[], None]) -> LookingUp:
            return look_up_with(client, partner, before_each)

        Reconciling(store(), deliveries(), working, look_up_from, time.time).work(
            strict_json.read(body)["reconciliation"], WORK_SECONDS
        )


def look_up_with(client: PartnerClient, partner: Partner, before_each: Callable[[], None]) -> LookingUp:
    """What asks a partner for objects of ours, with its token as it wants to see it."""
    session = session_with(partner, vault(), client, seconds=PAGE_SECONDS)
    session.wait_before_each(before_each)
    fetching = Fetching(session, Habits(store().partners, partner))
    return LookingUp(partner, (settings().country_code, settings().party_id), fetching)


handler = batch_handler(work_on)
