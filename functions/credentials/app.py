"""The credentials module of OCPI: partners register, renew and leave."""

from __future__ import annotations

import credentials_2_1_1

from ocpi.deployment import store
from ocpi.transport.lambda_handler import lambda_handler
from ocpi.transport.ocpi_surface import OcpiSurface
from ocpi.transport.routing import application

handler = lambda_handler(application(credentials_2_1_1.RESOURCES, OcpiSurface(store())))
