"""From API Gateway event to response: what our answers cost, beside a handler that joins strings, and the alternative.

    python benchmarks/read_path.py [--json FILE] [--quick] [--alternative [PYTHON]]

Each contestant is a process of its own and answers the same events: a page of 10, 50, 200 and 1,000 locations of 3 kB,
one location, and a token that is pushed. They take turns, a few requests each, so that whatever else the machine does
meets all of them; what counts is CPU time, of which the medians are shown. Ours are the handlers of ``functions/``
over SQLite and over DynamoDB. The latter is not there: requests get canned bytes at the last step before the network,
so what a store call costs is what boto3 and our adapter cost. Shown besides are the answer without the store's own call
for the page or object, timed alone, and what is ours alone: the same over a store whose answers lie ready.

``--alternative`` puts ``extrawest-ocpi``, the one package on PyPI that serves OCPI 2.1.1 from Python, behind Mangum in
an environment made for it, or in the one of an interpreter that has both. Its store is a dictionary, it keeps no log of
exchanges, and its tokens are a list: all of these are to its advantage. It is left out where no index is reached.

What it does not show: waiting for DynamoDB, cold starts, and what Lambda itself does with the answer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from read_path_requests import SIZES
from report import Curve, Figure, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HERE = Path(__file__).parent
PACKAGES = ("extrawest-ocpi==2025.7.16", "mangum>=0.19")
INSTALL = ""
"""In place of an interpreter: make an environment."""
STORES = ("sqlite", "dynamodb")
INSTANT = "instant"
"""A store whose answers lie ready."""
REQUESTS = {"list 50": "50 locations of 3 kB", "object": "one location of 3 kB", "token": "a token that is pushed"}
PERIODS = (1250, 5000)
TURN_MS = 15.0
"""How much of one case is measured before another one is."""
MOST_MS, FEWEST = 1500.0, 3
"""How much in all turns, but for the fewest that there must be."""


class Contestant:
    """A process that answers requests."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)
        assert self._process.stdin  # noqa: S101 - for the type checker
        assert self._process.stdout  # noqa: S101 - as above
        self._in, self._out = self._process.stdin, self._process.stdout
        line = self._out.readline()
        if not line:
            raise SystemExit(f"{name} did not start: python {' '.join(command[1:])} says why")
        self.cases: list[str] = json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._in.close()
        self._process.wait()
        self._out.close()

    def median(self, case: str, repeats: int) -> float:
        """Milliseconds of CPU."""
        print(json.dumps([case, repeats]), file=self._in, flush=True)
        return float(json.loads(self._out.readline()))


@dataclass(frozen=True)
class Medians:
    """Milliseconds of CPU by contestant and case."""

    of: Mapping[tuple[str, str], float]

    def beyond(self, store: str, request: str) -> float:
        """What an answer costs beyond the store's own call."""
        return self.of[store, request] - self.of[store, f"store call of {request}"]


def measure(contestants: Iterable[Contestant], rounds: int) -> Medians:
    """All cases of all contestants, in turns."""
    times: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    repeats: dict[tuple[str, str], int] = {}
    everything = [(contestant, case) for contestant in contestants for case in contestant.cases]
    for contestant, case in everything:
        took = max(contestant.median(case, 1), 0.01)
        repeats[contestant.name, case] = max(1, min(30, round(TURN_MS / took)))
    for _ in range(rounds):
        for contestant, case in everything:
            place = contestant.name, case
            if sum(times[place]) > MOST_MS and len(times[place]) >= FEWEST:
                continue
            times[place].append(contestant.median(case, repeats[place]))
    return Medians({place: statistics.median(each) for place, each in times.items()})


def figures(medians: Medians, rival: str | None) -> list[Figure]:
    """What is reported of the medians."""
    found = []
    for request, title in REQUESTS.items():
        for store in STORES:
            found += _of_request(medians, store, request, title, rival)
        if rival:
            found.append(Figure(f"{title}: the alternative", medians.of[rival, request], "ms CPU"))
    for request, title in REQUESTS.items():
        bare = medians.of[INSTANT, f"bare {request}"]
        ours = medians.of[INSTANT, request] - bare
        name = f"{title}: ours alone, beyond the bare handler"
        found.append(Figure(name, ours, "ms CPU", ours / bare, "bare handler", "within 0.5 ms"))
    for store in STORES:
        found += _of_long_sessions(medians, store)
    return found


def _of_request(medians: Medians, store: str, request: str, title: str, rival: str | None) -> list[Figure]:
    name = f"{title}, {store}"
    own = medians.of[store, request]
    bare = medians.of[store, f"bare {request}"]
    beyond_page = medians.beyond(store, request)
    against = f"the alternative: {title}" if rival else None
    return [
        Figure(
            name,
            own,
            "ms CPU",
            ratio=own / medians.of[rival, request] if rival else None,
            baseline=against,
            aim="at most 0.2 times the alternative" if rival and request == "list 50" else None,
        ),
        Figure(
            f"{name}: beyond the store's own call",
            beyond_page,
            "ms CPU",
            beyond_page / bare,
            "bare handler",
            "at most 2.5 ms",
        ),
    ]


def _of_long_sessions(medians: Medians, store: str) -> list[Figure]:
    few, many = PERIODS
    return [
        Figure(
            f"{method} of a session of {many:,} charging periods, {store}",
            medians.of[store, f"{method} session {many}"],
            "ms CPU",
            medians.of[store, f"{method} session {many}"] / medians.of[store, f"{method} session {few}"],
            f"{few:,} charging periods",
            "at most as many times as there are periods: 4",
        )
        for method in ("PUT", "GET")
    ]


def page_curve(medians: Medians, rival: str | None) -> Curve:
    """How the cost of a page grows with the page."""
    series = {
        f"ours over {store}": [(float(size), medians.of[store, f"list {size}"]) for size in SIZES] for store in STORES
    }
    series["a handler that joins strings"] = [
        (float(size), medians.of["sqlite", f"bare list {size}"]) for size in SIZES
    ]
    if rival:
        series[rival] = [(float(size), medians.of[rival, f"list {size}"]) for size in SIZES]
    return Curve("CPU of a page of locations of 3 kB", "locations", "ms CPU", series, "log", "log")


def install(folder: Path) -> str | None:
    """The interpreter of a new environment with the alternative in it; ``None`` where it cannot be installed."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], capture_output=True, check=False)
    return python if done.returncode == 0 else None


def run(rounds: int, alternative: str | None = None) -> Report:
    """Measure everything; ``alternative`` is the interpreter that has it, or :data:`INSTALL`."""
    notes = ["DynamoDB stands for boto3 and the adapter: requests get canned bytes in place of the network."]
    with ExitStack() as stack:
        python = alternative
        if python == INSTALL:
            python = install(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        rival = PACKAGES[0] if python else None
        if rival is None:
            notes.append("The alternative was not measured: not asked for, or not to be had from a package index.")
        commands = {store: [sys.executable, str(HERE / "read_path_ours.py"), store] for store in (*STORES, INSTANT)}
        if rival and python:
            commands[rival] = [python, str(HERE / "read_path_alternative.py")]
        contestants = [stack.enter_context(Contestant(name, command)) for name, command in commands.items()]
        medians = measure(contestants, rounds)
    return Report("read_path", figures(medians, rival), [page_curve(medians, rival)], notes)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="what answers cost, and what of it is ours")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument(
        "--alternative", nargs="?", const=INSTALL, metavar="PYTHON", help="measure it too: that of PYTHON, or a new one"
    )
    asked = parser.parse_args()
    report = run(10 if asked.quick else 60, asked.alternative)
    for figure in report.figures:
        ratio = f"{figure.ratio:9.3f} times {figure.baseline}" if figure.ratio is not None else ""
        print(f"{figure.name:75s} {figure.value:9.3f} {figure.unit} {ratio}  {figure.aim or ''}")
    for name, points in report.curves[0].series.items():
        print(f"{name:40s}", "  ".join(f"{int(x)}: {y:.2f} ms" for x, y in points))
    if asked.json:
        report.write(asked.json)


if __name__ == "__main__":
    main()
