"""The local gateway runs what ``template.yaml`` schedules, in its own process and over functions of its own."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.fake_system import write_system
from tests.support.gateway import Gateway, GatewayFailedError, running_gateway

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKER = """
    import json, os, pathlib, time

    RUNS = pathlib.Path(os.environ["OCPI_STORE"].partition(":")[2]).with_name("runs")

    def handler(event, context):
        if "resources" not in event:
            raise RuntimeError("not a scheduled event")
        told = {"event": event, "request_id": context.aws_request_id, "greeting": os.environ["GREETING"]}
        with RUNS.open("a") as runs:
            runs.write(json.dumps(told) + "\\n")
"""
FAILING = """
    def handler(event, context):
        raise RuntimeError("on purpose")
"""
ECHO = """
    def handler(event, context):
        return {"statusCode": 204}
"""
SCHEDULES = {"worker": "rate(1 second)", "failing": "rate(1 second)"}


def runs_of(gateway: Gateway) -> list[dict[str, Any]]:
    path = gateway.data / "runs"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def ticking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose worker has run twice."""
    folder = tmp_path_factory.mktemp("system")
    template = write_system(folder, SCHEDULES, worker=WORKER, failing=FAILING, echo=ECHO)
    with running_gateway(template=template) as gateway:
        deadline = time.monotonic() + 20
        while len(runs_of(gateway)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        yield gateway


def test_a_scheduled_function_runs_again_and_again_with_an_event_of_its_own(ticking: Gateway) -> None:
    runs = runs_of(ticking)
    assert len(runs) >= 2
    assert {run["event"]["detail-type"] for run in runs} == {"Scheduled Event"}
    assert len({run["event"]["id"] for run in runs}) == len({run["request_id"] for run in runs}) == len(runs)
    assert runs[0]["event"]["resources"] == ["arn:aws:events:eu-central-1:000000000000:rule/workerFunctionTick"]


def test_a_scheduled_function_gets_the_templates_environment(ticking: Gateway) -> None:
    assert runs_of(ticking)[0]["greeting"] == "hello"


def test_a_scheduled_function_that_fails_is_told_of_and_stops_nothing_else(ticking: Gateway) -> None:
    assert "failingFunctionTick: failingFunction failed" in ticking.output()
    assert httpx.get(f"{ticking.url}/ocpi/echo").status_code == 204


def test_a_scheduled_function_has_no_path(ticking: Gateway) -> None:
    assert httpx.get(f"{ticking.url}/ocpi/worker").status_code == 404


def test_a_gateway_with_schedules_ends_cleanly(tmp_path: Path) -> None:
    template = write_system(tmp_path / "system", {"worker": "rate(5 minutes)"}, worker=WORKER, echo=ECHO)
    with running_gateway(template=template) as gateway:
        began = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - began < 5
        assert "Traceback" not in gateway.output()


def test_a_schedule_that_cannot_be_followed_is_refused_at_the_start(tmp_path: Path) -> None:
    template = write_system(tmp_path / "system", {"worker": "cron(0 12 * * ? *)"}, worker=WORKER)
    with (
        pytest.raises(
            GatewayFailedError, match=r"exit code 1;(?s:.*)schedule workerFunctionTick: 'cron\(0 12 \* \* \? \*\)'"
        ),
        running_gateway(template=template),
    ):
        pass
