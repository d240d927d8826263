"""Whether anything is lost, taken twice or put back when DynamoDB, botocore and the network fail all the time, and when
any invocation dies after any of its calls.

    python benchmarks/faults.py [--writes 5000] [--partners 5000] [--seeds 1] [--no-deaths] [--quick] [--json FILE]

Three parts. The storm: partners (PUT, PATCH, DELETE of locations, EVSEs, connectors, sessions, tariffs, tokens, POST of
CDRs) and the operator (the same of its own objects, and bulk) call the functions of this deployment in this process,
over the DynamoDB adapter, whose client is a table in memory of which three in five writes and one in four reads have a
fault: throttled, failed or unanswered before or after the write was carried out, carried out and sent again as botocore
does it, answered in part. Other writes come in between a read and its write. Whoever is not answered sends again, and
CDRs also come again later. The counters get the stream shard by shard, in batches that end anywhere and of which some
come twice. In the end everything that
was answered must be there, no number may ever have gone back, no CDR may have been taken twice, and totals be right.

Partners in a storm: four of them register, are registered with, renew from both sides, call, are suspended, set, and
leave, and channels are written, over the same adapter, with a fault in one of three writes and one of sixteen reads.
Whoever was well answered a new token is let in with it and, within the hour, with nothing else; whoever left, with
nothing; we hold what the partner issued last; and the doctor finds that partners, tokens and parties agree.

The deaths: each flow of the census (tests/support/census) over SQLite between two deployments, ended after every single
call to store, queue, vault or partner, reads included; afterwards everything must be as if it had lived.

What it does not show: DynamoDB itself (the table is a model of it, held to moto and ministack by the contract tests),
deliveries in DynamoDB under faults, and faults in sending, which benchmarks/convergence.py is about.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from real_data import tell
from report import Figure, Report

from tests.support.census import event_flows, get_flows, operator_flows, partners_flows
from tests.support.census.house import House
from tests.support.storm.machine import Outcome, Storm
from tests.support.storm.partners import PartnersOutcome, PartnersStorm

FLOWS = [*partners_flows.FLOWS, *operator_flows.FLOWS, *event_flows.FLOWS, *get_flows.FLOWS]
QUICK_WRITES, QUICK_EVERY = 600, 10


@dataclass
class Deaths:
    """What came of them."""

    flows: int = 0
    deaths: int = 0
    wrong: list[str] = field(default_factory=list)


def storm(seed: int, writes: int) -> Outcome:
    """One run."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Storm(seed, Path(scratch))
        try:
            return made.run(writes)
        finally:
            made.close()


def partners_storm(seed: int, saves: int) -> PartnersOutcome:
    """One run."""
    with tempfile.TemporaryDirectory() as scratch:
        made = PartnersStorm(seed, Path(scratch))
        try:
            return made.run(saves)
        finally:
            made.close()


def deaths(*, every: int) -> Deaths:
    """Each flow, ended after each call, or after one in so ``every``."""
    found = Deaths()
    with tempfile.TemporaryDirectory() as scratch:
        house = House(Path(scratch))
        for flow in FLOWS:
            killing = house.killing[flow.side]
            wanted = flow.run(house)
            found.flows += 1
            for last in range(0, len(killing.calls) + 1, every):
                missing = flow.misses(wanted, flow.run(house, last))
                found.deaths += killing.died
                found.wrong += [f"{flow}, after call {last}: {each[:300]}" for each in missing]
        house.close()
    return found


def reported(runs: list[Outcome], partners: list[PartnersOutcome], died: Deaths | None, note: str) -> Report:
    faults = sum((run.faults for run in runs), Counter[str]())
    figures = [
        Figure("wrong in the end: lost, taken twice or put back", sum(len(run.wrong) for run in runs), "", aim="none"),
        Figure("writes that were answered well", sum(run.writes for run in runs), "writes"),
        Figure("requests that they took", sum(run.requests for run in runs), "requests"),
        Figure("faults", faults.total(), "faults"),
        Figure("faults after the write was carried out", _done(faults), "faults"),
        Figure("writes that came between a read and its write", sum(run.between for run in runs), "writes"),
        Figure("CDRs, each taken once", sum(run.cdrs for run in runs), "CDRs"),
        Figure("CDRs that came again later", sum(run.late for run in runs), "requests"),
    ]
    met = sum((run.faults for run in partners), Counter[str]())
    figures += [
        Figure(
            "partners wrongly let in, locked out or half saved", sum(len(run.wrong) for run in partners), "", aim="none"
        ),
        Figure("acts of partners that were answered well", sum(run.saves.total() for run in partners), "acts"),
        Figure("requests that these took", sum(run.requests for run in partners), "requests"),
        Figure("faults that they met", met.total(), "faults"),
        Figure("of these after the write was carried out", _done(met), "faults"),
    ]
    if died is not None:
        figures += [
            Figure("flows that did not end as if nothing had died", len(died.wrong), "", aim="none"),
            Figure("flows", died.flows, "flows"),
            Figure("deaths", died.deaths, "deaths"),
        ]
    return Report("faults", figures, notes=[note])


def _done(faults: Counter[str]) -> int:
    return sum(count for name, count in faults.items() if "but done" in name or "sent again" in name)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--writes", type=int, default=5_000)
    arguments.add_argument("--partners", type=int, default=5_000, help="what partners do in their storm")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[1])
    arguments.add_argument("--no-deaths", action="store_true")
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK_WRITES} writes, one death in {QUICK_EVERY}")
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    # Thousands of failures are what this is about.
    logging.disable(logging.CRITICAL)
    logging.getLogger("mangum").disabled = logging.getLogger("mangum.http").disabled = True
    started = time.process_time()
    runs = [storm(seed, QUICK_WRITES if options.quick else options.writes) for seed in options.seeds]
    partners = [partners_storm(seed, QUICK_WRITES if options.quick else options.partners) for seed in options.seeds]
    faults = sum((each.faults for each in [*runs]), Counter[str]()) + sum(
        (each.faults for each in partners), Counter[str]()
    )
    died = None if options.no_deaths else deaths(every=QUICK_EVERY if options.quick else 1)
    note = f"Seeds {', '.join(map(str, options.seeds))}; {time.process_time() - started:.0f} s of CPU."
    report = reported(runs, partners, died, note)
    tell(
        {"figures": [asdict(each) for each in report.figures], "faults": dict(sorted(faults.items()))},
        report,
        options.json,
    )
    wrong = (
        [each for run in runs for each in run.wrong]
        + [each for run in partners for each in run.wrong]
        + (died.wrong if died else [])
    )
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))


if __name__ == "__main__":
    main()
