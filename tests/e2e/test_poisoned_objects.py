"""An object that was ruined after it was stored keeps nobody from the others; ``python -m ocpi.doctor`` names it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from local.environment import STORE_FILE
from tests.support.gateway import ROOT, Gateway, running_gateway
from tests.support.partner_server import wait_until
from tests.support.party import Operator, fixture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.keeping_partner import KeepingPartner
    from tests.support.party import PlayedPartner

NAMES = ["P-1", "P-2", "P-3"]


def doctor(gateway: Gateway) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "ocpi.doctor", f"sqlite:{gateway.data / STORE_FILE}", "--wait", "1"],
        cwd=ROOT / "layers" / "ocpi" / "python",
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def ruin(gateway: Gateway, object_id: str, document: str) -> None:
    with closing(sqlite3.connect(gateway.data / STORE_FILE, timeout=10)) as db, db:
        db.execute(
            "UPDATE objects SET document = ? WHERE collection = 'own/locations' AND id = ?", (document, object_id)
        )


def test_nothing_is_found_after_a_busy_history_and_while_it_goes_on(tmp_path: Path) -> None:
    with running_gateway(demo=True, data=tmp_path / "data", environ={"DEMO_METER_SECONDS": "0.3"}) as gateway:
        wait_until(lambda: "Ask the operator API" in gateway.output())
        line = next(line for line in gateway.output().splitlines() if "-m local.demo.partner" in line)
        for _ in range(2):
            subprocess.run(["sh", "-c", f"{line.strip()} --seconds 2"], cwd=ROOT, check=True, timeout=60)
        looked = doctor(gateway)
        assert (looked.returncode, looked.stderr) == (0, "")
        assert ": 0 findings, 0 left; " in looked.stdout
        with Operator(gateway) as operator:
            (partner,) = operator.get("/partners").json()["items"]
            assert operator.delete(f"/partners/{partner['id']}?force=true").status_code == 204
        assert doctor(gateway).returncode == 0


@pytest.mark.parametrize("document", ["", '{"id":"P-2","name":"tru'])
def test_the_others_are_listed_and_pushed(
    shared_gateway: Gateway, operator: Operator, emsp: PlayedPartner, keeping: KeepingPartner, document: str
) -> None:
    for name in NAMES:
        assert operator.put_object("locations", fixture("location_min", id=name, last_updated=...)).is_success
    assert doctor(shared_gateway).returncode == 0
    ruin(shared_gateway, "P-2", document)

    for query in ("?limit=2", "?limit=2&date_from=2020-01-01T00:00:00Z"):
        found, url = [], emsp.endpoint("locations") + query
        while url:
            answer = emsp.get(url)
            assert (answer.status_code, answer.json()["status_code"]) == (200, 1000)
            assert answer.headers["X-Total-Count"] == "3"
            found += [each["id"] for each in answer.json()["data"]]
            url = answer.links.get("next", {}).get("url", "")
        assert found == ["P-1", "P-3"]
    answer = operator.get("/2.1.1/locations")
    assert [each["id"] for each in answer.json()["items"]] == ["P-1", "P-3"]

    looked = doctor(shared_gateway)
    assert (looked.returncode, looked.stderr) == (1, "")
    assert looked.stdout.startswith("own/locations/P-2: its document is not JSON that we take; ")

    changed = fixture("location_min", id="P-3", name=f"Changed {len(document)}", last_updated=...)
    assert operator.put_object("locations", changed).is_success
    wait_until(lambda: (keeping.held("locations", "P-3") or {}).get("name") == changed["name"], 20)
    # What the doctor says to do about it.
    assert operator.patch("/2.1.1/locations/P-2", json={"name": "Other"}).status_code == 409
    assert operator.put_object(
        "locations", fixture("location_min", id="P-2", name="Whole again", last_updated=...)
    ).is_success
    assert [each["id"] for each in emsp.get(emsp.endpoint("locations")).json()["data"]] == NAMES
    assert doctor(shared_gateway).returncode == 0


def test_a_partner_replaces_what_it_gave_us(shared_gateway: Gateway, emsp: PlayedPartner) -> None:
    token = fixture("token_min", uid="ruined-card", type="RFID")
    url = emsp.own_url("tokens", "ruined-card")
    assert emsp.put(url, token).status_code == 201
    with closing(sqlite3.connect(shared_gateway.data / STORE_FILE, timeout=10)) as db, db:
        db.execute("UPDATE objects SET document = '{' WHERE id = 'RFID/ruined-card'")
    looked = doctor(shared_gateway)
    assert (looked.returncode, "ruined-card" in looked.stdout, "DE-EMS/tokens/RFID/… (of" in looked.stdout) == (
        1,
        False,
        True,
    )
    assert emsp.put(url, token).json()["status_code"] == 1000
    assert doctor(shared_gateway).returncode == 0
