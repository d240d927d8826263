"""Runs the acts, each world in a process of its own, since a process is one deployment."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from costing.model import MORE_TOKENS, ROOT, SWEPT, Measured, read_shape
from costing.system import running_system
from costing.tally import Tally
from costing.world import World
from local.environment import local_environment
from local.template import read_template
from tests.support.ministack import running_ministack

if TYPE_CHECKING:
    from collections.abc import Callable

FEW, MANY = 8, 40
"""Locations."""
CHANGED = 2
"""Tokens that a pull finds: what a quarter of a day brings, and was pushed already."""
TOKENS = CHANGED + MORE_TOKENS
"""That a partner lists at first."""
LOOKS_BACK_SECONDS = 4 * 3600.0
"""Of an hourly sweep."""


@dataclass(frozen=True)
class Job:
    """A world with so many partners, in which each act is done so many times. ``grows``: from :data:`FEW` locations to
    :data:`MANY`, to see what these cost. ``locations``: how many otherwise.
    """

    partners: int
    times: int
    grows: bool = False
    locations: int = FEW
    only: tuple[str, ...] = ()

    def run(self) -> dict[str, Tally]:
        """In a process of its own."""
        command = [sys.executable, str(ROOT / "benchmarks" / "cost.py"), "--world", json.dumps(vars(self))]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return {
            name: Tally({tuple(key.split("|")): amount for key, amount in tally.items()})
            for name, tally in json.loads(done.stdout.splitlines()[-1]).items()
        }


def run_here(told: str) -> str:
    """The other end of :meth:`Job.run`."""
    told_job = json.loads(told)
    job = Job(**{**told_job, "only": tuple(told_job["only"])})
    with running_ministack() as endpoint, running_system(endpoint) as system:
        world = World(system)
        world.open_locations(job.locations)
        world.welcome(job.partners, TOKENS)
        system.partners.hold_tokens(TOKENS, CHANGED)
        _grow(world) if job.grows else None
        _acts(world, job)
    return json.dumps({name: {"|".join(key): n for key, n in act.items()} for name, act in world.acts.items()})


def _grow(world: World) -> None:
    lists: dict[str, Callable[[], object]] = {
        "sweep full": lambda: world.sweep(full=True),
        "reconcile": world.reconcile,
        "poll": world.poll,
    }
    for size in ("few", "many"):
        for name, act in lists.items():
            world.measure(f"{name} {size}", act, 1)
        if size == "few":
            world.open_locations(MANY)


def _acts(world: World, job: Job) -> None:
    acts: dict[str, Callable[[], object]] = {
        "status": world.change_status,
        "session start": world.start_session,
        "session update": world.update_session,
        "session stop": world.stop_session,
        "cdr": world.bill_session,
        "authorize": world.authorize,
        "authorize in real time": lambda: world.authorize(16),
        "command": world.answer_command,
        "token": world.push_token,
        "poll nothing": lambda: world.poll(since_now=True),
        "pull": world.pull,
        "upkeep": world.upkeep,
    }
    for name, act in acts.items():
        if not job.only or name in job.only:
            # A minute in twenty or so does more than the others.
            world.measure(name, act, job.times if name != "upkeep" else 4 * job.times)
    if job.only:
        return
    world.system.partners.hold_tokens(TOKENS, CHANGED + MORE_TOKENS)
    world.measure("pull many", world.pull, min(job.times, 5))
    _sweeps(world, job)


def _sweeps(world: World, job: Job) -> None:
    """Over what was written since a moment: the sweep is told that it is four hours later than that."""
    written: dict[str, Callable[[], object]] = {
        "sweep nothing": lambda: None,
        "sweep locations": world.change_status,
        "sweep sessions": world.start_session,
    }
    for name, write in written.items():
        # Timestamps have whole seconds.
        time.sleep(1.1)
        marked = time.time()
        time.sleep(1.1)
        for _ in range(SWEPT * (len(world.partners) if name == "sweep sessions" else 1)):
            write()
            world.system.settle()
        world.measure(name, lambda at=marked: world.sweep(full=False, at=at + LOOKS_BACK_SECONDS), min(job.times, 3))  # type: ignore[misc] # bound early


def measure(*, quick: bool) -> tuple[Measured, dict[str, dict[str, Tally]]]:
    """Everything; and, unless ``quick``, worlds of other sizes by name, to check with that what is in between and
    beyond lies on a line.
    """
    times = 1 if quick else 4
    jobs = {"1": Job(1, times, grows=True), "5": Job(5, times)}
    if not quick:
        some = ("status", "session start", "poll nothing", "upkeep")
        jobs["20 partners"] = Job(20, 2, only=some)
        jobs["787 locations"] = Job(5, 2, locations=787, only=some)
    with ThreadPoolExecutor(2) as two:
        found = dict(zip(jobs, two.map(Job.run, jobs.values()), strict=True))
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    acts = {int(name): found.pop(name) for name in ("1", "5")}
    return Measured(acts, init_times(quick=quick), (FEW, MANY), read_shape(template)), found


def init_times(*, quick: bool) -> dict[str, float]:
    """Processor milliseconds that loading each function takes in a fresh process, the least of three; ``quick``: that
    of the operator API, which loads the most, for all of them.
    """
    template = read_template(ROOT / "template.yaml", {})
    anywhere = local_environment(Path(tempfile.gettempdir()), 1, {}) | {"OCPI_STORE": "dynamodb:table"}
    found: dict[str, float] = {}
    for function in sorted(template.functions, key=lambda each: each.name != "OperatorFunction"):
        own = {name: value for name, value in function.environment.items() if isinstance(value, str)}
        told = {
            "folder": str(function.folder),
            "handler": function.handler,
            "layers": [str(layer) for layer in template.layers if layer.is_dir()],
            "environment": own | anywhere,
        }
        known = found.get("OperatorFunction") if quick else None
        found[function.name] = known or min(_loading(json.dumps(told)) for _ in range(3))
    return found


def _loading(told: str) -> float:
    command = [sys.executable, str(Path(__file__).with_name("loading.py")), told]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
