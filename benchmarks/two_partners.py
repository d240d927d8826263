"""A network's year of sessions and two partners, each of which must get its own and nothing else.

    python benchmarks/two_partners.py [FOLDER] [--quick] [--json FILE]

``FOLDER`` holds locations, tariffs, tokens, sessions and cdrs ``.ndjson.gz``; without it the network is made up. Two
partners register with the real local gateway, each issuer of half of the tokens. The first pushes its tokens before
sessions and CDRs are loaded, the second only afterwards: its sessions and CDRs wait until then. Each crawls its
sessions and CDRs; together they must get every one exactly once, as it was sent, and none of the other's. Loading is
compared with reading and writing the same JSON, in processor time; a token that objects wait for with one for which
none do. Nothing is pushed to the partners here (``push.py`` does), and nothing is about AWS.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from network import MODULES, Size, lines_of
from real_data import cpu_seconds, crawl, json_cpu_seconds, load, parsed, resident_mb, tell
from report import Figure, Report

from tests.support.gateway import running_gateway
from tests.support.party import Operator, PlayedPartner

QUICK = Size(locations=600, tokens=600, sessions=5_000)
PUSHERS = 8
"""Requests at a time of a partner that pushes its tokens."""


def push_tokens(partner: PlayedPartner, tokens: list[bytes]) -> float:
    """PUT every token; tokens a second."""

    def push(line: bytes) -> None:
        url = partner.own_url("tokens", json.loads(line)["uid"])
        answer = partner.call("PUT", url, content=line, headers={"Content-Type": "application/json"})
        if answer.json()["status_code"] != 1000:
            raise SystemExit(f"token refused: {answer.text}")

    started = time.perf_counter()
    with ThreadPoolExecutor(PUSHERS) as pool:
        list(pool.map(push, tokens))
    return len(tokens) / (time.perf_counter() - started)


def crawl_own(partner: PlayedPartner, module: str, sent: dict[str, Any], own: set[str]) -> dict[str, Any]:
    """Crawl a module as a partner and compare with what was sent; ``own`` are the auth_ids of its tokens."""
    url = f"{partner.endpoint(module)}?date_from=2000-01-01T00:00:00Z"
    found, seconds, pages = crawl(url, str(partner.token), 1000)
    expected = {key for key, value in sent.items() if value["auth_id"] in own}
    got = {value["id"]: value for value in found}
    return {
        "module": module,
        "objects": len(found),
        "pages": pages,
        "twice": len(found) - len(got),
        "missing": len(expected - got.keys()),
        "foreign": len(got.keys() - expected),
        "different": sum(sent[key] != got[key] for key in got.keys() & expected),
        "objects_per_second": round(len(found) / seconds),
    }


def load_all(operator: Operator, lines: dict[str, list[bytes]], pid: int) -> dict[str, dict[str, float]]:
    """Load everything but the tokens; figures of each module. ``pid`` is the gateway's."""
    found = {}
    for module in ("locations", "tariffs", "sessions", "cdrs"):
        before = cpu_seconds(pid)
        seconds = load(operator, module, lines[module])
        cpu = cpu_seconds(pid) - before
        found[module] = {
            "objects_per_second": round(len(lines[module]) / seconds),
            "gateway_cpu_us_per_object": round(cpu / len(lines[module]) * 1e6),
            "cpu_ratio_to_json": round(cpu / json_cpu_seconds(lines[module]), 1),
        }
    return found


def measure(lines: dict[str, list[bytes]]) -> dict[str, Any]:
    halves = lines["tokens"][::2], lines["tokens"][1::2]
    own = [{json.loads(line)["auth_id"] for line in half} for half in halves]
    sent = {module: {value["id"]: value for value in map(parsed, lines[module])} for module in ("sessions", "cdrs")}
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_gateway(data=Path(scratch) / "data") as gateway,
        Operator(gateway) as operator,
        PlayedPartner("EMSP", "FR", "ONE") as first,
        PlayedPartner("EMSP", "FR", "TWO") as second,
    ):
        for partner in (first, second):
            partner.register(operator.invite("EMSP", partner.party_id))
        tokens_before = push_tokens(first, halves[0])
        loaded = load_all(operator, lines, gateway.process.pid)
        tokens_after = push_tokens(second, halves[1])
        crawls = {
            partner.party_id: [crawl_own(partner, module, sent[module], mine) for module in sent]
            for partner, mine in ((first, own[0]), (second, own[1]))
        }
        return {
            "objects": {module: len(of_module) for module, of_module in lines.items()},
            "in": loaded,
            "tokens_per_second": {"before": round(tokens_before), "with_waiting_objects": round(tokens_after)},
            "crawls": crawls,
            "gateway_memory_mb": resident_mb(gateway),
        }


def reported(figures: dict[str, Any]) -> Report:
    rows = []
    for module in ("locations", "sessions", "cdrs"):
        came = figures["in"][module]
        ratio = came["cpu_ratio_to_json"]
        rows += [
            Figure(f"{module} in", came["objects_per_second"], "objects/s"),
            Figure(
                f"{module} in, processor time of the gateway",
                came["gateway_cpu_us_per_object"],
                "µs/object",
                ratio,
                "reading and writing the same JSON",
            ),
        ]
    tokens, objects = figures["tokens_per_second"], figures["objects"]
    waiting = round((objects["sessions"] + objects["cdrs"]) / objects["tokens"])
    slower = round(tokens["before"] / tokens["with_waiting_objects"], 1)
    rows += [
        Figure(f"tokens pushed, {PUSHERS} at a time", tokens["before"], "tokens/s"),
        Figure(
            f"tokens pushed that {waiting} objects each wait for",
            tokens["with_waiting_objects"],
            "tokens/s",
            slower,
            "a token that nothing waits for",
        ),
    ]
    out = [row["objects_per_second"] for crawled in figures["crawls"].values() for row in crawled]
    rows += [
        Figure("sessions and CDRs out, limit=1000, slowest of four lists", min(out), "objects/s"),
        Figure("memory of the gateway at its highest", figures["gateway_memory_mb"]["highest"], "MB"),
    ]
    counted = ", ".join(f"{number:,} {module}" for module, number in objects.items())
    return Report("two_partners", rows, notes=[f"{counted}; each partner got its own, once, and nothing else."])


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path, nargs="?", help="made up if there is none")
    arguments.add_argument("--quick", action="store_true", help="an eighth of the sessions and CDRs")
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    size = QUICK if options.quick else Size()
    files = {module: options.folder / f"{module}.ndjson.gz" if options.folder else None for module in MODULES}
    lines = {module: lines_of(module, path, size) for module, path in files.items()}
    figures = measure(lines)
    tell(figures, reported(figures), options.json)
    rows = [row for crawled in figures["crawls"].values() for row in crawled]
    for module in ("sessions", "cdrs"):
        if sum(row["objects"] for row in rows if row["module"] == module) != len(lines[module]):
            raise SystemExit(f"not every one of {module} reached a partner exactly once")
    if any(row["twice"] or row["missing"] or row["foreign"] or row["different"] for row in rows):
        raise SystemExit("a partner got something else than its own")


if __name__ == "__main__":
    main()
