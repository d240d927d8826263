"""What the benchmarks that drive a real gateway share: bulk loads, crawls, comparison, memory, processor time."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]

if TYPE_CHECKING:
    from report import Report

    from tests.support.gateway import Gateway
    from tests.support.party import Operator

BULK_BYTES = 3_500_000
"""Of one bulk call; it takes 4 MB."""
JSON_ROUNDS = 5


def parsed(text: bytes | str) -> Any:
    """JSON with its digits: numbers stay the text that they were."""
    return json.loads(text, parse_float=str, parse_int=str)


def batches(lines: list[bytes]) -> list[bytes]:
    """The lines in bodies for bulk calls."""
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
    """All objects by following ``Link`` from the first page; seconds and pages it took. ``url`` may have a query."""
    found: list[Any] = []
    pages, started = 0, time.perf_counter()
    following: str | None = f"{url}{'&' if '?' in url else '?'}limit={limit}"
    with httpx.Client(headers={"Authorization": f"Token {token}"}, timeout=60) as client:
        while following:
            answer = client.get(following)
            answer.raise_for_status()
            found += parsed(answer.content)["data"]
            following = answer.links.get("next", {}).get("url")
            pages += 1
    return found, time.perf_counter() - started, pages


def resident_mb(gateway: Gateway) -> dict[str, float]:
    """Memory of the gateway's process, now and at its highest, in MB."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text(encoding="ascii")
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith("Vm")}
    return {"now": round(kilobytes["VmRSS"] / 1000, 1), "highest": round(kilobytes["VmHWM"] / 1000, 1)}


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def json_cpu_seconds(lines: list[bytes]) -> float:
    """Processor time of reading and writing these lines with the standard library: what load() is compared with."""
    times = []
    for _ in range(JSON_ROUNDS):
        started = time.process_time()
        for line in lines:
            json.dumps(json.loads(line), separators=(",", ":"))
        times.append(time.process_time() - started)
    return statistics.median(times)


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def tell(details: dict[str, Any], report: Report, path: Path | None) -> None:
    """Print all that was measured; write what is worth comparing, if asked."""
    print(json.dumps(details, indent=2))
    if path is not None:
        report.write(path)
