"""Runs all benchmarks, one after the other, as processes of their own with a time limit: ``make bench``.

    python benchmarks/run.py              all, into benchmarks/results.json, docs/benchmarks.md and docs/pictures
    python benchmarks/run.py push paging  only these, printed only

One that fails or takes too long does not keep the others from running: it is named at the end, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from machine import Machine
from pictures import draw, file_name, tidy
from publishing import Outcome, line, published, report_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
PICTURES = HERE.parent / "docs" / "pictures"
TOTAL_SECONDS = 14 * 60.0
KILL_SECONDS = 10.0


ALTERNATIVE = HERE.parent / ".venv-alternative" / "bin" / "python"
"""Of an environment with another OCPI library in it, which the Makefile makes where it can."""


@dataclass(frozen=True)
class Benchmark:
    """A script of this folder, and the seconds after which it has failed. ``compares``: also with the alternative."""

    name: str
    limit: float
    compares: bool = False


BENCHMARKS = (
    Benchmark("paging", 200),
    Benchmark("read_path", 200, compares=True),
    Benchmark("cold_start", 200, compares=True),
    Benchmark("cost", 240),
    Benchmark("real_network", 90),
    Benchmark("two_partners", 100),
    Benchmark("commands", 60),
    Benchmark("push", 240),
    Benchmark("convergence", 150),
)


def run(benchmark: Benchmark, seconds: float, folder: Path = HERE) -> Outcome:
    """Run a script of a folder for at most so many seconds. What it started ends with it, and so do its files."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        written, said = Path(scratch) / "report.json", Path(scratch) / "said"
        command = [sys.executable, str(folder / f"{benchmark.name}.py"), "--quick", "--json", str(written)]
        if benchmark.compares and ALTERNATIVE.exists():
            command += ["--alternative", str(ALTERNATIVE)]
        with said.open("wb") as file:
            process = subprocess.Popen(
                command, stdout=file, stderr=file, env={**os.environ, "TMPDIR": scratch}, start_new_session=True
            )
            error = _ended(process, min(seconds, benchmark.limit))
        took = round(time.perf_counter() - began, 1)
        if error is None and not written.exists():
            error = "wrote no report"
        if error is None:
            return Outcome(benchmark.name, took, report_of(written.read_text(encoding="utf-8")))
        last = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-15:]
        print("\n".join(last), file=sys.stderr)
        return Outcome(benchmark.name, took, error=error)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> str | None:
    """Wait for the end; why it is a failure, if it is one."""
    try:
        code = process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return f"not done after {seconds:.0f} s"
    else:
        return None if code == 0 else f"exit code {code}"
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """It and all that it started: gateways, partners."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(KILL_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run_all(
    benchmarks: Iterable[Benchmark],
    runner: Callable[[Benchmark, float], Outcome] = run,
    clock: Callable[[], float] = time.monotonic,
) -> list[Outcome]:
    """All of them, whatever fails, in ``TOTAL_SECONDS`` together; prints figures as they come."""
    ends, outcomes = clock() + TOTAL_SECONDS, list[Outcome]()
    for benchmark in benchmarks:
        left = ends - clock()
        outcome = runner(benchmark, left) if left > 0 else Outcome(benchmark.name, 0.0, error="no time was left")
        outcomes.append(outcome)
        said = f": {outcome.error}" if outcome.error else ""
        figures = [f"  {line(figure)}" for figure in outcome.report.figures] if outcome.report else []
        print("\n".join([f"\n{outcome.name} ({outcome.seconds:.0f} s){said}", *figures]), flush=True)
    return outcomes


def publish(machine: Machine, outcomes: Sequence[Outcome]) -> None:
    """Results, pictures, document."""
    results = {**asdict(machine), "benchmarks": [asdict(outcome) for outcome in outcomes]}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    drawn = {
        file_name(outcome.name, curve): curve
        for outcome in outcomes
        for curve in (outcome.report.curves if outcome.report else [])
    }
    for name, curve in drawn.items():
        draw(curve, PICTURES / name)
    tidy(PICTURES, drawn)
    DOCUMENT.write_text(published(DOCUMENT.read_text(encoding="utf-8"), machine, outcomes), encoding="utf-8")


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [benchmark.name for benchmark in BENCHMARKS]
    arguments.add_argument("names", nargs="*", choices=[[], *names], metavar="NAME", help=", ".join(names))
    wanted = arguments.parse_args().names
    # As by Ctrl-C: the benchmark under way ends with this process, and so does what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    machine = Machine.here()
    print(machine.text(), flush=True)
    outcomes = run_all(each for each in BENCHMARKS if not wanted or each.name in wanted)
    if not wanted:
        publish(machine, outcomes)
    failed = [f"{outcome.name}: {outcome.error}" for outcome in outcomes if outcome.error]
    if failed:
        raise SystemExit("\nfailed: " + "; ".join(failed))


if __name__ == "__main__":
    main()
