"""Every route that the functions of the template declare: what the matrix of isolation is held to.

Printed by a process of its own (``python -m tests.support.declared_routes``), because a function reads its settings as
it is loaded, and is to find its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]


def declared_routes() -> dict[str, list[str]]:
    """The methods of each path; what varies in it is in braces: ``/ocpi/emsp/2.1.1/cdrs/{cdr_id}``."""
    command = [sys.executable, "-W", "error", "-m", "tests.support.declared_routes"]
    path = os.pathsep.join(filter(None, (str(ROOT / "layers/ocpi/python"), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, check=True, capture_output=True, text=True
    )
    routes: dict[str, list[str]] = json.loads(done.stdout)
    return routes


def _collect() -> dict[str, list[str]]:
    # What they need is on the path of this process only.
    from local.environment import joint_environment, local_environment, queue_environment  # noqa: PLC0415
    from local.functions import load  # noqa: PLC0415
    from local.template import read_template  # noqa: PLC0415
    from ocpi.transport import routing  # noqa: PLC0415

    routes: dict[str, list[str]] = {}

    def application(resources: Sequence[routing.Resource], surface: Any) -> Any:
        del surface
        for resource in resources:
            path = re.sub(r"\{(\w+):\w+\}", r"{\1}", resource.path)
            assert path not in routes, f"{path} is declared twice"
            routes[path] = resource.allow
        return lambda *_: None

    routing.application = application
    template = read_template(ROOT / "template.yaml")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        overrides = local_environment(data, 80, {}) | queue_environment(template.functions, template.queues, data)
        os.environ.update(joint_environment(template.functions, overrides))
        asyncio.set_event_loop(asyncio.new_event_loop())
        for function in template.functions:
            if function.routes:
                load(function.folder, function.handler)
    return routes


if __name__ == "__main__":
    json.dump(_collect(), sys.stdout)
    # The event loop and the store are the functions', which live until their process ends.
    sys.stdout.flush()
    os._exit(0)
