"""A few stories of the kind of which ``benchmarks/twins.py`` tells many: the same ones each time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.twins.machine import Story
from tests.support.twins.world import STATUSES, Twins, Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

STORIES, STEPS = 6, 30


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    made = Twins(tmp_path_factory.mktemp("twins"))
    yield made
    made.close()


def test_whatever_the_network_does_both_hold_the_same_when_it_is_quiet(twins: Twins) -> None:
    Story.twins, Story.told = twins, Counter()
    few = settings(
        max_examples=STORIES,
        stateful_step_count=STEPS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Story, settings=few)
    assert Story.told["stories"] >= STORIES
    assert twins.network.carried > 50
    assert len(twins.network.faults) > 2


def test_everything_arrives_through_a_network_without_faults(twins: Twins) -> None:
    charged(twins)
    twins.quiet()
    assert {
        module: len(twins.emsp.objects("NL-CPA", module)) for module in ("locations", "sessions", "cdrs", "tariffs")
    } == {
        "locations": 1,
        "sessions": 1,
        "cdrs": 1,
        "tariffs": 1,
    }
    assert len(twins.cpo.objects("DE-EMA", "tokens")) == 1


def test_everything_arrives_however_streams_and_queues_hand_it_over_and_whoever_dies(twins: Twins) -> None:
    charged(twins)
    twins.network.late, twins.network.strength = True, 0.2
    twins.roughen(0.5)
    for last in range(6):
        for who in ("cpo", "emsp"):
            twins.kill(who, last)
        twins.set_status(0, STATUSES[last % 2])
        twins.put_token(0, valid=last % 2 == 0)
        twins.wait(30)
    twins.quiet()
    twins.network.late = False
    assert all(each.deaths for each in twins.killing.values())
    assert sum(each.rough.count.total() for each in twins.both.values()) > 10


def test_a_lost_object_is_seen(twins: Twins) -> None:
    charged(twins)
    twins.wait(600)
    twins.emsp._files["ocpi.db"].execute("DELETE FROM objects WHERE collection = 'NL-CPA/cdrs'")
    with pytest.raises(Wrong, match="emsp holds other cdrs than cpo"):
        twins.quiet()


def charged(twins: Twins) -> None:
    twins.begin(1)
    assert twins.register("emsp")
    twins.put_token(0, valid=True)
    twins.put_location(0, 1)
    twins.put_tariff(0, 3)
    twins.wait(10)
    twins.charge(0, 0)
    twins.finish(0)
