"""The processes of ``tests/support/convergence`` take turns, also where one waits for what another one holds."""

from __future__ import annotations

from random import Random

import pytest

from tests.support.convergence.turns import Killed, Lock, Process, Turns
from tests.unit.delivery.ticking import Clock


@pytest.mark.parametrize("seed", range(5))
def test_who_waits_for_a_lock_lets_its_holder_go_on(seed: int) -> None:
    clock = Clock()
    turns = Turns(Random(seed), clock)
    lock, inside, order = Lock(turns), list[str](), list[str]()

    def work(name: str) -> None:
        with lock:
            inside.append(name)
            turns.sleep(10)
            assert inside == [name]
            inside.remove(name)
        order.append(name)

    for name in ("a", "b", "c"):
        turns.begin(name, lambda name=name: work(name))  # type: ignore[misc] # bound early
    began = clock.now
    turns.run(lambda: len(order) == 3)
    assert sorted(order) == ["a", "b", "c"]
    assert clock.now - began == 30


def test_who_dies_holds_no_lock() -> None:
    turns = Turns(Random(1), Clock())
    lock, done = Lock(turns), list[str]()

    def die() -> None:
        with lock:
            turns.die()

    def go_on() -> None:
        turns.sleep(1)
        with lock:
            done.append("went on")

    dead = turns.start(Process("dies"), die)
    turns.begin("goes on", go_on)
    turns.run(lambda: bool(done))
    assert isinstance(dead.error, Killed)
