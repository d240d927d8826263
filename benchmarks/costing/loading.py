"""What loading a function takes in a process that has loaded nothing of it: processor milliseconds.

python benchmarks/costing/loading.py '{"folder": …, "handler": …, "layers": […], "environment": {…}}'
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from local.functions import load  # noqa: E402 - the path comes first


def main(told: str) -> float:
    function = json.loads(told)
    os.environ |= function["environment"]
    sys.path[:0] = function["layers"]
    # Mangum asks for an event loop already when it is made.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    began = time.process_time()
    load(Path(function["folder"]), function["handler"])
    took = time.process_time() - began
    loop.close()
    return took * 1000


if __name__ == "__main__":
    print(main(sys.argv[1]))
