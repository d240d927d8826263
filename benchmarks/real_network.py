"""First use on real input: a whole network in through the operator API, out again by following ``Link``.

    python benchmarks/real_network.py locations.ndjson.gz [--limits 10 100 1000] [--out FILE]

Starts the real local gateway (a process of its own, empty), loads every location of the file with
``POST /operator/2.1.1/locations/bulk``, registers a partner that is played by another process, and lets that one
crawl the list once per limit. Every object is compared with what was sent, byte for byte after parsing (numbers
by their digits). Prints objects per second in and out and what the gateway's process holds in memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from real_data import crawl, load, parsed, read_lines, report, resident_mb

from tests.support.gateway import running_gateway
from tests.support.party import Invited, Operator, PlayedPartner


def play_partner(invitation: dict[str, str], path: Path, limits: list[int]) -> None:
    """The other process: register, crawl, compare; prints a JSON line of figures."""
    sent = {value["id"]: value for value in map(parsed, read_lines(path))}
    figures = []
    with PlayedPartner("EMSP", "DE", "BEN") as partner:
        partner.register(Invited(**invitation))
        for limit in limits:
            found, seconds, pages = crawl(partner.endpoint("locations"), str(partner.token), limit)
            got = {value["id"]: value for value in found}
            figures.append(
                {
                    "limit": limit,
                    "pages": pages,
                    "objects": len(found),
                    "twice": len(found) - len(got),
                    "missing": len(sent.keys() - got.keys()),
                    "different": sum(sent[key] != got[key] for key in sent.keys() & got.keys()),
                    "objects_per_second": round(len(found) / seconds),
                }
            )
    print(json.dumps(figures))


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("path", type=Path)
    arguments.add_argument("--limits", type=int, nargs="+", default=[10, 100, 1000])
    arguments.add_argument("--out", type=Path)
    arguments.add_argument("--play-partner", type=json.loads, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.play_partner:
        play_partner(options.play_partner, options.path, options.limits)
        return
    lines = read_lines(options.path)
    with tempfile.TemporaryDirectory() as scratch, running_gateway(data=Path(scratch) / "data") as gateway:
        empty = resident_mb(gateway)
        with Operator(gateway) as operator:
            seconds = load(operator, "locations", lines)
            invited = operator.invite("EMSP", "Benchmark")
        invitation = {
            "partner_id": invited.partner_id,
            "token": invited.token,
            "versions_url": invited.versions_url,
        }
        limits = [str(limit) for limit in options.limits]
        command = [sys.executable, __file__, str(options.path), "--limits", *limits]
        command += ["--play-partner", json.dumps(invitation)]
        played = subprocess.run(command, check=True, capture_output=True, text=True)
        figures = {
            "objects": len(lines),
            "in": {"objects_per_second": round(len(lines) / seconds), "seconds": round(seconds, 2)},
            "out": json.loads(played.stdout),
            "gateway_memory_mb": {"empty": empty["now"], **resident_mb(gateway)},
        }
    report(figures, options.out)
    wrong = [row for row in figures["out"] if row["twice"] or row["missing"] or row["different"]]
    if wrong or any(row["objects"] != len(lines) for row in figures["out"]):
        raise SystemExit("what came out is not what went in")


if __name__ == "__main__":
    main()
