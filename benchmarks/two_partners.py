"""A year's worth of real data and two partners, each of which must get its own and nothing else.

    python benchmarks/two_partners.py FOLDER [--out FILE]

``FOLDER`` holds locations, tariffs, tokens, sessions and cdrs ``.ndjson.gz``. Two partners register, each issuer of
half of the tokens. The first pushes its tokens before sessions and CDRs are loaded, the second only afterwards: its
sessions and CDRs wait until then. Each crawls its sessions and CDRs; together they must get every one exactly once,
as it was sent, and none of the other's.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from real_data import crawl, load, parsed, read_lines, report, resident_mb

from tests.support.gateway import running_gateway
from tests.support.party import Operator, PlayedPartner

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


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--out", type=Path)
    options = arguments.parse_args()
    lines = {
        module: read_lines(options.folder / f"{module}.ndjson.gz")
        for module in ("locations", "tariffs", "tokens", "sessions", "cdrs")
    }
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
        loaded = {
            module: round(len(lines[module]) / load(operator, module, lines[module]))
            for module in ("locations", "tariffs", "sessions", "cdrs")
        }
        tokens_after = push_tokens(second, halves[1])
        crawls = {
            partner.party_id: [crawl_own(partner, module, sent[module], mine) for module in sent]
            for partner, mine in ((first, own[0]), (second, own[1]))
        }
        figures = {
            "objects": {module: len(of_module) for module, of_module in lines.items()},
            "in_per_second": loaded,
            "tokens_per_second": {"before": round(tokens_before), "with_waiting_objects": round(tokens_after)},
            "crawls": crawls,
            "gateway_memory_mb": resident_mb(gateway),
        }
    report(figures, options.out)
    rows = [row for crawled in crawls.values() for row in crawled]
    wrong = [row for row in rows if row["twice"] or row["missing"] or row["foreign"] or row["different"]]
    for module, objects in sent.items():
        if sum(row["objects"] for row in rows if row["module"] == module) != len(objects):
            raise SystemExit(f"not every one of {module} reached a partner exactly once")
    if wrong:
        raise SystemExit("a partner got something else than its own")


if __name__ == "__main__":
    main()
