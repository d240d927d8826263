"""Whether any request, however odd, is ever answered with a crash, in a wrong form, or stored although it was refused.

    python benchmarks/fuzz.py [--requests 100000] [--seed 1] [--quick] [--json FILE]

Hypothesis makes requests to every route that the functions declare: objects that are right, changed field by field, no
JSON at all, odd queries, headers, paths and methods, by callers of every kind; the handlers run in this process over
SQLite, called with the events of API Gateway. Of each answer it is checked that it is no unexpected 5xx, has the
envelope (or is a problem document), and carries a status that is documented; that a refused request stored nothing;
that no token and nothing of a card came into a log; and that what was taken can be read back and fits the
specification's tables. Exit code 1 if any of that fails; each kind of failure is printed once.
Hypothesis and not schemathesis, which reads an OpenAPI document: there is none, and the routes know their own bodies.
What it does not show: API Gateway itself, DynamoDB, and what several requests do together.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]

from report import Figure, Report  # noqa: E402 - the path comes first

from tests.support.declared_routes import declared_routes  # noqa: E402 - as above
from tests.support.fuzzing.requests import Thrown, requests  # noqa: E402 - as above
from tests.support.fuzzing.rules import Broken, throw  # noqa: E402 - as above
from tests.support.fuzzing.world import World  # noqa: E402 - as above

BATCH, QUICK_REQUESTS = 1_000, 3_000


def fuzz(world: World, count: int, first_seed: int) -> tuple[Counter[int], dict[tuple[str, str], str]]:
    """Answers by HTTP status, and the first failure of each kind."""
    strategy = requests(declared_routes(), world.callers)
    answers: Counter[int] = Counter()
    failures: dict[tuple[str, str], str] = {}

    def attempt(thrown: Thrown) -> None:
        try:
            answers[throw(world, thrown).status] += 1
        except Broken as broken:
            answers[0] += 1
            kind = (str(broken).partition(":")[0], thrown.route)
            if kind not in failures:
                failures[kind] = f"{broken}\n{thrown}"[:4000]
                print(failures[kind], file=sys.stderr)

    options = settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    batch = first_seed
    while answers.total() < count:
        seed(batch)(options(given(strategy)(attempt)))()
        batch += 1
        print(f"{answers.total()} requests, {len(failures)} kinds of failure", file=sys.stderr)
    return answers, failures


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--requests", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=1, help="of the first thousand; each thousand takes the next")
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK_REQUESTS} requests")
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    count = QUICK_REQUESTS if options.quick else options.requests
    started = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        world = World(Path(scratch))
        answers, failures = fuzz(world, count, options.seed)
        world.close()
    milliseconds = (time.process_time() - started) / answers.total() * 1000
    figures = [
        Figure("kinds of failure", len(failures), "kinds", aim="none"),
        Figure("requests", answers.total(), "requests"),
        Figure("processor time", round(milliseconds, 1), "ms/request"),
        *(Figure(f"answered {status}", number, "requests") for status, number in sorted(answers.items())),
    ]
    for figure in figures:
        print(f"{figure.name}: {figure.value} {figure.unit}")
    if options.json:
        Report("fuzz", figures, notes=[f"Seeds from {options.seed} on."]).write(options.json)
    if failures:
        raise SystemExit("\n\n".join(failures.values()))


if __name__ == "__main__":
    main()
