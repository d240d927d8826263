"""First use on real input: a whole network in through the operator API, out again by following ``Link``.

    python benchmarks/real_network.py locations.ndjson.gz [--limits 10 100 1000] [--out FILE]

Starts the real local gateway (a process of its own, empty), loads every location of the file with
``POST /operator/2.1.1/locations/bulk``, registers a partner that is played by another process, and lets that one
crawl the list once per limit. Every object is compared with what was sent, byte for byte after parsing (numbers
by their digits). Prints objects per second in and out and what the gateway's process holds in memory.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]

from tests.support.gateway import Gateway, running_gateway  # noqa: E402 - the path is set above
from tests.support.party import Operator, PlayedPartner  # noqa: E402 - as above

BULK_BYTES = 3_500_000
"""Of one bulk call; it takes 4 MB."""


def read_lines(path: Path) -> list[bytes]:
    with gzip.open(path) as file:
        return [line.rstrip(b"\n") for line in file if line.strip()]


def parsed(text: bytes | str) -> Any:
    """JSON with its digits: numbers stay the text that they were."""
    return json.loads(text, parse_float=str, parse_int=str)


def batches(lines: list[bytes]) -> list[bytes]:
    found: list[list[bytes]] = [[]]
    size = 0
    for line in lines:
        if size + len(line) + 1 > BULK_BYTES:
            found.append([])
            size = 0
        found[-1].append(line)
        size += len(line) + 1
    return [b"\n".join(batch) for batch in found]


def load(operator: Operator, module: str, lines: list[bytes]) -> float:
    """Load all lines; the seconds it took. Every line must be created."""
    started = time.perf_counter()
    for body in batches(lines):
        answer = operator.post(
            f"/2.1.1/{module}/bulk", content=body, headers={"Content-Type": "application/x-ndjson"}, timeout=120
        )
        answer.raise_for_status()
        refused = [line for line in answer.text.splitlines() if json.loads(line)["outcome"] != "created"]
        if refused:
            raise SystemExit(f"not created: {refused[:3]}")
    return time.perf_counter() - started


def crawl(url: str, token: str, limit: int) -> tuple[list[Any], float, int]:
    """All objects by following ``Link`` from the first page; seconds and pages it took."""
    found: list[Any] = []
    pages, started = 0, time.perf_counter()
    following: str | None = f"{url}?limit={limit}"
    with httpx.Client(headers={"Authorization": f"Token {token}"}, timeout=60) as client:
        while following:
            answer = client.get(following)
            answer.raise_for_status()
            found += parsed(answer.content)["data"]
            following = answer.links.get("next", {}).get("url")
            pages += 1
    return found, time.perf_counter() - started, pages


def play_partner(invitation: dict[str, str], path: Path, limits: list[int]) -> None:
    """The other process: register, crawl, compare; prints a JSON line of figures."""
    from tests.support.party import Invited  # noqa: PLC0415 - only in this process

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


def resident_mb(gateway: Gateway) -> dict[str, float]:
    """Memory of the gateway's process, now and at its highest, in MB."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text(encoding="ascii")
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith("Vm")}
    return {"now": round(kilobytes["VmRSS"] / 1000, 1), "highest": round(kilobytes["VmHWM"] / 1000, 1)}


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
        played = subprocess.run(
            [
                sys.executable,
                __file__,
                str(options.path),
                "--limits",
                *limits,
                "--play-partner",
                json.dumps(invitation),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        report = {
            "objects": len(lines),
            "in": {"objects_per_second": round(len(lines) / seconds), "seconds": round(seconds, 2)},
            "out": json.loads(played.stdout),
            "gateway_memory_mb": {"empty": empty["now"], **resident_mb(gateway)},
        }
    text = json.dumps(report, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    wrong = [row for row in report["out"] if row["twice"] or row["missing"] or row["different"]]
    if wrong or any(row["objects"] != len(lines) for row in report["out"]):
        raise SystemExit("what came out is not what went in")


if __name__ == "__main__":
    main()
