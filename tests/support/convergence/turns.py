"""Processes that take turns, so that a seed decides in which order everything happens.

Each process is a thread, but only one ever runs: it goes on until it comes to a step, and there another one may go on
in its place. Time passes only while all of them sleep.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.unit.delivery.ticking import Clock

HANDS_OVER = 0.15
"""How often a step is the end of a turn."""


class Killed(BaseException):
    """The process ends here. No ``except Exception`` sees it, as none sees the end of a process."""


@dataclass
class Process:
    """What dies at once, with all its threads."""

    name: str
    dead: bool = False


@dataclass
class Task:
    """One thread of a process; ``alarm`` says when it may go on, as far as is known now."""

    process: Process
    alarm: Callable[[], float] = lambda: 0.0
    waits_for: Task | None = None
    done: bool = False
    value: Any = None
    error: BaseException | None = None
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


def _now() -> float:
    return 0.0


class Turns:
    """Whose turn it is. ``errors`` are what processes failed with."""

    def __init__(self, random: Random, clock: Clock) -> None:
        self._random, self._clock = random, clock
        self._tasks: list[Task] = []
        self._back = threading.Semaphore(0)
        self._here = threading.local()
        self.errors: list[BaseException] = []

    def start(self, process: Process, work: Callable[[], Any]) -> Task:
        """A further thread of a process."""
        task = Task(process)

        def run() -> None:
            self._here.task = task
            task.go.acquire()
            try:
                self._check(task)
                task.value = work()
            except BaseException as error:  # noqa: BLE001 - handed to who waits for it
                task.error = error
            task.done = True
            self._back.release()

        threading.Thread(target=run, daemon=True).start()
        self._tasks.append(task)
        return task

    def begin(self, name: str, work: Callable[[], Any]) -> Process:
        """A process of one thread."""
        process = Process(name)

        def guarded() -> None:
            try:
                work()
            except Exception as error:
                self.errors.append(error)
                raise

        self.start(process, guarded)
        return process

    def run(self, until: Callable[[], bool]) -> None:
        """Give turns until then; raises what a process failed with."""
        while not until() and self._turn():
            if self.errors:
                raise self.errors[0]

    def end(self) -> None:
        """Kill all processes."""
        for task in self._tasks:
            task.process.dead = True
            task.alarm = _now
        while self._turn():
            pass

    @property
    def process(self) -> Process:
        """The one whose turn it is."""
        task: Task = self._here.task
        return task.process

    def step(self) -> None:
        """Another process may go on here."""
        task = self._here.task
        self._check(task)
        if self._random.random() < HANDS_OVER:
            self._hand_over(task)

    def sleep(self, seconds: float) -> None:
        """Others go on meanwhile."""
        until = self._clock.now + seconds
        self.sleep_until(lambda: until)

    def sleep_until(self, alarm: Callable[[], float]) -> None:
        """Until a time that others may bring forward or put off."""
        task = self._here.task
        self._check(task)
        task.alarm = alarm
        self._hand_over(task)

    def wait(self, other: Task) -> Any:
        """Until another thread has ended; what it gives."""
        task = self._here.task
        if not other.done:
            task.waits_for = other
            self._hand_over(task)
        return other.result()

    def die(self) -> None:
        """The process whose turn it is ends."""
        self.process.dead = True
        raise Killed

    def _check(self, task: Task) -> None:
        if task.process.dead:
            raise Killed

    def _hand_over(self, task: Task) -> None:
        self._back.release()
        task.go.acquire()
        task.waits_for, task.alarm = None, _now
        self._check(task)

    def _turn(self) -> bool:
        """One turn of one thread; ``False``: none is left."""
        if not self._tasks:
            return False
        waiting = [task for task in self._tasks if task.waits_for is None or task.waits_for.done]
        alarms = [task.alarm() for task in waiting]
        ready = [task for task, alarm in zip(waiting, alarms, strict=True) if alarm <= self._clock.now]
        if not ready:
            self._clock.now = min(alarms)
            return True
        task = self._random.choice(ready)
        task.go.release()
        self._back.acquire()
        if task.done:
            self._tasks.remove(task)
        return True


class Pool:
    """Stands for a ``ThreadPoolExecutor``."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._tasks: list[Task] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for task in self._tasks:
                self._turns.wait(task)

    def submit(self, work: Callable[[], Any]) -> _Future:
        self._tasks.append(self._turns.start(self._turns.process, work))
        return _Future(self._turns, self._tasks[-1])


class Lock:
    """Stands for a ``threading.Lock`` that is held over steps: who waits for it lets others go on."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._held = False

    def __enter__(self) -> None:
        if self._held:
            self._turns.sleep_until(lambda: math.inf if self._held else _now())
        self._held = True

    def __exit__(self, *_: object) -> None:
        self._held = False


@dataclass(frozen=True)
class _Future:
    turns: Turns
    task: Task

    def result(self) -> Any:
        return self.turns.wait(self.task)
