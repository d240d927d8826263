"""Which tests look at which line, and how long each test takes: one run of the guards under coverage."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import coverage
import pytest

from mutating.parts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mutating.parts import Part

QUIET = ("-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception")
"""Without what fails a test for a socket that another one left open: it would kill mutants that it never saw."""


@dataclass
class Watched:
    """``lines``: file, line, names of tests; ``seconds``: of each test that passes."""

    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def tests(self, places: Iterable[tuple[str, int, int]], budget: float) -> list[str]:
        """Those that reach one of these lines (file, first, last), the quick ones first, one of each function in turn,
        until their time is ``budget`` seconds; at least one.
        """
        found: set[str] = set()
        for file, first, last in places:
            lines = self.lines.get(file, {})
            found.update(test for line in range(first, last + 1) for test in lines.get(line, ()))
        return self._within(found, budget)

    def tests_of_file(self, file: str, budget: float) -> list[str]:
        """Those that reach any line, or all there are where none is known to."""
        found = {test for tests in self.lines.get(file, {}).values() for test in tests}
        return self._within(found & set(self.seconds) or set(self.seconds), budget)

    def _within(self, tests: Iterable[str], budget: float) -> list[str]:
        chosen: list[str] = []
        spent = 0.0
        for test in self._in_turn(test for test in tests if test in self.seconds):
            spent += self.seconds[test]
            if chosen and spent > budget:
                break
            chosen.append(test)
        return chosen

    def _in_turn(self, tests: Iterable[str]) -> Iterator[str]:
        functions: dict[str, list[str]] = {}
        for test in sorted(tests, key=lambda test: (self.seconds[test], test)):
            functions.setdefault(test.partition("[")[0], []).append(test)
        for turn in zip_longest(*functions.values()):
            yield from sorted((test for test in turn if test is not None), key=self.seconds.__getitem__)

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps({"lines": self.lines, "seconds": self.seconds}), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Watched:
        """What ``write`` wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        lines = {file: {int(line): tests for line, tests in known.items()} for file, known in found["lines"].items()}
        return cls(lines, found["seconds"])


class _Watcher:
    """A pytest plugin: the context of the coverage is the test's name."""

    def __init__(self, measured: Any) -> None:
        self._measured = measured
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._measured.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed or (report.when == "call" and report.skipped):
            self.failed.add(report.nodeid)


def watch(part: Part, kept: Path) -> str:
    """Run the guards once and keep what was seen; gives a line that says how it went. Ends the process's imports clean:
    call it in a fork.
    """
    files = [str(ROOT / file) for file in part.files()]
    measured = coverage.Coverage(data_file=None, config_file=False, branch=False, include=files)
    watcher = _Watcher(measured)
    measured.start()
    code = pytest.main([*QUIET, *part.guards], plugins=[watcher])
    measured.stop()
    data = measured.get_data()
    watched = Watched()
    for file in part.files():
        seen = data.contexts_by_lineno(str(ROOT / file))
        watched.lines[str(file)] = {line: sorted(filter(None, tests)) for line, tests in seen.items()}
    watched.seconds = {test: spent for test, spent in watcher.seconds.items() if test not in watcher.failed}
    watched.write(kept)
    return (
        f"{len(watched.seconds)} tests pass, {len(watcher.failed)} fail or are skipped (pytest's exit code {int(code)})"
    )
