"""The operator API: what the operator's own systems, the command line and the console talk to."""

from __future__ import annotations

import authorization
import bulk
import commands
import deliveries
import exchanges
import health
import own_locations
import own_objects
import partners
import party
import received
import reconciliations
import syncs

from ocpi.deployment import store
from ocpi.operator_key import OperatorKeys
from ocpi.settings import settings
from ocpi.transport.failure_limit import FailureLimit
from ocpi.transport.lambda_handler import lambda_handler
from ocpi.transport.operator_surface import OperatorSurface
from ocpi.transport.routing import application

RESOURCES = [
    *health.RESOURCES,
    *party.RESOURCES,
    *partners.RESOURCES,
    *syncs.RESOURCES,
    *reconciliations.RESOURCES,
    *deliveries.RESOURCES,
    *received.RESOURCES,
    *authorization.RESOURCES,
    *commands.RESOURCES,
    *exchanges.RESOURCES,
    *bulk.RESOURCES,
    *own_locations.RESOURCES,
    *own_objects.RESOURCES,
]

keys = OperatorKeys(settings().operator_key)
failure_limit = FailureLimit(store().failures, settings().failed_authentications)

handler = lambda_handler(application(RESOURCES, OperatorSurface(keys.opens, failure_limit)))
