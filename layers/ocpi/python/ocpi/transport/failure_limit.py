"""The limit on failed authentication, for each source of requests.

It comes after authentication: whoever shows a token that opens is let in, however often others behind the same address
failed, so that nobody locks a neighbour out. What it bounds is what failures cost and how much of the logs they fill;
that nobody guesses a token is the work of its 256 random bits. A request that is let in costs nothing here. A failure
costs one write, at most ``most`` in a window; then each process that hears of it needs one refused write to know, and
remembers it until the window ends.
"""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING

from ocpi.errors import TooManyFailures
from ocpi.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.failures import Failures

WINDOW_SECONDS = 60
MOST_REMEMBERED = 1_000
"""Sources over their limit that a process remembers; of any more it asks the store again."""
NAMESPACE, METRIC = "ServerlessOCPI", "SourcesOverFailureLimit"
IPV6_NETWORK = 64
"""Bits: what one subscriber has at least (RFC 6177), and may choose addresses from as it likes."""


class FailureLimit:
    """Counts failures in the store. ``most``: how many of them a source has in a window; 0: any number, uncounted."""

    def __init__(self, failures: Failures, most: int, *, clock: Callable[[], float] = time.time) -> None:
        self._failures = failures
        self._most = most
        self._clock = clock
        self._over: dict[str, int] = {}

    def count(self, address: str) -> None:
        """Count a failure of the caller at an IP address; raises :class:`TooManyFailures` if it has had its share."""
        if self._most == 0:
            return
        source, now = source_of(address), self._clock()
        until = (int(now) // WINDOW_SECONDS + 1) * WINDOW_SECONDS
        if self._over.get(source) != until:
            if self._counted(source, until):
                return
            self._remember(source, until)
        raise TooManyFailures("too many failed attempts from your address; try again later", math.ceil(until - now))

    def _counted(self, source: str, until: int) -> bool:
        try:
            return self._failures.count(source, until, most=self._most)
        except Exception as error:  # noqa: BLE001 - a failed attempt stays one, whatever the database does
            logger.error("a failed authentication was not counted", reason=type(error).__name__)
            return True

    def _remember(self, source: str, until: int) -> None:
        if len(self._over) >= MOST_REMEMBERED:
            self._over.clear()
        self._over[source] = until
        logger.warning("too many failed authentications", source=source, most=self._most)
        _note_metric()


def source_of(address: str) -> str:
    """What an address is counted under: itself if it is IPv4, in whichever form, and its /64 if it is IPv6."""
    import ipaddress  # noqa: PLC0415 - most requests are let in

    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((int(parsed), IPV6_NETWORK), strict=False))
        return str(parsed.ipv4_mapped)
    return str(parsed)


def _note_metric() -> None:
    """A line in CloudWatch's embedded metric format, which costs no call."""
    if os.environ.get("POWERTOOLS_METRICS_DISABLED") == "true":
        return
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # noqa: PLC0415 - only under attack

    of_service = {"service": os.environ.get("POWERTOOLS_SERVICE_NAME", "ocpi")}
    with single_metric(METRIC, MetricUnit.Count, 1, namespace=NAMESPACE, default_dimensions=of_service):
        pass
