"""What came of the benchmarks, as lines, and as tables in ``docs/benchmarks.md``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pictures import file_name
from report import Curve, Figure, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from machine import Machine


@dataclass(frozen=True)
class Outcome:
    """Of one benchmark: its report, or why there is none."""

    name: str
    seconds: float
    report: Report | None = None
    error: str | None = None


class NoSection(Exception):
    """The document has no place for the figures of a benchmark; the message says which markers to put in."""


def report_of(text: str) -> Report:
    """A report from its JSON."""
    read = json.loads(text)
    figures = [Figure(**figure) for figure in read["figures"]]
    return Report(read["name"], figures, [Curve(**curve) for curve in read["curves"]], read["notes"])


def number(value: float) -> str:
    """With three digits that count, or all that are before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def line(figure: Figure) -> str:
    """For the terminal."""
    value = f"{figure.name:72} {number(figure.value):>9} {figure.unit}"
    compared = f"  {_ratio(figure)}" if figure.ratio is not None else ""
    return value + compared + (f"  (aim: {figure.aim})" if figure.aim else "")


def _ratio(figure: Figure) -> str:
    return "" if figure.ratio is None else f"{number(figure.ratio)} times {figure.baseline}"


def published(document: str, machine: Machine, outcomes: Iterable[Outcome]) -> str:
    """The document with the figures of this run between its markers. Raises :class:`NoSection`."""
    document = replaced(document, "the machine", machine.text())
    for outcome in outcomes:
        document = replaced(document, outcome.name, section(outcome))
    return document


def replaced(document: str, name: str, text: str) -> str:
    """With another text between the markers of this name. Raises :class:`NoSection`."""
    begin, end = f"<!-- {name}: written by make bench -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(document):
        raise NoSection(f"{begin}{end}")
    return pattern.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", document, count=1)


def section(outcome: Outcome) -> str:
    """Table, notes and pictures of a benchmark."""
    if outcome.report is None:
        return f"Failed in this run: {outcome.error}."
    report = outcome.report
    parts = [table(report.figures), *report.notes]
    parts += [f"![{curve.title}](pictures/{file_name(outcome.name, curve)})" for curve in report.curves]
    return "\n\n".join(parts)


def table(figures: Sequence[Figure]) -> str:
    """A row for each figure; a column of aims if there is any."""
    aims = any(figure.aim for figure in figures)
    head = ["", "measured", "as a ratio", *(["aim"] if aims else [])]
    rows = [head, ["---", "--:", "---", *(["---"] if aims else [])]]
    for figure in figures:
        row = [figure.name, f"{number(figure.value)} {figure.unit}", _ratio(figure)]
        rows.append([*row, figure.aim or ""] if aims else row)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
