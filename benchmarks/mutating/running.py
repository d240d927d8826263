"""Mutants against their tests.

Warm: pytest has collected the guards once, each mutant is a fork of that process in which the function's code is
swapped, or the constant replaced, and the tests run that reach its lines, until one fails. What changes something else
at import (a default, a class), and constants that survived, is run cold: a fork without any of our modules imports
everything anew.
"""

from __future__ import annotations

import gc
import importlib
import shutil
import sys
import tempfile
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mutating import forks
from mutating.constants import Users, rebind
from mutating.parts import PACKAGE, ROOT
from mutating.swapping import Known, NotSwapped, living_functions, swap
from mutating.watching import QUIET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import CodeType

    from mutating.mutants import Mutant
    from mutating.parts import Part
    from mutating.watching import Watched

BUDGET = 15.0
"""Seconds of tests for one mutant: whoever survives these counts as a survivor."""

SURVIVED, UNREACHED, COLD = "survived", "survived: no test reaches it", "cold"
HEAVY = (
    "boto3",
    "cryptography",
    "httpx",
    "mangum",
    "moto",
    "moto.dynamodb",
    "moto.kms",
    "starlette.routing",
    "uvicorn",
)
"""Packages that a cold fork need not import again; none of them is ours."""
IMPORTED = ("-W", "ignore:Module already imported so cannot be rewritten")


class _Findings:
    """A pytest plugin: no search for the smallest example of a failure, one is enough."""

    def pytest_sessionstart(self) -> None:
        import hypothesis  # noqa: PLC0415  # pytest wants to be the first to import it

        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile(
            "mutation",
            database=None,
            deadline=None,
            derandomize=True,
            phases=phases,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutation")


class _Warm(_Findings):
    """A pytest plugin that runs mutants where pytest would run the tests."""

    def __init__(
        self, part: Part, mutants: list[Mutant], watched: Watched, seen: Callable[[Mutant, str], None]
    ) -> None:
        self._part, self._mutants, self._watched, self._seen = part, mutants, watched, seen
        self._functions: Known = {}
        self._users = Users(part)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        for file in self._part.files():
            importlib.import_module(_module(file))
        self._functions = living_functions({str(ROOT / file) for file in self._part.files()})
        gc.disable()
        gc.freeze()  # the forks share memory as long as nobody counts what is in it
        self._leave_out_what_fails_alone(session, items)
        jobs = (self._job(session, items, number) for number in range(len(self._mutants)))
        for job, said in forks.run(jobs, forks.processors()):
            self._seen(self._mutants[job.number], said)
        return True

    def _leave_out_what_fails_alone(self, session: pytest.Session, items: dict[str, pytest.Item]) -> None:
        """A test that fails by itself in a fork would kill every mutant. Those of one function are tried together
        first.
        """
        needed = {name for mutant in self._mutants for name in self._tests(mutant) if name in items}
        functions: dict[str, list[str]] = {}
        for name in sorted(needed):
            functions.setdefault(name.partition("[")[0], []).append(name)
        suspects = [name for names in _failing(session, items, functions.values()) for name in names]
        for names in _failing(session, items, [[name] for name in suspects]):
            self._watched.seconds.pop(names[0])
            print(f"left out, as it fails alone: {names[0]}", flush=True)

    def _tests(self, mutant: Mutant) -> list[str]:
        if mutant.function:
            return self._watched.tests([(mutant.file, mutant.line, mutant.last_line)], BUDGET)
        return self._watched.tests(self._users.lines(mutant), BUDGET)

    def _job(self, session: pytest.Session, items: dict[str, pytest.Item], number: int) -> forks.Job:
        mutant = self._mutants[number]
        names = self._tests(mutant)
        chosen = [items[name] for name in names if name in items]

        def work() -> str:
            if not chosen:
                return UNREACHED if mutant.function else COLD
            try:
                if mutant.function:
                    swap(mutant, str(ROOT / mutant.file), self._functions)
                else:
                    rebind(mutant, sys.modules[_module(Path(mutant.file))])
            except NotSwapped:
                return COLD
            except Exception as error:  # noqa: BLE001 - whatever the import would raise
                return f"killed at import by {type(error).__name__}"
            said = _first_failure(session, chosen)
            return COLD if said == SURVIVED and not mutant.function else said

        return forks.Job(number, work, _limit(sum(self._watched.seconds.get(name, 0.0) for name in names)))


def warm(part: Part, mutants: list[Mutant], watched: Watched, seen: Callable[[Mutant, str], None]) -> str:
    """Run all mutants; ``seen`` is told each one's end: killed, timeout, crash, survived, cold."""
    code = pytest.main([*QUIET, "--capture=no", *part.guards], plugins=[_Warm(part, mutants, watched, seen)])
    return f"pytest's exit code {int(code)}"


def cold(mutants: list[Mutant], watched: Watched, seen: Callable[[Mutant, str], None]) -> str:
    """Run mutants of what is made at import. The process must not have imported any module of ours, and should end
    afterwards: pytest does not start where its plugins have been imported without it.
    """
    for name in HEAVY:
        importlib.import_module(name)
    jobs = (_cold_job(mutant, number, watched) for number, mutant in enumerate(mutants))
    for job, said in forks.run(jobs, forks.processors()):
        seen(mutants[job.number], said)
    return f"{len(mutants)} run"


def _cold_job(mutant: Mutant, number: int, watched: Watched) -> forks.Job:
    if mutant.function:
        names = watched.tests([(mutant.file, mutant.line, mutant.last_line)], BUDGET)
    else:
        names = watched.tests_of_file(mutant.file, BUDGET)
    seconds = _limit(sum(watched.seconds[name] for name in names)) + 20

    def work() -> str:
        _import_instead(str(ROOT / mutant.file), mutant.text())
        failures = _FirstFailure()
        with tempfile.TemporaryDirectory() as folder:
            options = [*QUIET, *IMPORTED, "-x", f"--basetemp={folder}/pytest"]
            code = pytest.main([*options, *names], plugins=[failures, _Findings()])
        return failures.name or (SURVIVED if code == 0 else f"killed: pytest's exit code {int(code)}")

    return forks.Job(number, work if names else lambda: UNREACHED, seconds)


def _failing(
    session: pytest.Session, items: dict[str, pytest.Item], groups: Iterable[list[str]]
) -> Iterator[list[str]]:
    """The groups in which a test fails, each group in a fork of its own."""
    tried = list(groups)
    jobs = (
        forks.Job(number, partial(_first_failure, session, [items[name] for name in names]), 120)
        for number, names in enumerate(tried)
    )
    for job, said in forks.run(jobs, forks.processors()):
        if said != SURVIVED:
            yield tried[job.number]


class _FirstFailure:
    """A pytest plugin."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.name:
            self.name = f"killed by {report.nodeid}"


def _import_instead(path: str, text: str) -> None:
    original = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        if self.path == path:
            code: CodeType = compile(text, path, "exec", dont_inherit=True)
            return code
        return original(self, fullname)

    # setattr: mypy takes no method in a method's place, and this fork ends with the mutant
    setattr(SourceFileLoader, "get_code", get_code)  # noqa: B010


def _first_failure(session: pytest.Session, items: list[pytest.Item]) -> str:
    folder = tempfile.mkdtemp(prefix="mutant")
    factory: Any = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None:
        factory._basetemp = Path(folder)  # noqa: SLF001  # forks must not share pytest's folder of temporary files
    try:
        for item, following in zip(items, [*items[1:], None], strict=True):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                return f"killed by {item.nodeid}"
        return SURVIVED
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _limit(seconds: float) -> float:
    """An endless loop must be told from a slow machine."""
    return 20 + 8 * seconds


def _module(file: Path) -> str:
    parts = file.relative_to(Path(PACKAGE).parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
