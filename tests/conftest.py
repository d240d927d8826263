"""Requirement ids on tests: unknown ones are an error, and ``pytest --requirements`` says which have tests.

All tests run in a time zone that is not UTC: a ``now()`` that forgot its zone must show. No property fails for the time
that it took: the machine may be busy.
"""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path

import hypothesis
import pytest

REQUIREMENTS = Path(__file__).parent / "requirements-2.1.1.csv"

os.environ["TZ"] = "Asia/Kathmandu"
time.tzset()
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--requirements", action="store_true", help="list the requirements of OCPI 2.1.1 that have tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    with REQUIREMENTS.open(encoding="utf-8", newline="") as file:
        known = [row["id"] for row in csv.DictReader(file)]
    held: dict[str, int] = {}
    for item in items:
        for mark in item.iter_markers("req"):
            for requirement in mark.args:
                if requirement not in known:
                    raise pytest.UsageError(f"{item.nodeid}: there is no requirement {requirement}")
                held[requirement] = held.get(requirement, 0) + 1
    if config.getoption("--requirements"):
        areas = dict.fromkeys(requirement.partition("-")[0] for requirement in known)
        for area in areas:
            of_area = [requirement for requirement in known if requirement.startswith(f"{area}-")]
            with_test = [requirement for requirement in of_area if requirement in held]
            print(f"{area} {len(with_test)}/{len(of_area)}: {' '.join(with_test)}")  # noqa: T201 - it was asked for
        print(f"all: {len(held)} of {len(known)} requirements have tests")  # noqa: T201 - as above
        items.clear()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.getoption("--requirements") and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK
