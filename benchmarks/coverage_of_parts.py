"""Branch coverage of security, registration, outbound and store by the tests that guard them, which must be whole.

    python benchmarks/coverage_of_parts.py [PART …] [--json FILE]

For each part (benchmarks/mutating/parts.py) its guards run by themselves, in one process; a line or a branch that they
do not reach is printed, and the exit code is 1. Left out are only what mypy alone reads, and the bodies of protocols
([tool.coverage.report] in pyproject.toml).

What it does not show: that a test would notice if a line were wrong. benchmarks/mutation.py is about that.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import coverage
from mutating.parts import PARTS, ROOT, Part
from report import Figure, Report


def _measure(part: Part, folder: str) -> tuple[float, int]:
    """Run the guards and print what they miss; per cent of lines and branches, and how many there are."""
    data = str(Path(folder) / part.name)
    files = ",".join(map(str, part.files()))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers/ocpi/python")}
    run = [sys.executable, "-m", "coverage", "run", f"--data-file={data}", f"--include={files}"]
    tests = subprocess.run([*run, "-m", "pytest", "-q", *part.guards], cwd=ROOT, env=environment, check=False)
    if tests.returncode:
        sys.exit(f"{part.name}: the tests fail")
    measured = coverage.Coverage(data_file=data)
    measured.load()
    share = measured.report(morfs=[str(file) for file in part.files()])
    return share, sum(_points(measured, str(file)) for file in part.files())


def _points(measured: coverage.Coverage, file: str) -> int:
    """Lines and branches of a file."""
    numbers = measured._analyze(file).numbers  # noqa: SLF001  # the report has only the share
    return int(numbers.n_statements + numbers.n_branches)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all where none is named")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    os.chdir(ROOT)
    shares: dict[str, tuple[float, int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.parts or PARTS:
            shares[name] = _measure(PARTS[name], folder)
    for name, (share, points) in shares.items():
        print(f"{name}: {share:.2f} % of {points:,} lines and branches")
    if chosen.json:
        figures = [
            Figure(f"{name}: lines and branches reached", share, "%", aim="100 %")
            for name, (share, _) in shares.items()
        ]
        Report("coverage_of_parts", figures, notes=[(__doc__ or "").rpartition("\n\n")[2]]).write(chosen.json)
    sys.exit(any(share < 100 for share, _ in shares.values()))


if __name__ == "__main__":
    main()
