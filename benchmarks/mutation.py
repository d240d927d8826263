"""Whether the tests of security, registration, outbound and store notice when the code is changed.

    python benchmarks/mutation.py [PART …] [--file PATTERN] [--again] [--results FOLDER] [--json FILE]

Each part (benchmarks/mutating/parts.py) is mutated in every place that mutating/operators.py knows, one change at a
time, and the tests that reach the changed line are run until one fails. A survivor is a change that none of them
noticed within 15 seconds of tests; those that cannot matter are explained in mutating/explained. ``--again`` runs
only what survived in FOLDER before, and what is new. Exit code 1 where more than a tenth survives, or a survivor is
not explained.

What it does not show: mistakes that no small change makes; the words of messages, which are left alone; tests that are
not among the guards (end-to-end, deployed, census, storm, twins) would kill some of the survivors.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mutating import forks
from mutating.mutants import Mutant, mutants_of
from mutating.parts import PARTS, ROOT, Part
from mutating.running import COLD, SURVIVED, cold, warm
from mutating.survivors import explained
from mutating.watching import Watched, watch
from report import Figure, Report

HOUR = 3600
AIM = 0.90

Ends = dict[tuple[str, ...], str]
"""How each mutant ended, by what it changes."""


@dataclass(frozen=True)
class Tally:
    """Of one part."""

    part: str
    mutants: int
    killed: int
    survivors: list[dict[str, Any]]

    @property
    def share(self) -> float:
        """Of all mutants."""
        return self.killed / self.mutants if self.mutants else 1.0


def _key(mutant: Mutant | dict[str, Any]) -> tuple[str, ...]:
    """What a mutant is, wherever its line moves. Equal changes in one function are told apart by their order."""
    known = mutant if isinstance(mutant, dict) else mutant.as_dict()
    return tuple(str(known[name]) for name in ("file", "function", "operator", "before", "after"))


def _run(part: Part, folder: Path, pattern: str, *, again: bool) -> Tally:
    kept = folder / f"{part.name}.json"
    before = _survived_before(kept) if again and kept.exists() else None
    mutants = [mutant for file in part.files() if fnmatch(str(file), pattern) for mutant in mutants_of(file)]
    chosen = [mutant for mutant in mutants if before is None or before.get(_key(mutant), SURVIVED).startswith("surv")]
    print(f"{part.name}: {len(mutants)} mutants, {len(chosen)} to run", flush=True)
    watched_file = folder / f"{part.name}.watched.json"
    _in_fork(lambda: watch(part, watched_file))
    ends = _ends(part, chosen, watched_file, folder)
    results = [
        {
            **mutant.as_dict(),
            "end": ends.get((mutant.file, mutant.node, mutant.variant)) or (before or {})[_key(mutant)],
        }
        for mutant in mutants
    ]
    kept.write_text(json.dumps(results, indent=0), encoding="utf-8")
    survivors = [result for result in results if result["end"].startswith(SURVIVED)]
    return Tally(part.name, len(results), len(results) - len(survivors), survivors)


def _survived_before(kept: Path) -> Ends:
    ends: Ends = {}
    for result in json.loads(kept.read_text(encoding="utf-8")):
        key = _key(result)
        if not ends.get(key, "").startswith(SURVIVED):
            ends[key] = result["end"]
    return ends


def _ends(part: Part, chosen: list[Mutant], watched_file: Path, folder: Path) -> dict[tuple[str, int, int], str]:
    """Warm where that is possible, cold for the others."""
    log = folder / f"{part.name}.ends.jsonl"
    log.unlink(missing_ok=True)

    def seen(mutant: Mutant, said: str) -> None:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([mutant.file, mutant.node, mutant.variant, said]) + "\n")

    _in_fork(lambda: warm(part, chosen, Watched.read(watched_file), seen))
    ends = _read(log)
    missing = [mutant for mutant in chosen if ends.get((mutant.file, mutant.node, mutant.variant), COLD) == COLD]
    print(f"{part.name}: {len(missing)} of them cold", flush=True)
    _in_fork(lambda: cold(missing, Watched.read(watched_file), seen))
    return _read(log)


def _read(log: Path) -> dict[tuple[str, int, int], str]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return {(file, node, variant): said for file, node, variant, said in map(json.loads, lines)}


def _in_fork(work: Any) -> None:
    process = os.fork()
    if process == 0:
        code = 1
        try:
            print(work(), flush=True)
            code = 0
        except BaseException:  # noqa: BLE001  # the child must end here, and say why
            traceback.print_exc()
        finally:
            os._exit(code)
    if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]):
        sys.exit("the run of the tests ended with an error")


def _tell(tally: Tally) -> int:
    """Print the survivors that nobody explained; how many they are."""
    reasons = explained(tally.part)
    unexplained = [found for found in tally.survivors if not any(reason.fits(found) for reason in reasons)]
    for found in unexplained:
        print(f"{found['file'].partition('ocpi/python/ocpi/')[2]}:{found['line']} {found['function'] or '(at import)'}")
        print(f"    {found['operator']}: {found['before']}\n    -> {found['after']}   ({found['end']})")
    print(
        f"{tally.part}: {tally.killed} of {tally.mutants} killed ({tally.share:.1%}), {len(tally.survivors)} survived, "
        f"{len(unexplained)} of them not explained",
        flush=True,
    )
    by_file = Counter(found["file"].rpartition("/")[2] for found in unexplained)
    print("   ", ", ".join(f"{file} {count}" for file, count in by_file.most_common()))
    return len(unexplained)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all where none is named")
    parser.add_argument("--file", default="*", help="only files whose path fits this pattern")
    parser.add_argument("--again", action="store_true", help="only what survived before, and what is new")
    parser.add_argument("--results", type=Path, default=ROOT / ".mutation")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    chosen.results.mkdir(exist_ok=True)
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "layers/ocpi/python")]
    os.environ["PYTHONPATH"] = str(ROOT / "layers/ocpi/python")
    started = time.monotonic()
    figures, unexplained, shares = [], 0, []
    for name in chosen.parts or PARTS:
        tally = _run(PARTS[name], chosen.results, chosen.file, again=chosen.again)
        unexplained += _tell(tally)
        shares.append(tally.share)
        figures.append(Figure(f"{name}: mutants", tally.mutants, "mutants"))
        figures.append(Figure(f"{name}: killed", tally.killed, "mutants", aim=f"at least {AIM:.0%}"))
    print(f"{time.monotonic() - started:.0f} s on {forks.processors()} processors")
    if chosen.json:
        Report("mutation", figures, notes=[(__doc__ or "").rpartition("\n\n")[2]]).write(chosen.json)
    sys.exit(bool(unexplained) or min(shares) < AIM)


if __name__ == "__main__":
    main()
