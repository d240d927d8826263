"""What each function loads in AWS, up to the answers to its sample events: nothing that it does not use.

Cold starts are what modules cost. A function, or a module, that is not in the table below fails; so does a row that
names what is not loaded any more. ``benchmarks/cold_start.py`` starts them, and says what they cost.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from local.template import read_template
from tests.support.cold_functions import LAYER, ROOT, Start, cold, environment, event, events_of, items

if TYPE_CHECKING:
    from tests.support.first_answer import Job

FUNCTIONS = {each.folder.name: each for each in read_template(ROOT / "template.yaml").functions}

EVERYWHERE = "aws_lambda_powertools boto3 botocore certifi dateutil jmespath s3transfer six typing_extensions urllib3"
ASGI = "anyio mangum starlette"
MODELS = "annotated_types pydantic pydantic_core typing_inspection"
"""Packages. certifi is botocore's if it is there; the layer leaves it out."""

OURS = "aws deployment observability settings store"
"""Below ``ocpi``, for all."""
READING = "errors faults strict_json"
ANSWERING = f"{READING} exchanges registration times transport"
DELIVERING = f"{READING} delivery exchanges outbound queues registration"
JOBS = "commands jobs objects parts pull times transport"
"""What works on pulls and reconciliations, page by page."""

MODEL = "currencies faults fields model models sizes types variants"
"""Below ``ocpi.v2_1_1``: what models are made of."""
CHANGES = "comparison explicit_nulls field_table merge models module_rules places pushes"
"""What finds out how a partner is told of a change: paths and rules, and no model until there is one."""


@dataclass(frozen=True)
class Row:
    """What one function loads beyond what all do; names with a space between."""

    packages: str
    ocpi: str
    v2_1_1: str | None
    """``None``: nothing of that version."""


ROWS = {
    "versions": Row(ASGI, ANSWERING, ""),
    "credentials": Row(ASGI, f"{ANSWERING} {DELIVERING} objects parts vault", CHANGES),
    "locations": Row(
        f"{ASGI} {MODELS}", f"{ANSWERING} objects parts", f"{MODEL} location_tree locations merge taking_rules"
    ),
    "sessions": Row(
        f"{ASGI} {MODELS}",
        f"{ANSWERING} objects parts",
        f"{MODEL} cdrs charging locations merge session_findings session_states sessions taking_rules tariffs",
    ),
    "cdrs": Row(
        f"{ASGI} {MODELS}",
        f"{ANSWERING} objects",
        f"{MODEL} cdr_findings cdrs charging locations taking_rules tariffs",
    ),
    "tariffs": Row(ASGI, f"{ANSWERING} objects parts", "merge models taking_rules"),
    "tokens": Row(
        f"{ASGI} {MODELS}",
        f"{ANSWERING} authorization objects parts",
        f"{MODEL} merge module_rules taking_rules tokens",
    ),
    "commands": Row(
        f"{ASGI} {MODELS}",
        f"{READING} commands exchanges objects outbound parts queues times transport",
        f"{MODEL} commands location_tree merge session_states tokens",
    ),
    "operator": Row(
        f"{ASGI} {MODELS}",
        f"{ANSWERING} {DELIVERING} {JOBS} authorization kept_secret operator_key reconciliation vault",
        f"{CHANGES} {MODEL} location_tree tokens",
    ),
    "command_requests": Row("", f"{READING} commands kept_secret objects outbound queues times", None),
    "command_results": Row("", f"{DELIVERING} commands objects times vault", None),
    "counters": Row("", "", None),
    "push": Row("", f"{DELIVERING} transport", None),
    "deliver": Row("", f"{ANSWERING} {DELIVERING} objects parts vault", CHANGES),
    "pull": Row("", f"{DELIVERING} {JOBS} vault", "merge models module_rules taking_rules"),
    "reconcile": Row("", f"{DELIVERING} {JOBS} reconciliation vault", CHANGES),
    "upkeep": Row("", f"{DELIVERING} {JOBS} reconciliation", CHANGES),
}
"""By folder."""

NEVER = {
    "cryptography",
    "fastapi",
    "local",
    "moto",
    "sqlite3",
    "tests",
    "unittest",
    "uvicorn",
    "yaml",
}
"""Of the standard library, of the local gateway and of tests: nobody's in AWS."""
NEVER_OF_PACKAGES = (
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.data_classes",
    "aws_lambda_powertools.utilities.parser",
    "pydantic.v1",
)
"""Expensive parts of packages that are needed otherwise."""


@cache
def _table_items() -> list[dict[str, Any]]:
    return items()


@cache
def _loaded(name: str, most: int | None = None) -> frozenset[str]:
    """Names of all modules after so many of its sample events, the function's own folder's left out."""
    function = FUNCTIONS[name]
    job: Job = {
        "paths": [str(function.folder), str(LAYER)],
        "events": [event(each) for each in events_of(function)[:most]],
        "items": _table_items(),
        "statements": "",
    }
    own = {file.stem for file in function.folder.glob("*.py")}
    done = cold(Start(name, sys.executable, job, environment(function)))
    return frozenset(module for module in done["modules"] if module not in own)


def _below(parent: str, modules: frozenset[str]) -> set[str]:
    """First parts of the names of those below a package."""
    return {name.removeprefix(f"{parent}.").partition(".")[0] for name in modules if name.startswith(f"{parent}.")}


def test_every_function_has_a_row() -> None:
    assert ROWS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_loads_what_its_row_says(name: str) -> None:
    row, loaded = ROWS[name], _loaded(name)
    packages = {module.partition(".")[0] for module in loaded if not module.startswith("_")}
    packages -= sys.stdlib_module_names | {"ocpi"}
    everywhere = set(EVERYWHERE.split())
    # Which of them depends on the version of Python, too: typing_extensions on 3.11 and hardly later.
    assert packages - everywhere == set(row.packages.split())
    ours = set(f"{OURS} {row.ocpi}".split()) | ({"v2_1_1"} if row.v2_1_1 is not None else set())
    assert _below("ocpi", loaded) == ours
    assert _below("ocpi.v2_1_1", loaded) == set((row.v2_1_1 or "").split())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_loads_nothing_that_is_for_other_places_than_aws(name: str) -> None:
    loaded = _loaded(name)
    assert {module.partition(".")[0] for module in loaded} & NEVER == set()
    assert [module for module in loaded if module.startswith(NEVER_OF_PACKAGES)] == []
    assert [module for module in loaded if module.startswith("ocpi.store.sqlite")] == []
    assert [module for module in loaded if module in ("ocpi.queues.sqlite", "ocpi.vault.keyfile")] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_models_are_loaded_for_a_body_and_for_nothing_else(name: str) -> None:
    """The usual event of a function comes first: of all but one it has no body that a model describes."""
    models = {"pydantic", "ocpi.v2_1_1.model", "ocpi.v2_1_1.fields"}
    assert _loaded(name, 1) & models == (models if name == "commands" else set())


@pytest.mark.parametrize("name", [name for name, each in FUNCTIONS.items() if not each.routes])
def test_a_worker_loads_no_event_loop(name: str) -> None:
    assert "asyncio" not in _loaded(name)
