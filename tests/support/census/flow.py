"""What a flow is: one invocation that may die, in a house where everything else goes on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.census.house import House, Told, steady

Act = Callable[[House], Told | None]


@dataclass(frozen=True)
class Flow:
    """``place`` is what it is a flow of: ``PUT /ocpi/…``, as the function declares it, or a function and what feeds it.
    ``side`` and ``function`` say whose invocation dies: the first one after ``act`` has begun. Who is not answered, or
    with 5xx, does ``again`` what it wanted (the same, unless said otherwise), and that may be answered by one of
    ``known`` if it was carried out already. Of the kinds in ``spare`` a death may leave more behind than there is else:
    what nobody can tell apart from a second wish. Where it ``tells``, its answer must come out the same too, and so
    must what is seen besides when all is quiet (``sees``).
    """

    place: str
    name: str
    side: str
    function: str
    act: Act
    again: Act | None = None
    prepare: Callable[[House], Any] = lambda _: None
    known: tuple[int, ...] = ()
    spare: tuple[str, ...] = ()
    tells: bool = False
    sees: Callable[[House], dict[str, list[str]]] = lambda _: {}

    def __str__(self) -> str:
        return f"{self.name} ({self.side} {self.function})"

    def run(self, house: House, last: int | None = None) -> dict[str, list[str]]:
        """From the beginning until it is quiet, dying after call ``last``; what there is then."""
        house.begin()
        self.prepare(house)
        killing = house.killing[self.side]
        killing.plan(self.function, last)
        told = self.act(house)
        if killing.died:
            told = (self.again or self.act)(house)
        assert told is None or told.good or told.status in self.known, told
        house.quiet()
        answer = {"the answer": [steady(json.dumps(told.body))]} if self.tells and told is not None else {}
        return house.fingerprint() | answer | self.sees(house)

    def misses(self, wanted: dict[str, list[str]], found: dict[str, list[str]]) -> list[str]:
        """How what is there differs from what should be."""
        wrong = []
        for kind in wanted.keys() | found.keys():
            should, is_ = Counter(wanted.get(kind, ())), Counter(found.get(kind, ()))
            wrong += [f"{kind} lacks {each}" for each in should - is_]
            if kind not in self.spare:
                wrong += [f"{kind} has besides {each}" for each in is_ - should]
        return sorted(wrong)
