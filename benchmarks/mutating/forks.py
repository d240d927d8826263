"""Work in forked processes, several at a time, each with its own time limit."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MEMORY = 3 << 30
"""Bytes of address space that a child may take: a mutant may collect without end."""


@dataclass(frozen=True)
class Job:
    """``work`` runs in the child and gives one line; ``seconds`` is when the child is killed."""

    number: int
    work: Callable[[], str]
    seconds: float


@dataclass
class _Child:
    job: Job
    process: int
    pipe: int
    deadline: float
    said: bytes = b""


def run(jobs: Iterable[Job], workers: int) -> Iterator[tuple[Job, str]]:
    """Each job with its line, in the order in which they end; ``timeout`` or ``crash`` where there is none."""
    waiting = iter(jobs)
    with selectors.DefaultSelector() as selector:
        while True:
            while len(selector.get_map()) < workers and (job := next(waiting, None)) is not None:
                child = _started(job)
                selector.register(child.pipe, selectors.EVENT_READ, child)
            if not selector.get_map():
                return
            yield from _step(selector)


def _step(selector: selectors.BaseSelector) -> Iterator[tuple[Job, str]]:
    children: list[_Child] = [key.data for key in selector.get_map().values()]
    nearest = min(child.deadline for child in children) - time.monotonic()
    for key, _ in selector.select(max(0.0, nearest)):
        child: _Child = key.data
        if part := os.read(child.pipe, 65536):
            child.said += part
        else:
            yield _ended(selector, child, child.said.decode() or "crash")
    late = [child for child in children if child.deadline < time.monotonic() and child.pipe in selector.get_map()]
    for child in late:
        yield _ended(selector, child, child.said.decode() or "timeout")


def _started(job: Job) -> _Child:
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        _work(job, writing)
    os.close(writing)
    return _Child(job, process, reading, time.monotonic() + job.seconds)


def _work(job: Job, writing: int) -> None:
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        if not (log := os.environ.get("MUTATION_LOG")):
            log = os.devnull
        silent = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        said = job.work()
    except BaseException:  # noqa: BLE001  # a mutant may raise anything, and the child must end here whatever it is
        traceback.print_exc()
        said = "crash: an exception outside of any test"
    os.write(writing, said.encode() or b"crash")
    os._exit(0)


def _ended(selector: selectors.BaseSelector, child: _Child, said: str) -> tuple[Job, str]:
    selector.unregister(child.pipe)
    os.close(child.pipe)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.process, signal.SIGKILL)  # with what the tests started
    os.waitpid(child.process, 0)
    return child.job, said


def processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if Path("/proc").exists() else os.cpu_count() or 1
