"""The local gateway as a process, over functions of its own: what the project's functions do is not its matter."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.fake_system import write_system
from tests.support.gateway import Gateway, GatewayFailedError, running_gateway, start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

ECHO = """
    import asyncio, base64, json, os, time

    def handler(event, context):
        path = event["path"]
        if path.endswith("/raise"):
            raise RuntimeError("on purpose")
        if path.endswith("/malformed"):
            return {"status": 200}
        if path.endswith("/slow"):
            time.sleep(1)
        if path.endswith("/never"):
            time.sleep(60)
        if path.endswith("/bytes"):
            return {"statusCode": 200, "body": base64.b64encode(bytes(range(256))).decode(), "isBase64Encoded": True}
        asyncio.get_event_loop().run_until_complete(asyncio.sleep(0))
        told = {
            "event": event,
            "environment": {name: os.environ.get(name) for name in ("GREETING", "OCPI_STORE", "OCPI_PUBLIC_URL")},
            "request_id": context.aws_request_id,
            "remaining": context.get_remaining_time_in_millis(),
            "arn": context.invoked_function_arn,
        }
        return {"statusCode": 200, "multiValueHeaders": {"X-Two": ["1", "2"]}, "body": json.dumps(told)}
"""
OTHER = """
    def handler(event, context):
        return {"statusCode": 204, "headers": {"X-Function": context.function_name}}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_system(tmp_path_factory.mktemp("system"), echo=ECHO, other=OTHER)


@pytest.fixture(scope="module")
def running(template: Path) -> Iterator[Gateway]:
    with running_gateway(template=template) as gateway:
        yield gateway


def test_a_request_reaches_the_function_of_its_route_as_an_event(running: Gateway) -> None:
    response = httpx.post(f"{running.url}/ocpi/echo/A%2FB?x=%20&x=2", json={"a": 1}, headers={"X-Trace": "t"})
    told = response.json()
    assert response.status_code == 200
    assert response.headers.get_list("x-two") == ["1", "2"]
    assert response.headers["content-type"] == "application/json"
    assert "server" not in response.headers
    assert told["event"]["path"] == "/ocpi/echo/A%2FB"
    assert told["event"]["multiValueQueryStringParameters"] == {"x": [" ", "2"]}
    assert json.loads(told["event"]["body"]) == {"a": 1}
    assert 9000 < told["remaining"] <= 10_000
    assert told["arn"].endswith(":function:echoFunction")


def test_functions_get_the_templates_environment_and_a_local_store(running: Gateway) -> None:
    assert httpx.get(f"{running.url}/ocpi/echo").json()["environment"] == {
        "GREETING": "hello",
        "OCPI_STORE": f"sqlite:{running.data.resolve()}/ocpi.db",
        "OCPI_PUBLIC_URL": running.url,
    }


def test_an_answer_without_content_has_no_body_and_no_length(running: Gateway) -> None:
    response = httpx.get(f"{running.url}/ocpi/other/")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["x-function"] == "otherFunction"
    assert "content-length" not in response.headers


def test_an_answer_to_head_has_no_body(running: Gateway) -> None:
    response = httpx.head(f"{running.url}/ocpi/echo/bytes")
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "256")


def test_bytes_go_out_as_they_are(running: Gateway) -> None:
    assert httpx.get(f"{running.url}/ocpi/echo/bytes").content == bytes(range(256))


@pytest.mark.parametrize("what", ["raise", "malformed"])
def test_a_function_that_fails_is_a_502(running: Gateway, what: str) -> None:
    response = httpx.get(f"{running.url}/ocpi/echo/{what}")
    assert response.status_code == 502
    assert response.json() == {"message": "Internal server error"}


def test_an_unknown_path_gets_the_templates_gateway_response(running: Gateway) -> None:
    response = httpx.get(f"{running.url}/ocpi/nowhere")
    assert response.status_code == 404
    assert response.headers["x-reason"] == "no route"
    assert response.json() == {"status_code": 2000, "status_message": "nothing at /ocpi/nowhere"}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_10_mb_is_refused(running: Gateway, chunked: bool) -> None:
    body = b" " * (10 * 1024 * 1024 + 1)
    content = iter([body[: len(body) // 2], body[len(body) // 2 :]]) if chunked else body
    response = httpx.post(f"{running.url}/ocpi/echo", content=content, timeout=30)
    assert response.status_code == 413
    assert response.json() == {"status_code": 2000, "status_message": "Request Too Long"}


def test_a_body_of_10_mb_is_taken(running: Gateway) -> None:
    response = httpx.post(f"{running.url}/ocpi/other", content=b" " * (10 * 1024 * 1024), timeout=30)
    assert response.status_code == 204


def test_a_client_that_asks_first_is_refused_before_it_sends(running: Gateway) -> None:
    port = int(running.url.rpartition(":")[2])
    head = f"POST /ocpi/echo HTTP/1.1\r\nHost: h\r\nContent-Length: {11 * 1024 * 1024}\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_requests_run_beside_each_other(running: Gateway) -> None:
    def ask() -> None:
        statuses.append(httpx.get(f"{running.url}/ocpi/echo/slow").status_code)

    statuses: list[int] = []
    threads = [threading.Thread(target=ask) for _ in range(8)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert time.monotonic() - began < 6


def test_the_gateway_listens_to_this_machine_only(running: Gateway) -> None:
    port = int(running.url.rpartition(":")[2])
    # All of 127.0.0.0/8 is this machine; a listener on every address would answer on 127.0.0.2 too.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_host_lets_it_listen_elsewhere(template: Path) -> None:
    with running_gateway(template=template, environ={"HOST": "0.0.0.0"}) as gateway:  # noqa: S104 - it is the test
        port = int(gateway.url.rpartition(":")[2])
        socket.create_connection(("127.0.0.2", port), timeout=5).close()


def test_endpoints_json_names_every_url_and_is_private(running: Gateway) -> None:
    path = running.data / "endpoints.json"
    key = (running.data / "operator.key").read_text(encoding="utf-8").strip()
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "ocpi": {"cpo": f"{running.url}/ocpi/cpo/versions", "emsp": f"{running.url}/ocpi/emsp/versions"},
        "operator": {"url": f"{running.url}/operator", "key": key},
    }
    assert len(key) >= 43
    for private in (path, running.data / "operator.key"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_the_greeting_tells_where_to_go_and_prints_no_key(running: Gateway) -> None:
    for _ in range(100):
        if "Bearer" in running.output():
            break
        time.sleep(0.05)
    assert f"{running.url}/ocpi/cpo/versions" in running.output()
    assert f"{running.url}/ocpi/emsp/versions" in running.output()
    assert running.endpoints["operator"]["key"] not in running.output()
    assert running.output().isascii()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(template: Path, number: signal.Signals) -> None:
    with running_gateway(template=template) as gateway:
        httpx.get(f"{gateway.url}/ocpi/echo")
        assert gateway.stop(number) == 0
        assert "Traceback" not in gateway.output()
        assert not (gateway.data / "endpoints.json").exists()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{gateway.url}/ocpi/echo")


def test_requests_under_way_are_finished_at_the_end(template: Path) -> None:
    with running_gateway(template=template) as gateway:
        statuses: list[int] = []
        asking = threading.Thread(
            target=lambda: statuses.append(httpx.get(f"{gateway.url}/ocpi/echo/slow", timeout=10).status_code)
        )
        asking.start()
        time.sleep(0.4)
        assert gateway.stop() == 0
        asking.join()
        assert statuses == [200]


def test_a_request_that_does_not_end_does_not_keep_it(template: Path) -> None:
    with running_gateway(template=template) as gateway:
        with socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2]))) as connection:
            connection.sendall(b"GET /ocpi/echo/never HTTP/1.1\r\nHost: h\r\n\r\n")
            time.sleep(0.4)
            began = time.monotonic()
            assert gateway.stop() == 0
        assert time.monotonic() - began < 10


def test_data_and_key_are_kept_between_runs(template: Path, tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        with running_gateway(template=template, data=tmp_path / "data") as gateway:
            keys.append(gateway.endpoints["operator"]["key"])
            assert gateway.stop() == 0
    assert keys[0] == keys[1]


def test_a_killed_gateway_leaves_a_folder_that_starts_again(template: Path, tmp_path: Path) -> None:
    with running_gateway(template=template, data=tmp_path / "data") as gateway:
        gateway.process.kill()
        gateway.process.wait()
    with running_gateway(template=template, data=tmp_path / "data") as gateway:
        assert httpx.get(f"{gateway.url}/ocpi/other").status_code == 204


def test_a_second_gateway_on_the_same_data_is_refused(template: Path, running: Gateway) -> None:
    assert refusal(template, running.data) == (
        1,
        f"local gateway: {running.data} is in use by another local gateway; stop it, or set DATA\n",
    )
    assert (running.data / "endpoints.json").exists()


def test_a_port_in_use_is_refused_in_one_line(template: Path, running: Gateway, tmp_path: Path) -> None:
    port = int(running.url.rpartition(":")[2])
    assert refusal(template, tmp_path / "data", port) == (
        1,
        f"local gateway: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with PORT\n",
    )


def test_a_function_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    template = write_system(tmp_path / "system", broken="import nowhere_at_all")
    with (
        pytest.raises(GatewayFailedError, match=r"broken/app\.py: No module named 'nowhere_at_all'"),
        running_gateway(template=template),
    ):
        pass


def refusal(template: Path, data: Path, port: int = 0) -> tuple[int, str]:
    """Exit code and output of a gateway that does not start."""
    reader, writer = os.pipe()
    with os.fdopen(reader, encoding="utf-8") as output:
        process: subprocess.Popen[str] = start(data=data, template=template, port=port, output=writer)
        os.close(writer)
        return process.wait(30), output.read()
