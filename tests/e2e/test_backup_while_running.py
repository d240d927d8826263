"""The SQLite file copied from under a running gateway, and restored, by the very commands of docs/backup.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.support.gateway import ROOT, running_gateway
from tests.support.partner_server import Reply, wait_until
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from pathlib import Path

COPY = "VACUUM INTO"
RESTORE = ("rm -f .local/", "cp -p backup.db", "-m ocpi.doctor sqlite", "-m ocpi.doctor.restored sqlite")


def documented(*words: str) -> list[str]:
    """The commands of the section on this machine that hold these words, one each."""
    text = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"(?ms)^## On this machine\n(.+?)^## ", text)
    commands = re.findall(r"(?m)^    (.+)$", section)
    found = [[command for command in commands if word in command] for word in words]
    assert [len(each) for each in found] == [1] * len(words)
    return [command for (command,) in found]


def run(folder: Path, command: str) -> None:
    """In a shell, in the folder that ``.local`` is in."""
    python = re.sub(r"\.venv/bin/python|\bpython3\b", sys.executable, command)
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "layers/ocpi/python")}
    subprocess.run(python, shell=True, cwd=folder, env=environ, check=True, capture_output=True, timeout=60)  # noqa: S602 - as a person types it


def location(location_id: str, name: str) -> dict[str, Any]:
    return fixture("location_max", id=location_id, name=name, last_updated=...)


def names(partner: PlayedPartner) -> dict[str, str]:
    """Of our locations, as the partner reads them."""
    return {each["id"]: each["name"] for each in partner.get(partner.endpoint("locations")).json()["data"]}


def test_a_copy_made_while_it_runs_holds_all_up_to_then_and_the_partner_goes_on(tmp_path: Path) -> None:
    data = tmp_path / ".local"
    with PlayedPartner("EMSP", "DE", "BAK") as partner:
        partner.server.otherwise = Reply.ocpi()  # whatever it is pushed it takes
        with running_gateway(data=data) as gateway, Operator(gateway) as operator:
            assert operator.put_object("locations", location("L-1", "before")).status_code == 201
            partner.register(operator.invite("EMSP"))
            for command in documented(COPY):
                run(tmp_path, command)
            assert operator.put_object("locations", location("L-1", "after")).status_code == 200
            assert operator.put_object("locations", location("L-2", "after")).status_code == 201
            assert names(partner) == {"L-1": "after", "L-2": "after"}
        assert (tmp_path / "backup.db").stat().st_mode & 0o077 == 0

        for command in documented(*RESTORE):
            run(tmp_path, command)
        with running_gateway(data=data) as gateway, Operator(gateway) as operator:
            # It listens on another port than before; its tokens are the same.
            partner.endpoints = partner.discover(f"{gateway.url}/ocpi/cpo/versions", str(partner.token))
            assert names(partner) == {"L-1": "before"}
            assert partner.put(partner.own_url("tokens", "T-1"), fixture("token_max", uid="T-1")).status_code == 201
            assert operator.put_object("locations", location("L-3", "later")).status_code == 201
            ours = "/emsp/2.1.1/locations/NL/EXA/L-3"
            wait_until(lambda: partner.server.received("PUT", ours) != [])
            (pushed,) = partner.server.received("PUT", ours)
            assert pushed.headers["authorization"] == f"Token {partner.issued}"
