"""Whether every partner ends up with exactly what there is, whatever goes wrong on the way.

    python benchmarks/convergence.py [--seeds 1] [--changes 10000] [--refuses 0] [--no-repairs] [--quick]
        [--json FILE]

Runs deployments in this process, each over a store of its own, with six partners in memory that take pushes just as
OCPI 2.1.1 says. While so many changes are made, any call to the store, the queue, the vault or a partner may fail
before or after it has had its effect, take long, be repeated, or be the last thing that its process does; the shards of
the stream in any order, in batches that end anywhere, come again or are given up, messages late, twice or never;
partners are down, suspended, renewed, and modules switched off. Then it is quiet. Then every partner must hold exactly
the current state of every object that it may see, no CDR may have come twice, and no last_updated may ever have gone
back. All that is random comes from the seed.
``--refuses`` has partners refuse that share of requests (times the weather); then the operator has what failed sent
again at the end. With ``--no-repairs`` what was sent is never compared with what there is, as it is every hour, every
week and whenever something about a partner changes: what is marked and sent must do alone.
The store is SQLite with faults around it, not DynamoDB; time is simulated.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from real_data import tell
from report import Figure
from report import Report as BenchmarkReport

from ocpi.store.sqlite import SQLiteStore
from tests.support.convergence.machine import Machine, Report

QUICK_SEEDS, QUICK_CHANGES = [1, 2], 1_000


def converge(seed: int, changes: int, refuses: float, *, repairs: bool) -> tuple[Report, float]:
    """One run, and the processor seconds it took."""
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as monkeypatch:
        store = SQLiteStore(Path(scratch) / "store.db")
        machine = Machine(seed, store, refuses=refuses, repairs=repairs)
        machine.install(monkeypatch)
        started = time.process_time()
        outcome = machine.run(changes)
        store.close()
        return outcome, time.process_time() - started


def row(seed: int, outcome: Report, seconds: float) -> dict[str, Any]:
    """The figures of a run."""
    return {
        "seed": seed,
        "changes": outcome.changes,
        "faults": outcome.faults.total(),
        "requests": outcome.requests,
        "deliveries": outcome.deliveries,
        "cdrs": outcome.cdrs,
        "simulated_hours": round(outcome.simulated_seconds / 3600, 1),
        "cpu_seconds": round(seconds),
        "wrong": len(outcome.wrong),
    }


def reported(runs: list[dict[str, Any]]) -> BenchmarkReport:
    total = {name: sum(run[name] for run in runs) for name in runs[0]}
    figures = [
        Figure("objects that a partner held wrongly or twice in the end", total["wrong"], "objects", aim="none"),
        Figure("changes", total["changes"], "changes"),
        Figure("faults", total["faults"], "faults"),
        Figure("requests to six partners", total["requests"], "requests"),
        Figure("CDRs, each POSTed once", total["cdrs"], "CDRs"),
        Figure("processor time", round(total["cpu_seconds"] / total["changes"] * 1000, 1), "ms/change"),
    ]
    return BenchmarkReport("convergence", figures, notes=[f"Seeds {', '.join(str(run['seed']) for run in runs)}."])


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--seeds", type=int, nargs="+", default=[1])
    arguments.add_argument("--changes", type=int, default=10_000)
    arguments.add_argument("--refuses", type=float, default=0.0)
    arguments.add_argument("--no-repairs", action="store_true")
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK_CHANGES} changes of {len(QUICK_SEEDS)} seeds")
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    if options.quick:
        options.seeds, options.changes = QUICK_SEEDS, QUICK_CHANGES
    # Thousands of failures are what this is about.
    logging.disable(logging.CRITICAL)
    runs: list[dict[str, Any]] = []
    faults = Counter[str]()
    wrong: list[str] = []
    for seed in options.seeds:
        outcome, seconds = converge(seed, options.changes, options.refuses, repairs=not options.no_repairs)
        faults += outcome.faults
        wrong += [f"seed {seed}: {each}" for each in outcome.wrong]
        runs.append(row(seed, outcome, seconds))
        print(runs[-1], file=sys.stderr)
    tell({"runs": runs, "faults": dict(sorted(faults.items()))}, reported(runs), options.json)
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))


if __name__ == "__main__":
    main()
