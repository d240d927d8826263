from __future__ import annotations

import re

import pytest

from local.intrinsics import TemplateError
from local.schedule import Schedule, read_schedule, scheduled_event


@pytest.mark.parametrize(
    ("expression", "interval"),
    [
        ("rate(1 minute)", 60),
        ("rate(5 minutes)", 300),
        ("rate(1 hour)", 3600),
        ("rate(12 hours)", 43_200),
        ("rate(1 day)", 86_400),
        ("rate(7 days)", 604_800),
        ("rate(2 seconds)", 2),
    ],
)
def test_a_rate_is_so_many_seconds_from_run_to_run(expression: str, interval: float) -> None:
    assert read_schedule("UpkeepTick", expression) == Schedule("UpkeepTick", interval)


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 12 * * ? *)",
        "at(2026-11-22T08:00:00)",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(1.5 hours)",
        "rate(-5 minutes)",
        "rate(5 weeks)",
        "rate(5minutes)",
        "rate(5 minutes) ",
        "",
        None,
        5,
    ],
)
def test_what_is_no_rate_is_refused_by_the_name_of_its_schedule(expression: object) -> None:
    with pytest.raises(
        TemplateError, match=re.escape(f"schedule UpkeepTick: {expression!r} is not like rate(1 minute)")
    ):
        read_schedule("UpkeepTick", expression)


def test_the_event_is_that_of_an_eventbridge_rule() -> None:
    event = scheduled_event(Schedule("UpkeepTick", 60), 1_795_334_400.9)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", event.pop("id"))
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2026-11-22T08:00:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:000000000000:rule/UpkeepTick"],
        "detail": {},
    }


def test_no_two_events_share_an_id() -> None:
    schedule = Schedule("UpkeepTick", 60)
    assert scheduled_event(schedule, 0)["id"] != scheduled_event(schedule, 0)["id"]
