"""What running the system in AWS costs: units, requests, milliseconds and dollars of three operators.

    python benchmarks/cost.py [--quick] [--json FILE] [--write] [--region us-east-1]

Runs every act of an operator's day through the real functions, over ministack: a status changes and is pushed, a
session goes its way, partners poll, the clock strikes. Every call of DynamoDB is charged by DynamoDB's rules
(``costing/capacity.py``), every call of anything else counted, processor time taken. How often each act happens a day
is derived (``costing/day.py``), what is not an act (idle polls, storage, alarms) computed (``costing/model.py``), and
all of it priced (``prices/``). ``--write`` puts the tables into ``docs/cost.md``; ``--quick`` does each act once
only, and leaves out the checks at other sizes.

What it does not show: a bill. Waiting times are assumed, this machine's core is taken for one of Lambda's, and the
emulator is asked one thing at a time, where in AWS writes that come close together share invocations.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]

from costing.result import Result  # noqa: E402 - the path comes first
from costing.running import measure, run_here  # noqa: E402 - as above
from costing.tables import write_tables  # noqa: E402 - as above

DOCUMENT = ROOT / "docs" / "cost.md"


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--write", action="store_true", help="the tables of docs/cost.md")
    arguments.add_argument("--region", default="us-east-1", help="a file of benchmarks/prices")
    arguments.add_argument("--world", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.world is not None:
        print(run_here(options.world))
        return
    measured, checks = measure(quick=options.quick)
    result = Result(measured, checks, options.region)
    for title, table in result.tables().items():
        print(f"\n{title}\n\n{table}")
    if options.json:
        result.report().write(options.json)
    if options.write:
        write_tables(DOCUMENT, result.tables())


if __name__ == "__main__":
    main()
