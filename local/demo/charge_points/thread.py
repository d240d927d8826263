"""Runs the charge point system in a thread of its own for as long as the gateway serves."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from local.demo.charge_points.operator_api import OperatorApi
from local.demo.charge_points.system import ChargePointSystem
from local.operator_client import OperatorApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.operator_client import OperatorClient

POLL_SECONDS = 1.0
GRACE_SECONDS = 5.0
"""How long :meth:`ChargePointThread.stop` waits for what is under way."""

log = logging.getLogger("local.demo")


class ChargePointThread:
    """Nothing that fails ends it: it is logged, and the next look comes as if nothing had been."""

    def __init__(
        self,
        system: ChargePointSystem,
        poll_seconds: float = POLL_SECONDS,
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """``is_ending``: whether the operator API may be gone already, which is no news then."""
        self._system = system
        self._poll_seconds = poll_seconds
        self._is_ending = is_ending
        self._stopping = threading.Event()
        # A daemon: a call that hangs does not keep the process.
        self._thread = threading.Thread(target=self._run, name="demo-charge-points", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, at the latest after :data:`GRACE_SECONDS`."""
        self._stopping.set()
        self._thread.join(GRACE_SECONDS)

    def _run(self) -> None:
        while not (self._stopping.is_set() or self._is_ending()):
            try:
                self._system.step()
            except OperatorApiError as error:
                if not self._is_ending():
                    log.warning("demo: %s", error)
            except Exception:  # a demo that fails must not look like the system that failed
                log.exception("demo: the charge points failed")
            self._stopping.wait(self._poll_seconds)


def start_charge_points(
    operator: OperatorClient, meter_seconds: float, is_ending: Callable[[], bool]
) -> ChargePointThread | None:
    """The demo's charge points at work, their meters read every ``meter_seconds``; ``None`` where there are no commands
    to take. Raises :class:`OperatorApiError` if it cannot be found out.
    """
    api = OperatorApi(operator)
    if "CPO" not in api.party()["roles"] or not api.serves_commands():
        return None
    system = ChargePointSystem(api, timedelta(seconds=meter_seconds))
    thread = ChargePointThread(system, min(POLL_SECONDS, meter_seconds), is_ending)
    thread.start()
    return thread
