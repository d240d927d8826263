"""Kills a flow at its n-th step, where a step is any call to the store, the vault or a partner.

for killer in every_step():
    with killer:
        flow(killer.around(partners), killer.around(client))
    ...what must hold now, whether the flow ended or died...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

When = Literal["before", "after"]


class Killed(BaseException):
    """The process ends here. No ``except Exception`` sees it, as none sees the end of a process."""


class Killer:
    """Raises :class:`Killed` ``before`` the n-th call is carried out, or ``after`` it, its answer lost."""

    def __init__(self, n: int, when: When) -> None:
        self._n, self._when = n, when
        self._calls = 0
        self.died = False

    def around(self, part: Any) -> Any:
        """The same part of the system, every call to it a step."""
        return _Watched(self, part)

    def call(self, method: Any, args: Any, kwargs: Any) -> Any:
        self._calls += 1
        due = self._calls == self._n
        if due and self._when == "before":
            raise Killed
        answer = method(*args, **kwargs)
        if due:
            raise Killed
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.died = kind is Killed
        return self.died


class _Watched:
    def __init__(self, killer: Killer, part: Any) -> None:
        self._killer, self._part = killer, part

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        return lambda *args, **kwargs: self._killer.call(method, args, kwargs)


def every_step(when: When) -> Iterator[Killer]:
    """A killer for the first step, for the second, and so on; the last one is one that the flow outlived."""
    n, died = 0, True
    while died:
        n += 1
        killer = Killer(n, when)
        yield killer
        died = killer.died
    assert n > 2, "the flow took no steps: it was not watched"
