"""The local gateway's operator key is replaced while it runs, without an answer of 401 to whoever does it right."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.gateway import ROOT, running_gateway, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.gateway import Gateway


def rotate(data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "local.rotate_operator_key", "--data", str(data)]
    return subprocess.run(command, cwd=ROOT, check=False, text=True, capture_output=True)


def status(gateway: Gateway, key: str) -> int:
    return httpx.get(f"{gateway.url}/operator/party", headers={"Authorization": f"Bearer {key}"}).status_code


def key_in(data: Path) -> str:
    return (data / "operator.key").read_text(encoding="utf-8").strip()


def test_both_keys_open_for_an_hour_and_afterwards_the_new_one(gateway: Gateway) -> None:
    old = key_in(gateway.data)
    assert status(gateway, old) == 200
    assert status(gateway, f"{old}x") == 401
    done = rotate(gateway.data)
    new = key_in(gateway.data)
    assert (done.returncode, new != old, len(new)) == (0, True, 43)
    assert new not in done.stdout + done.stderr
    assert [status(gateway, key) for key in (new, old, new, f"{new}x")] == [200, 200, 200, 401]
    assert json.loads((gateway.data / "endpoints.json").read_text(encoding="utf-8"))["operator"]["key"] == new
    for name in ("operator.key", "operator.key.previous", "endpoints.json"):
        assert stat.S_IMODE((gateway.data / name).stat().st_mode) == 0o600

    # An hour later, told by the file's time; a gateway that starts then knows nothing else.
    gateway.stop()
    os.utime(gateway.data / "operator.key", (time.time() - 3601,) * 2)
    with running_gateway(data=gateway.data) as later:
        assert [status(later, key) for key in (new, old)] == [200, 401]


def test_where_there_is_no_key_none_is_made(tmp_path: Path) -> None:
    done = rotate(tmp_path)
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert "no operator key yet" in done.stderr


@pytest.mark.parametrize("name", ["operator.key", "webhook.secret"])
def test_a_secret_that_others_can_read_is_taken_from_them_and_named(tmp_path: Path, name: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / name).write_text("a secret that somebody put there", encoding="utf-8")
    (data / name).chmod(0o644)
    with running_gateway(data=data) as gateway:
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
        assert (data / name).read_text(encoding="utf-8") == "a secret that somebody put there"
        assert f"{name} was open to others (mode 644)" in gateway.output()
        assert "somebody" not in gateway.output()


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_of_partners_tokens_that_others_can_read_keeps_the_gateway_from_starting(
    tmp_path: Path, mode: int
) -> None:
    data, log = tmp_path / "data", tmp_path / "log"
    with running_gateway(data=data):
        pass
    (data / "vault.key").chmod(mode)
    with log.open("w") as output:
        assert start(data=data, output=output.fileno()).wait(60) == 1
    printed = log.read_text(encoding="utf-8")
    assert "is open to others than its owner: chmod 600" in printed
    assert "Traceback" not in printed
    assert stat.S_IMODE((data / "vault.key").stat().st_mode) == mode
