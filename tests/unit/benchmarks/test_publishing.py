"""Figures as text: ratios beside absolute figures, and the document changed between its markers only."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from machine import Machine
from publishing import NoSection, Outcome, line, number, published, replaced, report_of, section, table
from report import Curve, Figure, Report

HERE = Machine("2026-11-22", "abc1234", "A processor", 2, "3.13.1", 0.5)
BEGIN, END = "<!-- push: written by make bench -->", "<!-- end of push -->"
REPORT = Report(
    "push",
    [Figure("lag", 15.4, "ms", 120.0, "a bare POST"), Figure("pushes", 4200, "pushes/s")],
    [Curve("Lag over partners", "partners", "ms", {"median": [(1, 2.0)]})],
    ["Not in AWS."],
)


def test_only_what_is_between_the_markers_changes() -> None:
    document = f"# Push\n\nwords\n\n{BEGIN}\nold | figures\n{END}\n\nmore words\n<!-- end of pushes -->\n"
    changed = replaced(document, "push", r"new \1 figures")
    assert changed == f"# Push\n\nwords\n\n{BEGIN}\n\nnew \\1 figures\n\n{END}\n\nmore words\n<!-- end of pushes -->\n"
    assert replaced(changed, "push", r"new \1 figures") == changed


def test_a_document_without_the_markers_is_refused_with_what_to_put_in() -> None:
    with pytest.raises(NoSection, match="<!-- push: written by make bench --><!-- end of push -->"):
        replaced("# Push\n", "push", "figures")


def test_the_document_gets_the_machine_and_every_benchmark() -> None:
    document = (
        f"<!-- the machine: written by make bench --><!-- end of the machine -->\n{BEGIN}{END}\n"
        "<!-- cost: written by make bench --><!-- end of cost -->"
    )
    text = published(document, HERE, [Outcome("push", 80, REPORT), Outcome("cost", 2, error="exit code 1")])
    assert "commit abc1234, 2 cores (A processor), Python 3.13.1, load average 0.5" in text
    assert "| lag | 15.4 ms | 120 times a bare POST |" in text
    assert "Failed in this run: exit code 1." in text


def test_a_section_shows_figures_notes_and_pictures() -> None:
    assert section(Outcome("push", 80, REPORT)).split("\n\n") == [
        table(REPORT.figures),
        "Not in AWS.",
        "![Lag over partners](pictures/push-lag-over-partners.svg)",
    ]


def test_a_row_shows_the_ratio_beside_the_figure() -> None:
    assert table(REPORT.figures).splitlines() == [
        "|  | measured | as a ratio |",
        "| --- | --: | --- |",
        "| lag | 15.4 ms | 120 times a bare POST |",
        "| pushes | 4,200 pushes/s |  |",
    ]


def test_an_aim_has_a_column() -> None:
    aimed = Figure("start", 200, "ms", 1.3, "boto3", "at most 1.4 times")
    assert table([aimed]).splitlines()[-1] == "| start | 200 ms | 1.3 times boto3 | at most 1.4 times |"
    assert "(aim: at most 1.4 times)" in line(aimed)


def test_a_name_keeps_its_column_whatever_it_contains() -> None:
    assert r"| a\|b | 1 ms |" in table([Figure("a|b", 1, "ms")])


def test_a_report_comes_back_from_its_json() -> None:
    read = report_of(json.dumps(asdict(REPORT)))
    assert read.figures == REPORT.figures
    assert (read.name, read.notes, read.curves[0].title) == ("push", ["Not in AWS."], "Lag over partners")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "0.123"), (1.44, "1.44"), (15.44, "15.4"), (3.0, "3"), (123.4, "123"), (1_234_567, "1,234,567")],
)
def test_numbers_have_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text
