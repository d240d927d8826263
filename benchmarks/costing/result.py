"""What was measured, as tables, figures and a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from report import Curve, Figure, Report

from costing.day import Operator
from costing.model import DAYS, Measured, bill, billed_ms, day_of, month, read_prices
from costing.tables import table
from costing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping

OPERATORS = [Operator(evses, partners) for partners in (5, 20) for evses in (50, 500, 5_000)]
CURVE_EVSES = (10, 50, 100, 500, 1_000, 5_000)
ACTS = {
    "status": "a status changes, and all partners get it",
    "session start": "a session begins, its partner gets it",
    "session update": "its meter is read",
    "session stop": "it ends",
    "cdr": "its CDR",
    "authorize": "a card is authorized from the whitelist",
    "authorize in real time": "… by asking the partner",
    "command": "START_SESSION with its result",
    "token": "a partner pushes a token",
    "poll nothing": "a partner polls, nothing is new",
    "pull": "a pull of two tokens that are known",
    "upkeep": "a minute passes",
    "sweep nothing": "an hourly sweep of one partner, nothing is new",
}
"""By name of what is measured."""
PARTS = {
    "the exchange log": ("wru", "", "exchange log"),
    "the counters of lists": ("wru", "", "counters"),
    "deliveries and channels": ("wru", "", "deliveries"),
    "objects and their indexes": ("wru", "", "objects"),
}
"""Of the write units, whose they are."""


class Result:
    """``checks``: worlds of other sizes, by name."""

    def __init__(self, measured: Measured, checks: Mapping[str, Mapping[str, Tally]], region: str) -> None:
        self._measured, self._checks = measured, checks
        self._prices = read_prices(region)

    def month(self, operator: Operator, *, free: bool = False, without: tuple[str, ...] = ()) -> dict[str, float]:
        """Dollars by item."""
        acts = {name: tally for name, tally in day_of(operator, self._measured).items() if name not in without}
        return bill(month(operator, self._measured, acts), self._prices, free=free)

    def total(self, operator: Operator, *, free: bool = False) -> float:
        """Dollars a month."""
        return sum(self.month(operator, free=free).values())

    def tables(self) -> dict[str, str]:
        """By name of their place in the document."""
        found = {
            "bill": self._bill(),
            "acts": self._acts(),
            "origin": self._origin(),
            "parts": self._parts(),
            "day": self._day(),
            "prices": self._price_list(),
        }
        return found | ({"checks": self._check_table()} if self._checks else {})

    def report(self) -> Report:
        """For ``make bench``."""
        figures = [
            Figure(f"{operator.name}: a month, {kind}", round(self.total(operator, free=free), 2), "USD")
            for operator in OPERATORS
            for kind, free in (("list price", False), ("less what is always free", True))
        ]
        for name, said in ACTS.items():
            act = self._measured.act(name, 5)
            figures.append(Figure(f"{said} (5 partners): read units", round(act.of("rru"), 1), "RRU"))
            figures.append(Figure(f"{said} (5 partners): write units", round(act.of("wru"), 1), "WRU"))
        series = {
            f"{partners} partners": [(float(n), round(self.total(Operator(n, partners)), 2)) for n in CURVE_EVSES]
            for partners in (5, 20)
        }
        curve = Curve("What a month costs", "EVSEs", "dollars, list price", series, "log", "log")
        notes = [
            f"prices of {self._prices['region']} as of {self._prices['as_of']}: check them",
            "waiting times are assumed; a core of this machine is taken for one of Lambda's",
            "after a year, with every session a partner's; docs/cost.md says how often what happens",
        ]
        return Report("cost", figures, [curve], notes)

    def _bill(self) -> str:
        months = [self.month(operator) for operator in OPERATORS]
        rows = [[name, *(_dollars(each[name]) for each in months)] for name in months[0]]
        rows.append(["**all, list price**", *(f"**{_dollars(sum(each.values()))}**" for each in months)])
        free = [_dollars(self.total(operator, free=True)) for operator in OPERATORS]
        rows.append(["**less what is always free**", *(f"**{each}**" for each in free)])
        return table(["dollars a month", *(operator.name for operator in OPERATORS)], rows)

    def _acts(self) -> str:
        rows = []
        for name, said in ACTS.items():
            row = [said]
            for partners in (5, 20):
                act = self._measured.act(name, partners)
                calls = act.of("calls", "", "dynamodb")
                numbers = (act.of("rru"), act.of("wru"), act.of("invocations"), calls)
                row += [*(f"{number:,.0f}" for number in numbers), f"{billed_ms(act, self._measured.shape):,.0f}"]
            rows.append(row)
        head = ["RRU", "WRU", "runs", "calls", "ms"]
        return table(["", *(f"{each}, {n} partners" for n in (5, 20) for each in head)], rows)

    def _origin(self) -> str:
        days = [day_of(operator, self._measured) for operator in OPERATORS]
        rows = [[name, *(_dollars(self._of_acts(each[name])) for each in days)] for name in days[0]]
        whole = [self.total(operator) for operator in OPERATORS]
        acts = [sum(self._of_acts(each) for each in found.values()) for found in days]
        rows.append(["there without any act", *(_dollars(a - b) for a, b in zip(whole, acts, strict=True))])
        return table(["dollars a month", *(operator.name for operator in OPERATORS)], rows)

    def _of_acts(self, tally: Tally) -> float:
        """Dollars a month of what happens each day: requests, units and time only."""
        items = self._prices["items"]
        shape = self._measured.shape
        amounts = {
            "API Gateway requests": tally.of("api"),
            "Lambda requests": tally.of("invocations"),
            "Lambda duration": billed_ms(tally, shape) / 1000 * shape.memory_mb / 1024,
            "DynamoDB writes": tally.of("wru"),
            "DynamoDB reads": tally.of("rru"),
            "SQS requests": tally.of("calls", "", "sqs"),
        }
        dollars: float = sum(
            amount * DAYS * items[name]["price"] / items[name]["per"] for name, amount in amounts.items()
        )
        return dollars

    def _parts(self) -> str:
        rows = []
        for said, name in PARTS.items():
            of_part = [self._whole_day(operator) for operator in OPERATORS]
            dollars = [_dollars(self._of_acts(Tally({("wru", "all"): each.of(*name)}))) for each in of_part]
            share = [each.of(*name) / each.of("wru") for each in of_part]
            rows.append([f"writes of {said}", *(f"{d} ({s:.0%})" for d, s in zip(dollars, share, strict=True))])
        for said, function in {"the function `counters`": "CountersFunction", "`deliver`": "DeliverFunction"}.items():
            of_function = [_only(self._whole_day(operator), function) for operator in OPERATORS]
            rows.append([f"{said}, with all that it does", *(_dollars(self._of_acts(each)) for each in of_function)])
        more = [self.total(Operator(each.evses, each.partners + 1)) - self.total(each) for each in OPERATORS]
        rows.append(["**a partner more**", *(f"**{_dollars(each)}**" for each in more)])
        return table(["dollars a month", *(operator.name for operator in OPERATORS)], rows)

    def _whole_day(self, operator: Operator) -> Tally:
        total = Tally()
        for each in day_of(operator, self._measured).values():
            total = total.plus(each)
        return total

    def _day(self) -> str:
        days = [self._whole_day(operator) for operator in OPERATORS]
        rows = [
            ["locations", *(f"{each.locations:,}" for each in OPERATORS)],
            ["sessions", *(f"{each.sessions:,.0f}" for each in OPERATORS)],
            ["changes of a status", *(f"{each.changes:,.0f}" for each in OPERATORS)],
            ["requests to the API", *(f"{each.of('api'):,.0f}" for each in days)],
            ["requests to partners", *(f"{each.of('calls', '', 'partner'):,.0f}" for each in days)],
            ["runs of functions", *(f"{each.of('invocations'):,.0f}" for each in days)],
            ["calls of DynamoDB", *(f"{each.of('calls', '', 'dynamodb'):,.0f}" for each in days)],
            ["read request units", *(f"{each.of('rru'):,.0f}" for each in days)],
            ["write request units", *(f"{each.of('wru'):,.0f}" for each in days)],
            ["seconds of Lambda", *(f"{billed_ms(each, self._measured.shape) / 1000:,.0f}" for each in days)],
        ]
        return table(["a day", *(operator.name for operator in OPERATORS)], rows)

    def _price_list(self) -> str:
        rows = [
            [
                f"[{name}]({item['source']})",
                f"{item['price']:.10g}",
                f"{item['per']:,} {item['unit']}",
                f"{item['free']:,}",
            ]
            for name, item in self._prices["items"].items()
        ]
        head = [f"{self._prices['region']}, as of {self._prices['as_of']}", "dollars", "for", "always free, a month"]
        return table(head, rows)

    def _check_table(self) -> str:
        rows = []
        for world, acts in self._checks.items():
            partners = 20 if world.startswith("20") else 5
            for name in acts:
                if name in ACTS:
                    line = self._measured.act(name, partners)
                    pairs = [(line.of(what), acts[name].of(what)) for what in ("rru", "wru", "invocations", "cpu ms")]
                    rows.append([f"{world}: {ACTS[name]}", *(f"{a:,.1f} / {b:,.1f}" for a, b in pairs)])
        return table(["from the line / measured", "RRU", "WRU", "runs", "ms of processor"], rows)


def _only(tally: Tally, function: str) -> Tally:
    return Tally({name: amount for name, amount in tally.items() if name[1] == function})


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"
