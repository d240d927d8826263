"""The runner of the benchmarks: one that fails is named and stops no other, and none outlives its time."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import run
from machine import Machine
from publishing import Outcome
from report import Curve, Figure, Report
from run import BENCHMARKS, Benchmark, run_all

if TYPE_CHECKING:
    from pathlib import Path

HERE = Machine("2026-11-22", "abc1234", "A processor", 2, "3.13.1", 0.5)
DOCUMENT = """# Benchmarks
<!-- the machine: written by make bench --><!-- end of the machine -->
<!-- push: written by make bench -->old<!-- end of push -->
"""
REPORTS = """
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true", required=True)
parser.add_argument("--json", type=pathlib.Path)
parser.parse_args().json.write_text('{"name": "good", "figures": [], "curves": [], "notes": ["a note"]}')
"""


def script(folder: Path, name: str, text: str) -> Benchmark:
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return Benchmark(name, 30)


def test_a_benchmark_hands_over_its_report(tmp_path: Path) -> None:
    outcome = run.run(script(tmp_path, "good", REPORTS), 30, tmp_path)
    assert outcome.error is None
    assert outcome.report == Report("good", [], notes=["a note"])


def test_a_benchmark_that_fails_has_no_report_even_if_it_wrote_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = REPORTS + "raise SystemExit('what came out is not what went in')\n"
    outcome = run.run(script(tmp_path, "wrong", text), 30, tmp_path)
    assert (outcome.report, outcome.error) == (None, "exit code 1")
    assert "what came out is not what went in" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_a_benchmark_that_compares_gets_the_alternative_if_there_is_one(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "ALTERNATIVE", tmp_path / "python")
    if there:
        (tmp_path / "python").touch()
    required = f"required={there}" if there else "choices=[]"
    text = REPORTS.replace("parser.parse_args", f'parser.add_argument("--alternative", {required})\nparser.parse_args')
    compares = replace(script(tmp_path, "compares", text), compares=True)
    assert run.run(compares, 30, tmp_path).error is None


def test_a_benchmark_without_a_report_has_failed(tmp_path: Path) -> None:
    assert run.run(script(tmp_path, "silent", "pass\n"), 30, tmp_path).error == "wrote no report"


def test_what_a_benchmark_started_ends_with_its_time(tmp_path: Path) -> None:
    text = f"""
import pathlib, subprocess, time
child = subprocess.Popen([{sys.executable!r}, "-c", "import time; time.sleep(100)"])
pathlib.Path({str(tmp_path / "child")!r}).write_text(str(child.pid))
time.sleep(100)
"""
    assert run.run(script(tmp_path, "endless", text), 2, tmp_path).error == "not done after 2 s"
    child, end = int((tmp_path / "child").read_text(encoding="utf-8")), time.monotonic() + 10
    while _runs(child):
        assert time.monotonic() < end, "it still runs"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Whether it does; a process that nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - gone as quickly as it is looked at
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_the_others_run_whichever_fails() -> None:
    def runner(benchmark: Benchmark, _: float) -> Outcome:
        return Outcome(benchmark.name, 1.0, error="broken" if benchmark.name == "b" else None)

    outcomes = run_all([Benchmark(name, 1) for name in "abc"], runner, clock=lambda: 0.0)
    assert [(outcome.name, outcome.error) for outcome in outcomes] == [("a", None), ("b", "broken"), ("c", None)]


def test_all_together_end_in_time() -> None:
    now = 0.0
    given = []

    def runner(benchmark: Benchmark, left: float) -> Outcome:
        nonlocal now
        given.append(left)
        now += 500
        return Outcome(benchmark.name, 500)

    outcomes = run_all([Benchmark(name, 600) for name in "abc"], runner, clock=lambda: now)
    assert given == [run.TOTAL_SECONDS, run.TOTAL_SECONDS - 500]
    assert outcomes[2].error == "no time was left"


def published(monkeypatch: pytest.MonkeyPatch, folder: Path, outcomes: list[Outcome]) -> list[str]:
    """Publish into a folder; the names of the pictures that were drawn."""
    drawn = list[str]()
    monkeypatch.setattr(run, "RESULTS", folder / "results.json")
    monkeypatch.setattr(run, "DOCUMENT", folder / "benchmarks.md")
    monkeypatch.setattr(run, "PICTURES", folder / "pictures")
    monkeypatch.setattr(run, "draw", lambda _, path: drawn.append(path.name))
    (folder / "benchmarks.md").write_text(DOCUMENT, encoding="utf-8")
    run.publish(HERE, outcomes)
    return drawn


def test_results_say_where_when_and_of_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = Curve("Push lag", "partners", "ms", {"median": [(1, 15.5), (5, 42)]}, y_scale="log")
    report = Report("push", [Figure("lag", 15.5, "ms", 120.0, "a bare POST")], [curve])
    drawn = published(monkeypatch, tmp_path, [Outcome("push", 81.0, report)])
    assert drawn == ["push-push-lag.svg"]
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    (push,) = results.pop("benchmarks")
    assert results == {
        "date": "2026-11-22",
        "commit": "abc1234",
        "processor": "A processor",
        "cores": 2,
        "python": "3.13.1",
        "load": 0.5,
    }
    assert (push["name"], push["seconds"], push["error"]) == ("push", 81.0, None)
    assert push["report"]["figures"][0]["ratio"] == 120.0
    assert push["report"]["curves"][0]["series"] == {"median": [[1, 15.5], [5, 42]]}


def test_results_name_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(monkeypatch, tmp_path, [Outcome("push", 2.0, error="exit code 1")])
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["benchmarks"] == [{"name": "push", "seconds": 2.0, "report": None, "error": "exit code 1"}]
    assert "Failed in this run: exit code 1." in (tmp_path / "benchmarks.md").read_text(encoding="utf-8")


def test_pictures_that_nothing_draws_any_more_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictures").mkdir()
    old = tmp_path / "pictures" / "push-of-old.svg"
    old.touch()
    published(monkeypatch, tmp_path, [Outcome("push", 2.0, error="exit code 1")])
    assert not old.exists()


def test_the_run_ends_with_the_names_of_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "push"])
    monkeypatch.setattr(run, "run_all", lambda _: [Outcome("push", 1.0, error="exit code 1")])
    with pytest.raises(SystemExit, match="push: exit code 1"):
        run.main()


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.name)
def test_every_benchmark_is_a_script_with_a_section_in_the_document(benchmark: Benchmark) -> None:
    assert (run.HERE / f"{benchmark.name}.py").exists()
    document = run.DOCUMENT.read_text(encoding="utf-8")
    assert document.count(f"<!-- {benchmark.name}: written by make bench -->") == 1
    assert document.count(f"<!-- end of {benchmark.name} -->") == 1
