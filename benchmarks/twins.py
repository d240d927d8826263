"""Whether two deployments of ours, a CPO and an eMSP, always come to agree, whatever the network between them does.

    python benchmarks/twins.py [--seeds 1 2 3] [--stories 10] [--steps 40] [--late] [--quick] [--json FILE]

Both run whole in this process, each over SQLite files of its own, by one simulated clock. Hypothesis tells stories: the
operators register, renew, register anew, write and delete objects, charge, send commands, answer them or not, pull and
compare; either side is down; and the network loses requests, loses answers of what was carried out, doubles, delays,
cuts off, and answers 5xx itself, before or after. The stream hands over its shards in any order, in batches that end
anywhere and come again, the queues their messages late, twice, in other places and again although they were worked on,
and either side's process dies after any call, in the midst of a request or of what a worker does. At every step nothing
that one side has of the other may have gone back, no CDR may have changed, and no command may have two results. Then it
is quiet, and in the end both must hold the same, nothing may wait for anything, and every command must have come to an
end. Exit code 1 otherwise. With ``--late`` requests also arrive up to half an hour after their senders gave them up,
when they have sent newer ones.
What it does not show: DynamoDB and SQS themselves, and requests of one side at the same time.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "ocpi" / "python")]

from report import Figure, Report  # noqa: E402 - the path comes first

from tests.support.twins.machine import Story  # noqa: E402 - as above
from tests.support.twins.world import Twins  # noqa: E402 - as above

QUICK_SEEDS, QUICK_STORIES = [1], 5


def tell(seeds: list[int], stories: int, steps: int) -> list[str]:
    """What went wrong, with the story that led there."""
    options = settings(
        max_examples=stories,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    wrong = []
    for number in seeds:
        seed(number)(Story)
        try:
            run_state_machine_as_test(Story, settings=options)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            story = "\n".join(getattr(error, "__notes__", []))
            wrong.append(f"seed {number}: {type(error).__name__}: {error}\n{story}")
            print(wrong[-1], file=sys.stderr)
        print(f"seed {number}: {dict(Story.told)}, {len(wrong)} wrong", file=sys.stderr, flush=True)
    return wrong


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments.add_argument("--stories", type=int, default=10, help="of each seed")
    arguments.add_argument("--steps", type=int, default=40, help="of each story")
    arguments.add_argument("--late", action="store_true", help="requests arrive after their senders gave them up")
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK_STORIES} stories")
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    if options.quick:
        options.seeds, options.stories = QUICK_SEEDS, QUICK_STORIES
    # Deaths are what this is about.
    logging.getLogger("mangum").disabled = logging.getLogger("mangum.http").disabled = True
    started = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        Story.twins, Story.told = Twins(Path(scratch)), Counter()
        Story.twins.network.late = options.late
        wrong = tell(options.seeds, options.stories, options.steps)
        network, died = Story.twins.network, sum(each.deaths for each in Story.twins.killing.values())
        handed = sum((each.rough.count for each in Story.twins.both.values()), Counter[str]())
        Story.twins.close()
    figures = [
        Figure("stories that ended wrongly", len(wrong), "stories", aim="none"),
        Figure("stories", Story.told["stories"], "stories"),
        Figure("steps", Story.told["steps"], "steps"),
        Figure("requests carried out", network.carried, "requests"),
        Figure("faults of the network", network.faults.total(), "faults"),
        Figure("deaths of a process", died, "deaths"),
        Figure("faults of streams and queues", handed.total(), "faults"),
        Figure("processor time", round(time.process_time() - started), "s"),
    ]
    for figure in figures:
        print(f"{figure.name}: {figure.value} {figure.unit}")
    if options.json:
        Report("twins", figures, notes=[f"Seeds {', '.join(map(str, options.seeds))}."]).write(options.json)
    if wrong:
        raise SystemExit("\n\n".join(wrong))


if __name__ == "__main__":
    main()
