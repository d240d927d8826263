"""A function loads the models of its own module, and builds none before it needs one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.v2_1_1.examples import FOLDER

PYTHON = Path(__file__).parents[3] / "layers" / "ocpi" / "python"


def printed(script: str, *arguments: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={"PYTHONPATH": str(PYTHON)},
        capture_output=True,
        check=True,
        text=True,
    )
    return result.stdout.split()


@pytest.mark.parametrize(
    ("module", "not_loaded"),
    [
        ("locations", {"sessions", "cdrs", "tariffs", "tokens", "commands", "credentials", "versions"}),
        ("tokens", {"locations", "sessions", "cdrs", "tariffs", "commands", "credentials", "versions"}),
        ("versions", {"types", "locations", "sessions", "cdrs", "tariffs", "tokens", "commands", "credentials"}),
    ],
)
def test_a_module_loads_no_other_that_it_does_not_use(module: str, not_loaded: set[str]) -> None:
    loaded = printed(f"import sys, ocpi.v2_1_1.{module}; print(*sys.modules)")
    assert f"ocpi.v2_1_1.{module}" in loaded
    assert not {f"ocpi.v2_1_1.{name}" for name in not_loaded} & set(loaded)


def test_no_model_is_built_at_import() -> None:
    script = "from ocpi.v2_1_1.cdrs import CDR; from ocpi.v2_1_1.locations import Location; "
    assert printed(script + "print(CDR.__pydantic_complete__, Location.__pydantic_complete__)") == ["False", "False"]


def test_threads_may_use_a_model_for_the_first_time_at_once() -> None:
    script = """
import sys, threading
from ocpi import strict_json
from ocpi.v2_1_1.cdrs import CDR
from ocpi.v2_1_1.locations import EVSE, Location
from ocpi.v2_1_1.model import check, check_patch
from ocpi.v2_1_1.tariffs import Tariff
sys.setswitchinterval(1e-5)
text = open(sys.argv[1]).read()
models = [CDR, Location, Tariff, EVSE]
start = threading.Barrier(8)
done = []
def use(order):
    value = strict_json.read(text)
    parts = {CDR: value, Location: value["location"], Tariff: value["tariffs"][0], EVSE: value["location"]["evses"][0]}
    start.wait()
    for model in order:
        check(model, parts[model])
        check(model, parts[model], "optional")
        check_patch(model, parts[model])
    done.append(1)
threads = [threading.Thread(target=use, args=(models[::1 if n % 2 else -1],)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*done)
"""
    assert printed(script, str(FOLDER / "cdr_max.json")) == ["1"] * 8
