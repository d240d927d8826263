"""Ends one invocation of one function of a deployment at a call of it to the store, a queue, the vault or a partner.

The calls are found at the adapters' classes, which each deployment of ``tests.support.in_process`` has for itself, so
no call can go round it. What other invocations do meanwhile, as those that a partner's call back starts, is no step.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.in_process import InProcess

ADAPTERS = {
    "ocpi.store.sqlite": "SQLiteStore",
    "ocpi.store.sqlite_objects": "SQLiteObjects",
    "ocpi.store.sqlite_partners": "SQLitePartners",
    "ocpi.store.sqlite_deliveries": "SQLiteDeliveries",
    "ocpi.store.sqlite_channels": "SQLiteChannels",
    "ocpi.store.sqlite_exchanges": "SQLiteExchanges",
    "ocpi.store.sqlite_failures": "SQLiteFailures",
    "ocpi.queues.sqlite": "SQLiteQueue",
    "ocpi.vault.keyfile": "KeyFileVault",
    "ocpi.outbound.client": "PartnerClient",
}
SENDS = "_send"
"""Of the client: where a request leaves us, whatever it was called for."""
READS = frozenset(
    {"by_party", "depth", "due", "find", "get", "get_many", "grant", "list", "open", "page", "ping"}
    | {"SQLiteDeliveries.count"}
)
"""Calls that leave nothing behind: to die after one of them is to die after the call before it."""
LEFT_OUT = frozenset({"close", "keeping_connections", "may_call", "request", "signing_key"})
"""What reaches for nothing, or is read once in a process and stays."""
ANY = "any function"
CRASHED = {"statusCode": 502, "headers": {}, "body": '{"message": "Internal server error"}'}
"""What API Gateway answers for a function that crashed."""


class Killed(BaseException):
    """The invocation ends here. No ``except Exception`` sees it, as none sees the end of a process."""


class Killing:
    """Over one deployment. ``calls`` are those of the invocation that was watched last, in order."""

    def __init__(self, system: InProcess) -> None:
        self.calls: list[str] = []
        self.died, self.deaths = False, 0
        self._function: str | None = None
        self._last: int | None = None
        self._watching = False
        self._thread = threading.local()
        with system.at_work():
            for module, name in ADAPTERS.items():
                self._wrap(getattr(system.module(module), name))
        for name, handler in system.handlers.items():
            system.handlers[name] = self._guarded(name, handler)

    def plan(self, function: str | None, last: int | None = None) -> None:
        """Watch the next invocation of this function (``None``: of none), and end it after its call number ``last``,
        counted from 1; 0: before the first one; ``None``: let it live.
        """
        self._function, self._last = function, last
        self.calls, self.died = [], False

    @property
    def telling(self) -> list[int]:
        """After which calls to die so that each state which an invocation can leave behind is met: not after reads."""
        return [0, *(n for n, name in enumerate(self.calls, start=1) if not _reads(name))]

    def _wrap(self, adapter: Any) -> None:
        names = [name for name in vars(adapter) if not name.startswith("_") and name not in LEFT_OUT]
        for name in [*names, *([SENDS] if SENDS in vars(adapter) else [])]:
            method = vars(adapter)[name]
            if callable(method):
                setattr(adapter, name, self._watched(f"{adapter.__name__}.{name}", method))

    def _watched(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self._watching or getattr(self._thread, "elsewhere", False):
                return method(*args, **kwargs)
            self._end_if(self.died or self._last == 0)
            with self._elsewhere():  # what an adapter does within is no call of its own
                result = method(*args, **kwargs)
            self.calls.append(name)
            self._end_if(self._last is not None and len(self.calls) >= self._last)
            return result

        return call

    def _end_if(self, due: bool) -> None:
        if due:
            self.died = True
            raise Killed

    def _guarded(self, name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        def invoke(event: Any, context: Any) -> Any:
            if self._watching or self._function not in (name, ANY):
                with self._elsewhere():
                    return handler(event, context)
            self._function, self._watching = None, True
            try:
                result = handler(event, context)
            except Killed:
                result = None
            finally:
                self._watching = False
            if not self.died:
                return result
            self.deaths += 1
            if "httpMethod" in event:
                return CRASHED
            raise Killed

        return invoke

    @contextmanager
    def _elsewhere(self) -> Iterator[None]:
        before = getattr(self._thread, "elsewhere", False)
        self._thread.elsewhere = True
        try:
            yield
        finally:
            self._thread.elsewhere = before


def _reads(name: str) -> bool:
    return name in READS or name.partition(".")[2] in READS
