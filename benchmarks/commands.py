"""How long a result takes from the charge point to the eMSP, in a closed loop through a real gateway.

    python benchmarks/commands.py [--commands 200] [--at-a-time 20] [--demo] [--quick] [--json FILE]

An eMSP keeps so many START_SESSIONs under way at a time. A charge point system takes them from the queue
CommandRequests and answers through the operator API; the clock runs from just before `POST …/result` until the bare
CommandResponse arrives at the eMSP's `response_url`. Every result must arrive exactly once. The same is measured for
a bare POST from the same client to the same server on loopback, as often and as many at a time, so that the ratio
says what the way through operator API, queue, worker and store costs on this machine. First one command at a time, then
so many. The charge point answers at once, and SQS is a SQLite file: a real charge point, and AWS, take longer.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import httpx
from real_data import percentile, resident_mb, tell
from report import Figure, Report

from ocpi.queues.sqlite import SQLiteQueues
from tests.support.commands import command, place, post
from tests.support.gateway import running_gateway
from tests.support.partner_server import Received, Reply
from tests.support.party import Operator, PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.support.gateway import Gateway

ARRIVAL_SECONDS = 20
SETTLE_SECONDS = 2
"""After the last arrival, for one that comes twice."""
LOOK_SECONDS = 0.005
ALONE = 30
"""Commands that are sent one at a time."""


class Arrivals:
    """When a request came to each path of a server."""

    def __init__(self, partner: PlayedPartner, paths: list[str]) -> None:
        self.count: Counter[str] = Counter()
        self._at: dict[str, float] = {}
        self._came = {path: threading.Event() for path in paths}
        for path in paths:
            partner.server.on("POST", path, self._take)

    def _take(self, request: Received) -> Reply:
        now = time.perf_counter()
        self.count[request.path] += 1
        self._at.setdefault(request.path, now)
        self._came[request.path].set()
        return Reply.ocpi()

    def since(self, path: str, started: float) -> float:
        """Milliseconds from ``started`` to the first arrival."""
        if not self._came[path].wait(ARRIVAL_SECONDS):
            raise SystemExit(f"nothing came to {path}")
        return (self._at[path] - started) * 1000


class ChargePointSystem:
    """Takes commands from the queue and tells their ids by the number that the eMSP gave each."""

    def __init__(self, gateway: Gateway) -> None:
        self._queues = SQLiteQueues(gateway.data / "queues.db")
        self._ids: dict[int, SimpleQueue[str]] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._receive, daemon=True)

    def expect(self, numbers: Iterator[int]) -> None:
        """Begin to receive these."""
        self._ids = {number: SimpleQueue() for number in numbers}
        self._thread.start()

    def id_of(self, number: int) -> str:
        """The id of a command, as soon as it has come."""
        return self._ids[number].get(timeout=ARRIVAL_SECONDS)

    def end(self) -> None:
        """Receive no more."""
        self._ending.set()
        self._thread.join()
        self._queues.close()

    def _receive(self) -> None:
        while not self._ending.is_set():
            # Only looking costs no write.
            if self._queues.next_visible_at("CommandRequests") is None:
                time.sleep(LOOK_SECONDS)
                continue
            messages = self._queues.receive("CommandRequests", 10, 60)
            for message in messages:
                content = json.loads(message.body)
                self._ids[content["request"]["number"]].put(content["command_id"])
            self._queues.delete(message.receipt for message in messages)


def in_parallel(work: Callable[[int], float], numbers: Iterable[int], at_a_time: int) -> list[float]:
    """What ``work`` gives for each number, sorted."""
    with ThreadPoolExecutor(at_a_time) as pool:
        return sorted(pool.map(work, numbers))


def bare_posts(partner: PlayedPartner, count: int, at_a_time: int) -> list[float]:
    """Milliseconds from the client to the server, without anything in between."""
    paths = [f"/bare/{number}" for number in range(count)]
    arrivals = Arrivals(partner, paths)
    with httpx.Client(limits=httpx.Limits(max_connections=at_a_time)) as client:

        def once(number: int) -> float:
            started = time.perf_counter()
            client.post(f"{partner.server.url}{paths[number]}", json={"result": "ACCEPTED"}).raise_for_status()
            return arrivals.since(paths[number], started)

        return in_parallel(once, range(count), at_a_time)


def summary(ordered: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(percentile(ordered, 0.5), 1),
        "p99_ms": round(percentile(ordered, 0.99), 1),
        "longest_ms": round(ordered[-1], 1),
    }


@dataclass
class Loop:
    """Commands of an eMSP through a gateway, and bare POSTs, so many at a time. ``made`` numbers the commands."""

    gateway: Gateway
    operator: Operator
    emsp: PlayedPartner
    made: int = 0

    def run(self, count: int, at_a_time: int) -> dict[str, Any]:
        """The figures of so many. Ends the process if a result does not arrive exactly once."""
        numbers = range(self.made, self.made + count)
        self.made += count
        location_id = place(self.operator)
        paths = {number: f"/results/{number}" for number in numbers}
        arrivals = Arrivals(self.emsp, list(paths.values()))
        system = ChargePointSystem(self.gateway)
        system.expect(iter(numbers))
        answered: list[float] = []

        def once(number: int) -> float:
            url = f"{self.emsp.server.url}{paths[number]}"
            began = time.perf_counter()
            body = command("START_SESSION", url, location_id=location_id, number=number)
            reply = post(self.emsp, "START_SESSION", body)
            answered.append((time.perf_counter() - began) * 1000)
            if reply.json()["data"] != {"result": "ACCEPTED"}:
                raise SystemExit(f"not accepted: {reply.text}")
            command_id = system.id_of(number)
            started = time.perf_counter()
            result = self.operator.post(f"/2.1.1/commands/{command_id}/result", json={"result": "ACCEPTED"})
            result.raise_for_status()
            return arrivals.since(paths[number], started)

        began = time.perf_counter()
        latencies = in_parallel(once, numbers, at_a_time)
        seconds = time.perf_counter() - began
        time.sleep(SETTLE_SECONDS)
        system.end()
        if any(arrivals.count[path] != 1 for path in paths.values()):
            sys.exit("not every result arrived exactly once")
        return {
            "commands": count,
            "at_a_time": at_a_time,
            "commands_per_second": round(count / seconds, 1),
            "answered_at_once": summary(sorted(answered)),
            "result_to_arrival": summary(latencies),
            "bare_post_on_loopback": summary(bare_posts(self.emsp, count, at_a_time)),
        }


def reported(runs: list[dict[str, Any]], memory: dict[str, float]) -> Report:
    figures = []
    for run in runs:
        many = "one at a time" if run["at_a_time"] == 1 else f"{run['at_a_time']} at a time"
        bare = run["bare_post_on_loopback"]
        for measured, said in (("answered_at_once", "immediate answer"), ("result_to_arrival", "result to arrival")):
            for key, which in (("median_ms", "median"), ("p99_ms", "99th percentile")):
                value = run[measured][key]
                ratio = round(value / bare[key], 1)
                figures.append(Figure(f"{said}, {many}, {which}", value, "ms", ratio, "a bare POST, as many at a time"))
    figures.append(Figure("memory of the gateway at its highest", memory["highest"], "MB"))
    return Report("commands", figures, notes=["Each result arrived at its response_url exactly once."])


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--commands", type=int, default=200)
    arguments.add_argument("--at-a-time", type=int, default=20)
    arguments.add_argument("--demo", action="store_true", help="with the demo network beside it, as make run has")
    arguments.add_argument("--quick", action="store_true", help="as without: it takes half a minute")
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_gateway(data=Path(scratch) / "data", demo=options.demo) as gateway,
        Operator(gateway) as operator,
        PlayedPartner("EMSP", "FR", "BEN") as emsp,
    ):
        emsp.register(operator.invite("EMSP"))
        loop = Loop(gateway, operator, emsp)
        runs = [loop.run(ALONE, 1), loop.run(options.commands, options.at_a_time)]
        memory = resident_mb(gateway)
    tell({"runs": runs, "gateway_memory_mb": memory}, reported(runs, memory), options.json)


if __name__ == "__main__":
    main()
