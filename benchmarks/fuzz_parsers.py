"""Whether what reads other people's texts ever fails in another way than it says, by coverage-guided fuzzing.

    pip install atheris          (no part of the project: wheels for Linux only, on some versions of Python)
    python benchmarks/fuzz_parsers.py [PARSER …] [--seconds 60] [--quick] [--json FILE]

Each parser of ``tests/support/fuzzing/parsers.py`` runs for so long in a process of its own, with the layer
instrumented: libFuzzer changes texts, and keeps those that reach code which none before them reached. A text that makes
a parser raise what its docstring does not say, or read its own writing otherwise, ends the run with exit code 1 and is
printed. Without atheris the same rules are tried on texts that Hypothesis changes blindly, and the report says so.
What it does not show: that what is read is right, beyond the rules in that file.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from report import Figure, Report

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
QUICK_SECONDS = 5
_RUNS, _COVERED = re.compile(r"number_of_executed_units: (\d+)"), re.compile(r"cov: (\d+)")
_CHILD = "--within"
NAMES = ("times", "cursors", "paging", "authorizations", "content_types", "links", "pauses", "json", "urls", "pages")


def guided(name: str, seconds: int) -> tuple[int, int, str]:
    """Texts tried, places in the code that they reached, and what went wrong, or nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, __file__, _CHILD, name, scratch, f"-max_total_time={seconds}"]
        options = ["-print_final_stats=1", "-max_len=400", "-timeout=10", f"-artifact_prefix={scratch}/"]
        done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
        runs, covered = _RUNS.findall(done.stderr), _COVERED.findall(done.stderr)
        crashes = [
            each.read_bytes() for each in Path(scratch).glob("*-*") if each.name.startswith(("crash", "timeout"))
        ]
    wrong = "" if done.returncode == 0 else f"{crashes}: {done.stdout[-1500:]}{done.stderr[-1500:]}"
    return int(runs[-1]) if runs else 0, int(covered[-1]) if covered else 0, wrong


def blind(name: str, seconds: int) -> tuple[int, int, str]:
    """As :func:`guided`, without knowing what code a text reaches."""
    from hypothesis import HealthCheck, given, seed, settings  # noqa: PLC0415 - where atheris is not

    from tests.support.fuzzing.mutations import mutated  # noqa: PLC0415 - as above
    from tests.support.fuzzing.parsers import PARSERS  # noqa: PLC0415 - as above

    parse, seeds = PARSERS[name]
    tried, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:

        @seed(tried)
        @settings(max_examples=1_000, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(mutated(seeds))
        def parses(data: bytes) -> None:
            nonlocal tried
            tried += 1
            parse(data)

        try:
            parses()
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return tried, 0, f"{type(error).__name__}: {error} {getattr(error, '__notes__', '')}"
    return tried, 0, ""


def within(name: str, folder: str, options: list[str]) -> None:
    """The process of one parser; does not return."""
    import atheris  # type: ignore[import-untyped] # noqa: PLC0415 - ships no types; instruments what comes after it

    with atheris.instrument_imports(include=["ocpi", "email"]):
        from tests.support.fuzzing.parsers import PARSERS  # noqa: PLC0415 - as above

    parse, seeds = PARSERS[name]
    for number, text in enumerate(seeds):
        (Path(folder) / f"seed{number}").write_bytes(text)
    atheris.Setup([sys.argv[0], *options, folder], parse)
    atheris.Fuzz()


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("parsers", nargs="*", default=NAMES)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK_SECONDS} seconds each")
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    is_guided = importlib.util.find_spec("atheris") is not None
    run: Callable[[str, int], tuple[int, int, str]] = guided if is_guided else blind
    figures, wrong = [], []
    for name in options.parsers:
        tried, covered, problem = run(name, QUICK_SECONDS if options.quick else options.seconds)
        print(f"{name}: {tried} texts, {covered} places reached{', WRONG' if problem else ''}", file=sys.stderr)
        figures.append(Figure(f"{name}: texts tried", tried, "texts"))
        if problem:
            wrong.append(f"{name}: {problem}")
    figures.insert(0, Figure("parsers that failed otherwise than they say", len(wrong), "parsers", aim="none"))
    how = "Guided by coverage (atheris)." if is_guided else "Blind: atheris is not installed."
    if options.json:
        Report("fuzz_parsers", figures, notes=[how]).write(options.json)
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]
    if _CHILD in sys.argv[1:2]:
        within(sys.argv[2], sys.argv[3], sys.argv[4:])
    main()
