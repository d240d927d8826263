"""Whether SQLite loses anything when the process that writes is killed (``kill -9``) at any moment.

    python benchmarks/killed_sqlite.py [--quick] [--json FILE] [--kills 200] [--seed 1]

A process writes to a store with two threads: objects (one by one and ten in a transaction), deletions, deliveries,
channels and the exchange log, and says of each write when it was acknowledged. It is killed at a random moment within
0.8 seconds of its first write, or, one time in ten, while it starts. Then everything that was acknowledged must be
there as it was, what was not said may be there for the one call that each thread was in, SQLite's own check must find
nothing, nor ``python -m ocpi.doctor``, which counts every object; and the next process goes on with the same file.
Every fiftieth kill begins with a new file. ``--quick`` kills 20 times.

What it does not show: a power cut. A killed process leaves what it wrote to the operating system, a power cut does not.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]

from report import Figure, Report  # noqa: E402 - the path comes first

from tests.support.killing.rounds import Killing  # noqa: E402 - as above

KILLS, QUICK = 200, 20
OF_ONE_FILE = 50


def main() -> int:
    """Kill, and say what was left; 1 if anything was lost or damaged."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    kills = chosen.kills or (QUICK if chosen.quick else KILLS)
    chance, files = random.Random(chosen.seed), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(kills):
            if number % OF_ONE_FILE == 0:
                files.append(Killing(Path(folder) / f"{number}.db", chance))
            files[-1].round()
    lost = [line for each in files for line in each.lost]
    damage = [line for each in files for line in each.damage]
    figures = [
        Figure("kills", sum(each.rounds for each in files), "kills"),
        Figure("of these while it started", sum(each.while_starting for each in files), "kills"),
        Figure("writes that were acknowledged", sum(each.acknowledged for each in files), "writes"),
        Figure("acknowledged writes that were lost", len(lost), "writes", aim="none"),
        Figure(
            "writes that had happened and were not acknowledged", sum(each.unacknowledged for each in files), "writes"
        ),
        Figure("files that were damaged, or counted wrong", len(damage), "files", aim="none"),
    ]
    for figure in figures:
        print(f"{figure.name}: {figure.value:,}")
    for line in lost + damage:
        print(line)
    if chosen.json:
        notes = ["A killed process, not a power cut.", "One machine, its own disk and file system."]
        Report("killed_sqlite", figures, notes=notes).write(chosen.json)
    return 1 if lost or damage else 0


if __name__ == "__main__":
    sys.exit(main())
