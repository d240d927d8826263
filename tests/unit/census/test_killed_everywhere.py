"""Whatever call to store, queue, vault or partner an invocation dies after, in the end all is as if it had lived.

A flow is one route and method, or one function and what feeds it (``tests/support/census``). The other deployment of
the pair, and everything else of this one, goes on as always; whoever got no answer asks again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from local.environment import chosen_settings
from local.template import read_template
from tests.support.census import event_flows, get_flows, operator_flows, partners_flows
from tests.support.census.house import House
from tests.support.declared_routes import declared_routes
from tests.support.gateway import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.census.flow import Flow

FLOWS = [*partners_flows.FLOWS, *operator_flows.FLOWS, *event_flows.FLOWS, *get_flows.FLOWS]
MOST_DEATHS = 12
HELD_ELSEWHERE = {
    # Only in AWS, where the counters are a function; there it dies before and after each single write.
    "CountersFunction: stream": "tests/unit/store/test_counters_killed.py",
}
CALLS_NOTHING = {"GET /operator/party"}
"""What is answered from the settings alone."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    """Deaths are what this is about."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_whatever_call_it_dies_after_the_outcome_is_the_same(flow: Flow, house: House) -> None:
    killing = house.killing[flow.side]
    wanted = flow.run(house)
    calls = list(killing.calls)
    assert bool(calls) is (flow.place not in CALLS_NOTHING), "nothing of this flow ran where it was to die"
    for last in _spread(_deaths(flow, killing.telling)):
        found = flow.run(house, last)
        where = f"after call {last} of {calls}"
        assert killing.died, f"it lived {where}"
        assert flow.misses(wanted, found) == [], where


def _deaths(flow: Flow, telling: list[int]) -> list[int]:
    """Who only asks leaves nothing behind before its first write."""
    return telling[1:] if flow.place.startswith("GET ") else telling


def _spread(deaths: list[int]) -> list[int]:
    """Of the few flows that take dozens of calls as many as of others, the first and the last among them. All are in
    ``benchmarks/faults.py``, and of pulls and reconciliations in ``test_killed.py`` beside their other tests.
    """
    step = max(1.0, (len(deaths) - 1) / (MOST_DEATHS - 1))
    return [deaths[round(step * n)] for n in range(min(len(deaths), MOST_DEATHS))]


def test_no_flow_is_without_a_death() -> None:
    places = {flow.place for flow in FLOWS} | HELD_ELSEWHERE.keys()
    assert places == _places()
    for file in HELD_ELSEWHERE.values():
        assert "Killed" in (ROOT / file).read_text(encoding="utf-8")


def _places() -> set[str]:
    """All that ``template.yaml`` leads to: routes, streams, queues and schedules."""
    found = {f"{method} {path}" for path, methods in declared_routes().items() for method in methods}
    told = {"OCPI_COMMAND_HOOK_URL": "https://hook.example/"}
    for function in read_template(ROOT / "template.yaml", chosen_settings(told)).functions:
        found |= {f"{function.name}: {source.queue.name}" for source in function.event_sources}
        found |= {f"{function.name}: {schedule.name}" for schedule in function.schedules}
        found |= {f"{function.name}: stream" for _ in function.streams}
    return found


def test_what_a_death_leaves_undone_is_seen(house: House) -> None:
    (flow,) = [flow for flow in FLOWS if flow.name == "pull everything"]
    wanted = flow.run(house)
    with house.deployment("emsp").system.at_work():
        upkeep = house.deployment("emsp").system.module("ocpi.jobs.upkeep").JobUpkeep
    looks = upkeep.look_at
    upkeep.look_at = lambda self, record: None
    try:
        # The pull is stored, and the message that would begin it never sent.
        with pytest.raises(AssertionError, match="not done after"):
            flow.misses(wanted, flow.run(house, house.killing["emsp"].calls.index("SQLiteQueue.send")))
    finally:
        upkeep.look_at = looks
