"""What a cold function costs until its first answer, as a ratio to importing boto3 with a DynamoDB client and pydantic.

    python benchmarks/cold_start.py [--json FILE] [--quick] [--every-event] [--alternative PYTHON]

For every function of ``template.yaml`` a fresh process imports it as Lambda would and hands it a sample event of
``events/``; in between, a fresh process carries out ``import boto3; boto3.client("dynamodb"); import pydantic`` and no
more. Both have compiled bytecode. Functions get botocore cut as the layer has it
(``layers/dependencies/cut_botocore.py``), the baseline all of boto3. Figures are medians of processor time, user and
system, after the interpreter's own start, and of their ratios to the nearest baseline.

"From sources" is the same with the project's own code uncompiled. That is what Lambda has to do at each cold start if
a layer comes without bytecode: it can write none.

``--alternative``: the interpreter of an environment with ``extrawest-ocpi``, ``mangum`` and ``boto3``: the other
library for OCPI 2.1.1 that goes behind Mangum (``cold_start_alternative.py``).

Not shown: Lambda's own part (fetching layers, starting the sandbox), its disk, and the network: the first request to
DynamoDB opens a TLS connection, here it is answered at once. The baseline does not send any.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
LAYER = ROOT / "layers" / "ocpi" / "python"
sys.path[:0] = [str(ROOT), str(LAYER)]

from report import Figure, Report  # noqa: E402 - the path comes first

from local.template import read_template  # noqa: E402 - as above
from tests.support.cold_functions import (  # noqa: E402 - as above
    Start,
    aws,
    cold,
    cut_packages,
    environment,
    event,
    events_of,
    items,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cold_functions import Measured
    from tests.support.first_answer import Job

AIM = 1.4
ALTERNATIVE_AIM = 0.5
ALTERNATIVES = {
    "extrawest-ocpi behind Mangum, without a store": "",
    "extrawest-ocpi behind Mangum, with a DynamoDB client": "import boto3; boto3.client('dynamodb')\n",
}
"""What they do before their application; a store it must have, and this is the least that one in AWS takes."""
REPEATS, QUICK_REPEATS = 7, 3
BASELINE = "import boto3; boto3.client('dynamodb'); import pydantic"
COPIED = ("locations", "operator", "deliver")
"""Functions that are measured from sources as well: a partner's, the largest, and a worker."""


def function_starts(packages: Path, *, every_event: bool) -> Iterator[Start]:
    """Of every function."""
    table = items()
    for function in read_template(ROOT / "template.yaml").functions:
        for name in events_of(function)[: None if every_event else 1]:
            paths = [str(function.folder), str(LAYER), str(packages)]
            job: Job = {"paths": paths, "events": [event(name)], "items": table, "statements": ""}
            title = name if every_event else function.folder.name
            yield Start(title, sys.executable, job, environment(function))


def source_starts(folder: Path, starts: list[Start]) -> Iterator[Start]:
    """Some of them with the project's code copied to ``folder`` without bytecode."""
    sources = shutil.ignore_patterns("__pycache__", "*.egg-info")
    layer = shutil.copytree(LAYER, folder / "layer", ignore=sources)
    for start in starts:
        if start.name in COPIED:
            code = shutil.copytree(ROOT / "functions" / start.name, folder / start.name, ignore=sources)
            job: Job = {**start.job, "paths": [str(code), str(layer), *start.job["paths"][2:]]}
            yield Start(f"{start.name}, from sources", start.python, job, start.environment, compiled=False)


def other_start(name: str, statements: str, python: str = sys.executable) -> Start:
    """A process that carries out statements."""
    return Start(name, python, {"paths": [], "events": [], "items": [], "statements": statements}, aws())


def alternative_starts(python: str) -> Iterator[Start]:
    """Of the other library, with the event that ``locations`` gets."""
    statements = (ROOT / "benchmarks" / "cold_start_alternative.py").read_text(encoding="utf-8")
    for name, before in ALTERNATIVES.items():
        start = other_start(name, before + statements, python)
        yield replace(start, environment={**start.environment, "FIRST_EVENT": json.dumps(event("locations-list"))})


def measure(starts: list[Start], repeats: int) -> dict[str, list[Measured]]:
    """Every start so often, in turns, and the baseline before every third; ``ratio`` is to that one, since how fast a
    loaded machine is changes within a minute.
    """
    baseline = other_start("baseline", BASELINE)
    found: dict[str, list[Measured]] = {start.name: [] for start in (baseline, *starts)}
    for start in (baseline, *starts):
        cold(start)  # writes the bytecode
    for _ in range(repeats):
        for place, start in enumerate(starts):
            if place % 3 == 0:
                beside = cold(baseline)
                found[baseline.name].append({**beside, "ratio": 1.0})
            measured = cold(start)
            found[start.name].append({**measured, "ratio": measured["cpu"] / beside["cpu"]})
    return found


def report(found: dict[str, list[Measured]]) -> Report:
    """Medians and ratios."""

    def median(name: str, field: str) -> float:
        return statistics.median(float(measured[field]) for measured in found[name])

    base = median("baseline", "cpu")
    figures = [Figure("baseline", base * 1000, "ms", 1.0, BASELINE)]
    for name in found.keys() - {"baseline"}:
        value = median(name, "cpu")
        aim = None if "," in name else f"at most {AIM} times"
        figures.append(Figure(name, value * 1000, "ms", median(name, "ratio"), BASELINE, aim))
    figures.sort(key=lambda figure: (figure.ratio or 0, figure.name))
    for alternative in ALTERNATIVES.keys() & found.keys():
        ratio = median("locations", "ratio") / median(alternative, "ratio")
        aim = f"at most {ALTERNATIVE_AIM} times"
        name = f"locations beside {alternative}"
        figures.append(Figure(name, median("locations", "cpu") * 1000, "ms", ratio, alternative, aim))
    return Report("cold_start", figures, notes=["The network and Lambda's own part of a cold start are not in it."])


def main() -> None:
    parser = argparse.ArgumentParser(description="What a cold function costs until its first answer.")
    parser.add_argument("--json", type=Path, help="write the report there")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_REPEATS} starts of each instead of {REPEATS}")
    parser.add_argument("--every-event", action="store_true", help="of every sample event instead of one a function")
    parser.add_argument("--alternative", help="a python that has extrawest-ocpi, mangum and boto3")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        starts = list(function_starts(cut_packages(Path(folder)), every_event=chosen.every_event))
        starts += source_starts(Path(folder), starts)
        if chosen.alternative:
            starts += alternative_starts(chosen.alternative)
        found = measure(starts, QUICK_REPEATS if chosen.quick else REPEATS)
    made = report(found)
    for figure in made.figures:
        print(f"{figure.name:40} {figure.value:8.1f} {figure.unit}  {figure.ratio:6.2f}")
    if chosen.json:
        made.write(chosen.json)


if __name__ == "__main__":
    main()
