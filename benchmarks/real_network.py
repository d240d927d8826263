"""A whole network in through the operator API, out again by following ``Link``.

    python benchmarks/real_network.py [locations.ndjson.gz] [--limits 10 100 1000] [--rounds 7] [--quick] [--json FILE]

Starts the real local gateway (a process of its own, empty), loads every location with
``POST /operator/2.1.1/locations/bulk``, registers a partner that is played by another process, and lets that one
crawl the list once per limit and round. Every object is compared with what was sent, byte for byte after parsing
(numbers by their digits). In turns with the gateway a bare HTTP server is crawled that has the same pages ready, so
that the ratio says what the way through authentication, paging and store adds to sending and parsing. Loading is
compared with reading and writing the same JSON, in processor time. SQLite and one process: nothing here is about AWS.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from network import Size, lines_of
from real_data import cpu_seconds, crawl, json_cpu_seconds, load, parsed, resident_mb, tell
from report import Figure, Report

from tests.support.gateway import running_gateway
from tests.support.partner_server import PartnerServer, Reply
from tests.support.party import Invited, Operator, PlayedPartner

QUICK_LOCATIONS = 1_000
BARE = "a bare server (http.server) that has the pages ready"


def serve_pages(server: PartnerServer, lines: list[bytes], limits: list[int]) -> None:
    """The pages of the list as they are for each limit, at ``/{limit}/0`` and on."""
    for limit in limits:
        for start in range(0, len(lines), limit):
            body = b'{"data":[' + b",".join(lines[start : start + limit]) + b'],"status_code":1000}'
            following = f'<{server.url}/{limit}/{start + limit}>; rel="next"'
            headers = {"Link": following} if start + limit < len(lines) else {}
            server.on("GET", f"/{limit}/{start}", Reply(200, body, {"Content-Type": "application/json", **headers}))


def play_partner(task: dict[str, Any], lines: list[bytes], limits: list[int], rounds: int) -> None:
    """The other process: register, crawl, compare; prints a JSON line of figures."""
    sent = {value["id"]: value for value in map(parsed, lines)}
    figures = []
    with PlayedPartner("EMSP", "DE", "BEN") as partner:
        partner.register(Invited(**task["invitation"]))
        for limit in limits:
            times, bare, cpu = [], [], 0.0
            for _ in range(rounds):
                before = cpu_seconds(task["gateway"])
                found, seconds, pages = crawl(partner.endpoint("locations"), str(partner.token), limit)
                times.append(seconds)
                cpu += cpu_seconds(task["gateway"]) - before
                bare.append(crawl(f"{task['bare']}/{limit}/0", "none", limit)[1])
            got = {value["id"]: value for value in found}
            figures.append(
                {
                    "limit": limit,
                    "pages": pages,
                    "objects": len(found),
                    "twice": len(found) - len(got),
                    "missing": len(sent.keys() - got.keys()),
                    "different": sum(sent[key] != got[key] for key in sent.keys() & got.keys()),
                    "objects_per_second": round(len(found) / statistics.median(times)),
                    "ratio_to_bare_server": round(statistics.median(times) / statistics.median(bare), 2),
                    "gateway_cpu_us_per_object": round(cpu / rounds / len(found) * 1e6),
                }
            )
    print(json.dumps(figures))


def measure(options: argparse.Namespace, lines: list[bytes]) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_gateway(data=Path(scratch) / "data") as gateway,
        PartnerServer() as bare,
    ):
        empty, cpu = resident_mb(gateway), cpu_seconds(gateway.process.pid)
        with Operator(gateway) as operator:
            seconds = load(operator, "locations", lines)
            cpu = cpu_seconds(gateway.process.pid) - cpu
            invited = operator.invite("EMSP", "Benchmark")
        invitation = {"partner_id": invited.partner_id, "token": invited.token, "versions_url": invited.versions_url}
        serve_pages(bare, lines, options.limits)
        task = {"invitation": invitation, "gateway": gateway.process.pid, "bare": bare.url}
        command = [sys.executable, __file__, *sys.argv[1:], "--play-partner", json.dumps(task)]
        played = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return {
            "objects": len(lines),
            "in": {
                "objects_per_second": round(len(lines) / seconds),
                "seconds": round(seconds, 2),
                "gateway_cpu_us_per_object": round(cpu / len(lines) * 1e6),
                "cpu_ratio_to_json": round(cpu / json_cpu_seconds(lines), 1),
            },
            "out": json.loads(played.stdout),
            "gateway_memory_mb": {"empty": empty["now"], **resident_mb(gateway)},
        }


def reported(figures: dict[str, Any]) -> Report:
    came = figures["in"]
    rows = [
        Figure("in", came["objects_per_second"], "locations/s"),
        Figure(
            "in, processor time of the gateway",
            came["gateway_cpu_us_per_object"],
            "µs/location",
            came["cpu_ratio_to_json"],
            "reading and writing the same JSON",
        ),
    ]
    for row in figures["out"]:
        name, ratio = f"out, limit={row['limit']}", row["ratio_to_bare_server"]
        rows.append(Figure(name, row["objects_per_second"], "locations/s", ratio, BARE))
    rows.append(Figure("memory of the gateway at its highest", figures["gateway_memory_mb"]["highest"], "MB"))
    notes = [
        f"{figures['objects']:,} locations; each came out as it went in.",
        "A ratio is of times: above 1 is slower.",
    ]
    return Report("real_network", rows, notes=notes)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("path", type=Path, nargs="?", help="made up if there is none")
    arguments.add_argument("--limits", type=int, nargs="+", default=[10, 100, 1000])
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK_LOCATIONS} locations")
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--play-partner", type=json.loads, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    lines = lines_of("locations", options.path, Size(tokens=1, sessions=0))
    lines = lines[:QUICK_LOCATIONS] if options.quick else lines
    if options.play_partner:
        play_partner(options.play_partner, lines, options.limits, options.rounds)
        return
    figures = measure(options, lines)
    tell(figures, reported(figures), options.json)
    wrong = [row for row in figures["out"] if row["twice"] or row["missing"] or row["different"]]
    if wrong or any(row["objects"] != len(lines) for row in figures["out"]):
        raise SystemExit("what came out is not what went in")


if __name__ == "__main__":
    main()
