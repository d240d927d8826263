"""The cdrs module of OCPI, in both roles."""

from __future__ import annotations

import cpo_2_1_1
import emsp_2_1_1

from ocpi.deployment import store
from ocpi.transport.lambda_handler import lambda_handler
from ocpi.transport.ocpi_surface import OcpiSurface
from ocpi.transport.routing import application

handler = lambda_handler(application([*cpo_2_1_1.RESOURCES, *emsp_2_1_1.RESOURCES], OcpiSurface(store())))
