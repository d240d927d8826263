"""One logger for every function. Nothing that identifies a driver or opens a door is ever given to it:
no tokens, no card numbers, no bodies, and of paths only the route.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger

logger = Logger()
"""Structured JSON on standard output; the service name and level come from ``POWERTOOLS_*``."""
