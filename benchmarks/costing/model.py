"""From what each act takes to what a day and a month take."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costing import day
from costing.day import Operator, cold_starts, pages
from costing.tally import Tally, on_a_line

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
PRICES = ROOT / "benchmarks" / "prices"
DAYS = 30
SWEPT = 6
"""Objects of ``sweep locations`` and ``sweep sessions``."""
MORE_TOKENS = 20
"""Of ``pull many``, beyond ``pull``."""
ADDED = {"sweep locations": SWEPT, "sweep sessions": SWEPT, "pull many": MORE_TOKENS}
GB = 1e9
MILLISECONDS = {"dynamodb": 5.0, "sqs": 8.0, "kms": 10.0, "secretsmanager": 10.0, "partner": 200.0}
"""Assumed: what a call takes from within the region, and a partner to answer over a connection that is kept."""
FULL_CORE_MB = 1_769
"""Of memory that a Lambda function needs to have one core."""
KEPT_MINUTES = 10
"""Assumed: how long Lambda keeps an idle environment."""
POLLERS, POLL_SECONDS = 5, 20
"""Of an event source mapping of a queue with nothing in it: long polls at once, and how long each waits."""
PLATFORM_LOG_BYTES = 300 + 3 * 26
"""START, END and REPORT of an invocation; CloudWatch adds 26 bytes to each event."""
ACCESS_LOG_BYTES = 420
ITEM_OVERHEAD = 100
"""Bytes that storage adds to an item, and to its entry in an index."""
STORED_BYTES = {
    "session": 1_900 + 5 * 250 + 400,
    "cdr": 2_200 + 5 * 250 + 400,
    "token": 700 + 4 * 250 + 400,
    "location": 4_000 + 3 * 250 + 400,
}
"""Of an object with its entries in indexes, and where it is counted; sessions and CDRs have a delivery besides."""
DELIVERY_BYTES = 450
EXCHANGE_BYTES = 650


DEPENDENT = frozenset(
    {
        "status",
        "session start",
        "session update",
        "session stop",
        "cdr",
        "authorize",
        "authorize in real time",
        "upkeep",
    }
)
"""Acts that ask for all partners, or are pushed to them."""


@dataclass(frozen=True)
class Shape:
    """What of the template costs by being there."""

    memory_mb: int
    alarms: int
    secrets: int
    keys: int
    polled_queues: int


@dataclass(frozen=True)
class Measured:
    """``acts`` by number of partners: what one act takes. ``init_ms``: processor time of loading a function."""

    acts: Mapping[int, Mapping[str, Tally]]
    init_ms: Mapping[str, float]
    sizes: tuple[int, int]
    """Locations that there were when ``... few`` and ``... many`` was measured."""
    shape: Shape

    def act(self, name: str, partners: float) -> Tally:
        """With so many partners: on a line through the two numbers that were measured, where it depends on that."""
        one, other = sorted(self.acts)
        if name not in DEPENDENT:
            return self.acts[other][name]
        return on_a_line((one, self.acts[one][name]), (other, self.acts[other][name]), partners)

    def per_document(self, name: str) -> Tally:
        """What one document more takes of ``<name> few`` and ``<name> many``."""
        acts, (few, many) = self.acts[min(self.acts)], self.sizes
        return acts[f"{name} many"].plus(acts[f"{name} few"].times(-1)).times(1 / (many - few))

    def of_documents(self, name: str, documents: float) -> Tally:
        """With so many documents, on a line."""
        acts = self.acts[min(self.acts)]
        return on_a_line((self.sizes[0], acts[f"{name} few"]), (self.sizes[1], acts[f"{name} many"]), documents)


def read_shape(template: str) -> Shape:
    """Of the template's text: every alarm, secret and key; queues that a function is fed by without a hook."""
    memory = re.search(r"^    MemorySize: (\d+)", template, re.MULTILINE)
    return Shape(
        memory_mb=int(memory.group(1)) if memory else 128,
        alarms=template.count("Type: AWS::CloudWatch::Alarm"),
        secrets=template.count("Type: AWS::SecretsManager::Secret"),
        keys=template.count("Type: AWS::KMS::Key"),
        # That of the commands' hook is made only where there is one.
        polled_queues=template.count("          Type: SQS\n") - 1,
    )


def day_of(operator: Operator, measured: Measured) -> dict[str, Tally]:
    """What a day takes, by kind of act."""
    n, sessions = operator.partners, operator.sessions

    def act(name: str, times: float) -> Tally:
        return measured.act(name, n).times(times)

    objects = operator.locations + operator.history / n
    compared = operator.locations + operator.written_in(day.RECONCILED_DAYS) / n
    asked = day.ASKED_IN_REAL_TIME
    return {
        "status changes": act("status", operator.changes),
        "sessions begin": act("session start", sessions),
        "meter readings": act("session update", sessions * day.UPDATES_A_SESSION),
        "sessions end": act("session stop", sessions),
        "CDRs": act("cdr", sessions),
        "authorizations": act("authorize", sessions * (1 - asked)).plus(
            act("authorize in real time", sessions * asked)
        ),
        "commands": act("command", sessions * day.COMMANDS_A_SESSION),
        "tokens pushed": act("token", day.TOKEN_CHANGES * n),
        "partners poll": _polls(operator, measured),
        "pulls": act("pull", day.PULLS * n).plus(
            _per_object(measured, "pull", "many", n, day.TOKENS_A_PARTNER * n / 7)
        ),
        "upkeep": act("upkeep", day.MINUTES),
        "hourly sweeps": _sweeps(operator, measured),
        "weekly sweeps": measured.of_documents("sweep full", objects).times(n / 7),
        "weekly reconciliations": measured.of_documents("reconcile", compared).times(n / 7),
    }


def _polls(operator: Operator, measured: Measured) -> Tally:
    """Lists that all partners ask for: how often each, and how much is in it."""
    of_a_partner = operator.sessions / operator.partners
    asked = [
        (day.POLLS, operator.changed_within(24 / day.POLLS)),
        (day.FULL_POLLS, operator.locations),
        (day.FULL_POLLS, day.TARIFFS),
        (day.FULL_POLLS, of_a_partner),
        (day.FULL_POLLS, of_a_partner),
    ]
    page, document = measured.act("poll nothing", operator.partners), measured.per_document("poll")
    total = Tally()
    for times, documents in asked:
        total = total.plus(page.times(pages(documents, day.PAGE)).plus(document.times(documents)).times(times))
    return total.times(operator.partners)


def _sweeps(operator: Operator, measured: Measured) -> Tally:
    """Of all partners: locations that changed, and the partner's sessions and CDRs."""
    n = operator.partners
    written = 2 * operator.sessions / n * day.SWEEP_HOURS / 24
    one = (
        measured.act("sweep nothing", n)
        .plus(_per_object(measured, "sweep", "locations", n, operator.changed_within(day.SWEEP_HOURS)))
        .plus(_per_object(measured, "sweep", "sessions", n, written))
    )
    return one.times(day.SWEEPS * n)


def _per_object(measured: Measured, act: str, more: str, partners: float, objects: float) -> Tally:
    """What so many objects add to an act, by what :data:`ADDED` of them did."""
    without = "sweep nothing" if act == "sweep" else act
    added = measured.act(f"{act} {more}", partners).plus(measured.act(without, partners).times(-1))
    return added.times(objects / ADDED[f"{act} {more}"])


def billed_ms(tally: Tally, shape: Shape) -> float:
    """Milliseconds that Lambda charges for: processor time on a part of a core, and waiting."""
    waited = sum(tally.of("calls", "", service) * each for service, each in MILLISECONDS.items())
    # Receiving messages is not the function's.
    waited -= tally.of("calls", "queues", "sqs") * MILLISECONDS["sqs"]
    return tally.of("cpu ms") * FULL_CORE_MB / min(shape.memory_mb, FULL_CORE_MB) + waited


def started_ms(total: Tally, measured: Measured) -> float:
    """Milliseconds of a day in which environments start."""
    calls = {name: total.of("invocations", name) for name in measured.init_ms}
    share = FULL_CORE_MB / min(measured.shape.memory_mb, FULL_CORE_MB)
    return sum(cold_starts(calls[name], KEPT_MINUTES) * each * share for name, each in measured.init_ms.items())


def month(operator: Operator, measured: Measured, acts: Mapping[str, Tally]) -> dict[str, float]:
    """What the price list charges for, in its units, in thirty days."""
    total = Tally()
    for each in acts.values():
        total = total.plus(each)
    shape = measured.shape
    gb_seconds = (sum(billed_ms(each, shape) for each in acts.values()) + started_ms(total, measured)) / 1000
    stored = stored_gb(operator, total)
    return {
        "API Gateway requests": total.of("api") * DAYS,
        "Lambda requests": total.of("invocations") * DAYS,
        "Lambda duration": gb_seconds * shape.memory_mb / 1024 * DAYS,
        "DynamoDB writes": total.of("wru") * DAYS,
        "DynamoDB reads": total.of("rru") * DAYS,
        "DynamoDB storage": stored,
        "DynamoDB backup (PITR)": stored,
        "SQS requests": (total.of("calls", "", "sqs") + idle_polls(shape)) * DAYS,
        "KMS key": float(shape.keys),
        "KMS requests": (table_key_requests(total) + vault_requests(operator, total)) * DAYS,
        "Secrets": float(shape.secrets),
        "Secrets Manager requests": active_windows(total.of("invocations", "OperatorFunction")) * DAYS,
        "Logs": logged_bytes(total) * DAYS / GB,
        "Alarms": float(shape.alarms),
        "Data out": total.of("bytes out") * DAYS / GB,
    }


def idle_polls(shape: Shape) -> float:
    """A day: what Lambda asks queues that have nothing."""
    return shape.polled_queues * POLLERS * 86_400 / POLL_SECONDS


def active_windows(invocations: float) -> float:
    """Of the 288 spans of five minutes of a day, those in which a function is called, at random."""
    return 288 * (1 - math.exp(-invocations / 288))


def table_key_requests(total: Tally) -> float:
    """A day: DynamoDB keeps the key of an encrypted table for five minutes for each caller: each function's role."""
    return sum(active_windows(each) for each in total.by("invocations", 1).values())


def vault_requests(operator: Operator, total: Tally) -> float:
    """A day: each new environment of a function that calls partners opens their tokens once."""
    callers = ("DeliverFunction", "PullFunction", "CommandResultsFunction", "ReconcileFunction")
    return sum(cold_starts(total.of("invocations", name), KEPT_MINUTES) for name in callers) * operator.partners


def logged_bytes(total: Tally) -> float:
    """A day."""
    platform = total.of("invocations") * PLATFORM_LOG_BYTES
    return total.of("log bytes") + platform + total.of("api") * ACCESS_LOG_BYTES


def stored_gb(operator: Operator, total: Tally) -> float:
    """In the table and its indexes, after a year."""
    sessions = operator.sessions * day.DAYS_KEPT
    exchanges = total.of("wru", "", "exchange log", "table") * day.EXCHANGE_DAYS
    return (
        sessions * (STORED_BYTES["session"] + STORED_BYTES["cdr"] + 2 * DELIVERY_BYTES)
        + operator.partners * day.TOKENS_A_PARTNER * STORED_BYTES["token"]
        + operator.locations * (STORED_BYTES["location"] + operator.partners * DELIVERY_BYTES)
        + exchanges * EXCHANGE_BYTES
    ) / GB


def read_prices(region: str) -> dict[str, Any]:
    """The price list of a region."""
    found: dict[str, Any] = json.loads((PRICES / f"{region}.json").read_text(encoding="utf-8"))
    return found


def bill(amounts: Mapping[str, float], prices: Mapping[str, Any], *, free: bool) -> dict[str, float]:
    """Dollars by item; ``free``: less what every account gets for nothing."""
    items = prices["items"]
    return {
        name: max(0.0, amount - (items[name]["free"] if free else 0)) * items[name]["price"] / items[name]["per"]
        for name, amount in amounts.items()
    }
