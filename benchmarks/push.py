"""How long a change of a status takes until every partner has it, through a real gateway.

    python benchmarks/push.py [locations.ndjson.gz] [--partners 20] [--rate 100] [--seconds 60] [--dead 5]
        [--death closed|silent] [--quick] [--json FILE]

Starts the real local gateway (a process of its own, empty) and a process that plays all partners, anew for each number
of partners. They register, then locations with so many EVSEs are loaded, and every partner gets all of them. Then the
statuses of EVSEs taken at random are changed through the operator API at a steady rate, over 16 connections; each
change carries a number in ``physical_reference``. The clock runs from when the call was due (not from when it could be
made) to when the number, or a later one of the same EVSE, is read by a partner: two changes quickly after each other
may become one push. With ``--dead`` everything is measured twice: with all partners, and after so many have nobody
listen any more (``closed``), or read and never answer (``silent``). The figures are those of the others, both times.
Every change must arrive at each of them. Beside it, bare POSTs from one process to the other on loopback, just before
and after. One Python process serves the operator's calls and all partners here; in AWS each partner has a worker of its
own, so where the curve bends up here says nothing about there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from network import Size, lines_of
from pushing import Measuring, Partners, all_delivered
from real_data import load, resident_mb, tell
from report import Curve, Figure, Report

from tests.support.gateway import running_gateway
from tests.support.party import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gateway import Gateway

BARE = "a bare POST on loopback"


@dataclass(frozen=True)
class Plan:
    """What to measure. ``partners`` and ``dead``: so many, and of these so many die; one run each."""

    runs: tuple[tuple[int, int], ...]
    rates: tuple[float, ...]
    seconds: float
    evses: int
    death: str = "closed"


QUICK = Plan(((1, 0), (5, 0), (10, 0), (20, 5), (40, 0)), (5.0,), 12.0, 300)


def take(path: Path | None, wanted: int) -> tuple[list[bytes], list[tuple[str, str]]]:
    """Locations until they have so many EVSEs, and those EVSEs."""
    lines, evses = [], list[tuple[str, str]]()
    for line in lines_of("locations", path, Size(tokens=1, sessions=0)):
        location = json.loads(line)
        lines.append(line)
        evses += [(location["id"], evse["uid"]) for evse in location["evses"]]
        if len(evses) >= wanted:
            break
    return lines, evses[:wanted]


def fill(operator: Operator, partners: Partners, ids: list[str], lines: list[bytes]) -> float:
    """Load the locations and wait until every partner has them; pushes a second."""
    started = time.perf_counter()
    load(operator, "locations", lines)
    while sum(partners.count()) < len(lines) * len(ids):
        time.sleep(0.1)
    all_delivered(operator, ids)
    return sum(partners.count()) / (time.perf_counter() - started)


def measure(
    plan: Plan, run: tuple[int, int], path: Path | None, gateway: Gateway, operator: Operator, scratch: Path
) -> Iterator[dict[str, Any]]:
    """Figures for each rate, first with all partners, then with the dead ones."""
    count, dead = run
    lines, evses = take(path, plan.evses)
    with Partners(count) as partners:
        ids = partners.register(operator)
        filled = fill(operator, partners, ids, lines)
        partners.arrivals(scratch)
        measuring = Measuring(gateway, operator, partners, ids, scratch, evses, plan.seconds)
        alive = list(range(dead, count))
        for dying in (0, dead) if dead else (0,):
            if dying:
                how = "close" if plan.death == "closed" else "silence"
                partners.tell(f"{how} {' '.join(map(str, range(dead)))}")
            for rate in plan.rates:
                yield {
                    "partners": count,
                    "dead": dying,
                    "first_fill_pushes_per_second": round(filled),
                    **measuring.at(rate, alive),
                    "gateway_memory_mb": resident_mb(gateway),
                }


def reported(rows: list[dict[str, Any]], plan: Plan) -> Report:
    """Of everything; the curve is that of the first rate."""
    figures = []
    for row in rows:
        where = f"{row['partners']} partners" if row["partners"] > 1 else "1 partner"
        where += f", {row['dead']} dead ({plan.death})" if row["dead"] else ""
        where += f", {row['changes_per_second']:g} changes/s"
        for key, which in (("median_ms", "median"), ("p99_ms", "99th percentile")):
            value, bare = row["change_to_arrival"][key], row["bare_post_ms"]
            figures.append(Figure(f"lag, {where}, {which}", value, "ms", round(value / bare), f"{BARE}, median"))
        figures.append(Figure(f"pushes, {where}", row["pushes_per_second_meanwhile"], "pushes/s"))
    figures += [Figure(*each) for each in dead_cost(rows, plan)]
    fastest = max(row["first_fill_pushes_per_second"] for row in rows)
    figures.append(Figure("first fill, at its fastest", fastest, "pushes/s"))
    memory = max(row["gateway_memory_mb"]["highest"] for row in rows)
    figures.append(Figure("memory of the gateway at its highest", memory, "MB"))
    notes = ["Every change arrived at every partner that listens.", f"{plan.seconds:g} s for each row."]
    return Report("push", figures, curves(rows, plan), notes)


def dead_cost(rows: list[dict[str, Any]], plan: Plan) -> Iterator[tuple[str, float, str, float, str]]:
    """What the dead cost the others, as figures."""
    all_alive = {(row["partners"], row["changes_per_second"]): row for row in rows if not row["dead"]}
    for row in (row for row in rows if row["dead"]):
        before = all_alive[row["partners"], row["changes_per_second"]]
        dead = f"after {row['dead']} of {row['partners']} died ({plan.death})"
        was, now = (each["change_to_arrival"]["median_ms"] for each in (before, row))
        yield f"median lag of the others {dead}", now, "ms", round(now / was, 2), "the same partners before"
        was, now = (each["gateway_cpu_ms_per_push"] for each in (before, row))
        yield f"processor time of the gateway {dead}", now, "ms/push", round(now / was, 2), "before"


def curves(rows: list[dict[str, Any]], plan: Plan) -> list[Curve]:
    """Lag over the number of partners, if there was more than one number."""
    taken = [row for row in rows if not row["dead"] and row["changes_per_second"] == plan.rates[0]]
    if len(taken) < 2:
        return []
    names = (("median", "change_to_arrival", "median_ms"), ("99th percentile", "change_to_arrival", "p99_ms"))
    series = {name: [(row["partners"], row[of][key]) for row in taken] for name, of, key in names}
    series[f"{BARE}, median"] = [(row["partners"], row["bare_post_ms"]) for row in taken]
    title = f"Push lag at {plan.rates[0]:g} changes a second"
    return [Curve(title, "partners", "change to arrival, ms", series, y_scale="log")]


def chosen(options: argparse.Namespace) -> Plan:
    if options.quick:
        return QUICK
    runs = tuple((number, options.dead) for number in options.partners)
    return Plan(runs, tuple(options.rate), options.seconds, options.evses, options.death)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("path", type=Path, nargs="?", help="made up if there is none")
    arguments.add_argument("--evses", type=int, default=5000)
    arguments.add_argument("--partners", type=int, nargs="+", default=[20])
    arguments.add_argument("--rate", type=float, nargs="+", default=[100])
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--dead", type=int, default=0)
    arguments.add_argument("--death", choices=["closed", "silent"], default="closed")
    arguments.add_argument("--quick", action="store_true", help="1 to 40 partners, and 5 of 20 dead, at a low rate")
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    plan, rows = chosen(options), list[dict[str, Any]]()
    for run in plan.runs:
        with (
            tempfile.TemporaryDirectory() as scratch,
            running_gateway(data=Path(scratch) / "data") as gateway,
            Operator(gateway) as operator,
        ):
            rows += measure(plan, run, options.path, gateway, operator, Path(scratch))
    tell({"runs": rows}, reported(rows, plan), options.json)


if __name__ == "__main__":
    main()
