"""What measuring pushes takes: the process that plays the partners, changes at a steady rate, and when each arrived."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote, urlsplit
from zlib import crc32

from real_data import cpu_seconds, percentile

from tests.support.party import Operator, PlayedPartner

if TYPE_CHECKING:
    from types import TracebackType

    from tests.support.gateway import Gateway

SENDERS = 16
SETTLE_SECONDS = 300
STATUSES = ("AVAILABLE", "CHARGING", "OUTOFORDER", "BLOCKED")
BARE_POSTS = 200


class Partners:
    """The process that plays them."""

    def __init__(self, number: int) -> None:
        script = Path(__file__).with_name("push_partners.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ports: list[int] = json.loads(self._out.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def _out(self) -> IO[str]:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        return self._process.stdout

    def tell(self, command: str) -> None:
        """Give it a command."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def count(self) -> list[int]:
        """How many pushes came to each."""
        self.tell("count")
        counts: list[int] = json.loads(self._out.readline())
        return counts

    def bare_posts(self) -> list[float]:
        """Seconds that POSTs take that this process makes to that one, one after the other, with nothing in between."""
        # The last one: it is the first ones that die.
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[-1])
        body, times = json.dumps({"status": "CHARGING", "physical_reference": "n1"}), []
        for _ in range(BARE_POSTS):
            begin = time.perf_counter()
            connection.request("POST", "/bare", body, {"Content-Type": "application/json"})
            connection.getresponse().read()
            times.append(time.perf_counter() - begin)
        connection.close()
        return times

    def arrivals(self, scratch: Path) -> list[Any]:
        """What came since the last time: partner, when, path, body."""
        path = scratch / "arrivals.ndjson"
        self.tell(f"report {path}")
        self._out.readline()
        with path.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def register(self, operator: Operator) -> list[str]:
        """All of them; their ids."""
        found = []
        for number, port in enumerate(self.ports):
            partner = Registering("EMSP", "DE", f"B{number:02}", token=f"token-of-{number}")
            partner.port = port
            invited = operator.invite("EMSP", f"Partner {number}")
            partner.register(invited)
            partner.http.close()
            settings = {"settings": {"requests_per_minute": 60_000}}
            operator.patch(f"/partners/{invited.partner_id}", json=settings).raise_for_status()
            found.append(invited.partner_id)
        return found


class Registering(PlayedPartner):
    """A partner whose server is elsewhere."""

    port = 0

    @property
    def versions_url(self) -> str:
        """Of the process that plays it."""
        return f"http://127.0.0.1:{self.port}/emsp/versions"


@dataclass
class Changes:
    """So many changes a second, over connections that are kept. ``due`` is when each was to be made, in seconds since
    1970; its number is its place.
    """

    gateway: Gateway
    evses: list[tuple[str, str]]
    rate: float
    number: int
    first: int
    chosen: list[tuple[str, str]] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    def make(self) -> None:
        """Make all of them; ends when all are answered."""
        random = Random(self.first)
        self.chosen = [random.choice(self.evses) for _ in range(self.number)]
        begin = time.time() + 0.5
        self.due = [begin + number / self.rate for number in range(self.number)]

        def send(numbers: list[int]) -> None:
            connection = http.client.HTTPConnection(urlsplit(self.gateway.url).netloc, timeout=60)
            for number in numbers:
                time.sleep(max(0.0, self.due[number] - time.time()))
                self._change(connection, number)

        # Changes of one EVSE over one connection: its numbers must not overtake each other.
        shares: list[list[int]] = [[] for _ in range(SENDERS)]
        for number, (_, uid) in enumerate(self.chosen):
            shares[crc32(uid.encode()) % SENDERS].append(number)
        with ThreadPoolExecutor(SENDERS) as threads:
            list(threads.map(send, shares))

    def _change(self, connection: http.client.HTTPConnection, number: int) -> None:
        location, uid = self.chosen[number]
        status = STATUSES[number % len(STATUSES)]
        body = json.dumps({"status": status, "physical_reference": f"n{self.first + number}"})
        path = f"/operator/2.1.1/locations/{quote(location, safe='')}/evses/{quote(uid, safe='')}"
        headers = {**self.gateway.operator_headers, "Content-Type": "application/json"}
        for last in (False, True):
            try:
                connection.request("PATCH", path, body, headers)
                answer = connection.getresponse()
                answer.read()
                break
            except (ConnectionError, http.client.HTTPException):
                # The gateway closes connections that nobody used for a while.
                connection.close()
                if last:
                    raise
        if answer.status != 200:
            raise SystemExit(f"PATCH {path}: {answer.status}")
        self.answered.append(time.time() - self.due[number])


def numbers_in(path: str, body: dict[str, Any]) -> list[tuple[str, int]]:
    """The EVSEs that a push is about, each with the number that it carries."""
    # …/locations/NL/EXA/{location}[/{evse}]
    segments = [unquote(segment) for segment in path.partition("/locations/")[2].split("/")]
    evses = body.get("evses", []) if len(segments) == 3 else [{**body, "uid": segments[3]}]
    return [
        (evse["uid"], int(evse["physical_reference"][1:]))
        for evse in evses
        if str(evse.get("physical_reference", "")).startswith("n")
    ]


def latencies(changes: Changes, arrivals: list[Any], alive: list[int]) -> dict[int, list[float]] | None:
    """Of each partner, the seconds that each change took, sorted; ``None`` if one has not come."""
    came: defaultdict[tuple[int, str], list[tuple[int, float]]] = defaultdict(list)
    for partner, at, path, body in arrivals:
        for uid, number in numbers_in(path, body):
            came[partner, uid].append((number - changes.first, at))
    found: dict[int, list[float]] = {}
    for partner in alive:
        took = []
        for number, (_, uid) in enumerate(changes.chosen):
            at = min((at for known, at in came[partner, uid] if known >= number), default=None)
            if at is None:
                return None
            took.append(at - changes.due[number])
        found[partner] = sorted(took)
    return found


def arrived(
    changes: Changes, partners: Partners, alive: list[int], scratch: Path
) -> tuple[float, dict[int, list[float]]]:
    """How long from the last change until all had arrived, and how long each took."""
    started, arrivals = time.perf_counter(), list[Any]()
    while time.perf_counter() - started < SETTLE_SECONDS:
        count = sum(partners.count())
        time.sleep(1)
        if sum(partners.count()) > count:
            continue
        arrivals += partners.arrivals(scratch)
        found = latencies(changes, arrivals, alive)
        if found is not None:
            return max(each[1] for each in arrivals) - changes.due[-1], found
    raise SystemExit("not every change arrived")


def all_delivered(operator: Operator, partners: list[str]) -> None:
    """Wait until none of these partners is behind."""
    started = time.perf_counter()
    while any(operator.get(f"/partners/{each}").json()["behind"] for each in partners):
        if time.perf_counter() - started > SETTLE_SECONDS:
            raise SystemExit("not everything was delivered in time")
        time.sleep(0.5)


def summary(ordered: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(percentile(ordered, 0.5) * 1000, 1),
        "p99_ms": round(percentile(ordered, 0.99) * 1000, 1),
        "longest_ms": round(ordered[-1] * 1000, 1),
    }


@dataclass
class Measuring:
    """Figures at one rate after the other. ``ids`` are the partners' by number."""

    gateway: Gateway
    operator: Operator
    partners: Partners
    ids: list[str]
    scratch: Path
    evses: list[tuple[str, str]]
    seconds: float
    made: int = 0

    def at(self, rate: float, among: list[int]) -> dict[str, Any]:
        """The figures of these partners at a rate of changes a second."""
        bare = self.partners.bare_posts()
        changes = Changes(self.gateway, self.evses, rate, int(rate * self.seconds), self.made)
        self.made += changes.number
        pushes, cpu, began = self._pushes(among), cpu_seconds(self.gateway.process.pid), time.perf_counter()
        everybodys = sum(self.partners.count())
        changes.make()
        took = time.perf_counter() - began
        during, cpu = self._pushes(among) - pushes, cpu_seconds(self.gateway.process.pid) - cpu
        all_during = sum(self.partners.count()) - everybodys
        after, found = arrived(changes, self.partners, among, self.scratch)
        all_delivered(self.operator, [self.ids[each] for each in among])
        bare = sorted(bare + self.partners.bare_posts())
        figures = {
            "changes_per_second": rate,
            "bare_post_ms": round(percentile(bare, 0.5) * 1000, 3),
            "change_to_arrival": summary(sorted(each for times in found.values() for each in times)),
            "medians_of_partners_ms": spread([percentile(times, 0.5) for times in found.values()]),
            "p99s_of_partners_ms": spread([percentile(times, 0.99) for times in found.values()]),
            "operator_call": summary(sorted(changes.answered)),
            "seconds_until_all_calls_had_ended": round(took, 1),
            "pushes_per_second_meanwhile": round(during / took),
            "pushes_per_change_and_partner": round((self._pushes(among) - pushes) / changes.number / len(among), 3),
            "seconds_until_all_had_arrived": round(after, 1),
            "gateway_processors": round(cpu / took, 2),
            "gateway_cpu_ms_per_push": round(cpu / all_during * 1000, 1),
        }
        print(json.dumps(figures), file=sys.stderr)
        return figures

    def _pushes(self, among: list[int]) -> int:
        counts = self.partners.count()
        return sum(counts[each] for each in among)


def spread(values: list[float]) -> list[float]:
    """The least and the greatest, in milliseconds."""
    return [round(min(values) * 1000, 1), round(max(values) * 1000, 1)]
