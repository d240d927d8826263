"""The demo network over an operator function that keeps what it is told in one file."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.fake_system import write_system
from tests.support.gateway import Gateway, running_gateway

if TYPE_CHECKING:
    from pathlib import Path

OPERATOR = """
    import json, os, threading
    from pathlib import Path

    KEY = Path(os.environ["OCPI_OPERATOR_KEY"].removeprefix("file:")).read_text().strip()
    FILE = Path(os.environ["OCPI_OPERATOR_KEY"].removeprefix("file:")).with_name("kept.json")
    MODULES = ("locations", "tokens", "tariffs", "sessions", "cdrs")
    EMPTY = {**{module: {} for module in MODULES}, "partners": {}, "invitations": 0}

    def handler(event, context):
        if event["headers"].get("authorization") != "Bearer " + KEY:
            return answer(401, None)
        kept = json.loads(FILE.read_text()) if FILE.exists() else EMPTY
        parts = event["path"].split("/")[2:]
        result = answer(*route(kept, event["httpMethod"], parts, event["body"]))
        FILE.write_text(json.dumps(kept))
        return result

    def route(kept, method, parts, body):
        if parts == ["party"]:
            roles = os.environ.get("OCPI_ROLES", "CPO EMSP").split()
            details = {"business_details": {"name": "Example"}, "roles": roles}
            return 200, {"country_code": "NL", "party_id": "EXA", **details}
        if parts[0] == "2.1.1":
            return module(kept, parts[1], method, body)
        partners = kept["partners"]
        if method == "GET":
            return (200, {"items": list(partners.values())}) if len(parts) == 1 else (200, partners[parts[1]])
        if method == "DELETE":
            del partners[parts[1]]
            return 204, None
        if os.environ.get("OCPI_TEST_REFUSES") == "partners":
            return 500, {"title": "on purpose"}
        kept["invitations"] += 1
        number = str(kept["invitations"])
        partner = {"id": number, "status": "INVITED", **json.loads(body)}
        partners[number] = partner
        ends = os.environ.get("OCPI_TEST_ENDS", "2999-01-01T00:00:00Z")
        versions_url = os.environ["OCPI_PUBLIC_URL"] + "/ocpi/cpo/versions"
        return 201, {**partner, "token": "invitation-" + number, "versions_url": versions_url, "expires_at": ends}

    def module(kept, name, method, body):
        if name not in MODULES or os.environ.get("OCPI_TEST_WITHOUT") == name:
            return 404, {"title": "no such module"}
        if method == "GET":
            return 200, {"items": [], "next_cursor": None, "total": len(kept[name])}
        objects = [json.loads(line) for line in body.splitlines()]
        kept[name].update({each.get("id") or each["uid"]: each for each in objects})
        refused = os.environ.get("OCPI_TEST_REFUSES") == name
        outcome = {"outcome": "refused", "problem": {"detail": "on purpose"}} if refused else {"outcome": "created"}
        return 200, [{"line": number, **outcome} for number, _ in enumerate(objects, start=1)]

    def answer(status, content):
        if isinstance(content, list):
            text = "".join(json.dumps(line) + "\\n" for line in content)
            return {"statusCode": status, "headers": {"Content-Type": "application/x-ndjson"}, "body": text}
        return {"statusCode": status, "body": None if content is None else json.dumps(content)}
"""
VERSIONS = """
    def handler(event, context):
        return {"statusCode": 200, "body": event["headers"].get("authorization", "")}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return write_system(tmp_path / "system", operator=OPERATOR, cpo=VERSIONS)


def kept(gateway: Gateway) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((gateway.data / "kept.json").read_text(encoding="utf-8"))
    return content


def printed(gateway: Gateway) -> str:
    """What it has printed, once the greeting is complete: it comes after endpoints.json."""
    for _ in range(100):
        if "Ask the operator API" in gateway.output():
            break
        time.sleep(0.05)
    return gateway.output()


def test_a_first_start_fills_the_network_and_invites_a_partner(template: Path) -> None:
    with running_gateway(template=template, demo=True) as gateway:
        content = kept(gateway)
        assert [len(content[module]) for module in ("locations", "tokens", "tariffs")] == [50, 20, 3]
        assert 100 < len(content["cdrs"]) <= len(content["sessions"])
        assert [partner["role"] for partner in content["partners"].values()] == ["EMSP"]
        assert "invitation-1" in printed(gateway)


def test_the_commands_of_the_greeting_work_when_pasted(template: Path) -> None:
    with running_gateway(template=template, demo=True) as gateway:
        commands = [line.strip() for line in printed(gateway).splitlines() if line.strip().startswith("curl ")]
        answers = [subprocess.check_output(["sh", "-c", f"{command} -s"], text=True) for command in commands]
    assert answers == ["Token invitation-1", '{"items": [], "next_cursor": null, "total": 50}']
    assert all(shlex.split(command)[0] == "curl" for command in commands)


def test_later_starts_print_the_same_invitation_and_write_nothing(template: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with running_gateway(template=template, demo=True, data=tmp_path / "data") as gateway:
            assert "invitation-1" in printed(gateway)
            content = kept(gateway)
            content["locations"].pop("ZLD001", None)
            (gateway.data / "kept.json").write_text(json.dumps(content), encoding="utf-8")
    assert kept(gateway)["invitations"] == 1
    assert "ZLD001" not in kept(gateway)["locations"]


def test_an_invitation_that_ended_is_replaced(template: Path, tmp_path: Path) -> None:
    ended = {"OCPI_TEST_ENDS": "2020-01-01T00:00:00Z"}
    for _ in range(2):
        with running_gateway(template=template, demo=True, data=tmp_path / "data", environ=ended) as gateway:
            shown = printed(gateway)
    assert "invitation-2" in shown
    assert list(kept(gateway)["partners"]) == ["2"]


def test_an_invitation_that_was_used_is_not_shown_again(template: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with running_gateway(template=template, demo=True, data=tmp_path / "data") as gateway:
            shown = printed(gateway)
            content = kept(gateway)
            content["partners"]["1"]["status"] = "REGISTERED"
            (gateway.data / "kept.json").write_text(json.dumps(content), encoding="utf-8")
    assert "is registered" in shown
    assert "invitation-1" not in shown


@pytest.mark.parametrize("what", ["tokens", "partners"])
def test_a_start_that_fails_says_so_and_the_next_one_completes_it(template: Path, tmp_path: Path, what: str) -> None:
    data = tmp_path / "data"
    with running_gateway(template=template, demo=True, data=data, environ={"OCPI_TEST_REFUSES": what}) as gateway:
        shown = printed(gateway)
        assert "the demo network is incomplete" in shown
        assert "on purpose" in shown
        assert not (data / "demo.json").exists()
    with running_gateway(template=template, demo=True, data=data) as gateway:
        assert "invitation-1" in printed(gateway)
        assert len(kept(gateway)["partners"]) == 1


@pytest.mark.parametrize("module", ["tariffs", "sessions", "cdrs"])
def test_a_module_that_is_not_there_is_left_out(template: Path, module: str) -> None:
    with running_gateway(template=template, demo=True, environ={"OCPI_TEST_WITHOUT": module}) as gateway:
        assert "invitation-1" in printed(gateway)
        content = kept(gateway)
        assert [each for each in ("locations", "tariffs", "sessions", "cdrs") if not content[each]] == [module]


@pytest.mark.parametrize(("role", "objects", "partner"), [("CPO", [50, 0, 3], "EMSP"), ("EMSP", [0, 20, 0], "CPO")])
def test_a_deployment_in_one_role_gets_what_belongs_to_it(
    template: Path, role: str, objects: list[int], partner: str
) -> None:
    with running_gateway(template=template, demo=True, environ={"OCPI_ROLES": role}) as gateway:
        content = kept(gateway)
        assert [len(content[module]) for module in ("locations", "tokens", "tariffs")] == objects
        assert bool(content["sessions"]) is bool(content["cdrs"]) is (role == "CPO")
        assert [each["role"] for each in content["partners"].values()] == [partner]


@pytest.mark.parametrize("environ", [{"DEMO": "0"}, {}])
def test_demo_0_and_no_demo_leave_the_network_empty(template: Path, environ: dict[str, str]) -> None:
    with running_gateway(template=template, demo=bool(environ), environ=environ) as gateway:
        assert "invitation" not in printed(gateway)
        assert not (gateway.data / "kept.json").exists()
        assert not (gateway.data / "demo.json").exists()


def test_the_real_system_takes_the_whole_network_and_its_partner_can_call() -> None:
    with running_gateway(demo=True) as gateway:
        operator, headers = gateway.endpoints["operator"]["url"], gateway.operator_headers
        totals = [
            httpx.get(f"{operator}/2.1.1/{module}?limit=1", headers=headers).json()["total"]
            for module in ("locations", "tokens", "tariffs")
        ]
        assert totals == [50, 20, 3]
        for module in ("sessions", "cdrs"):
            written = httpx.get(f"{operator}/2.1.1/{module}?limit=1000", headers=headers).json()["items"]
            assert 100 < len(written) < 200
            repeated = httpx.put(f"{operator}/2.1.1/{module}/{written[0]['id']}", headers=headers, json=written[0])
            # Not changed, plausible, and nobody's until the partner pushes its cards.
            assert repeated.status_code == 200
            assert repeated.json() == {"object": written[0], "audience": None, "warnings": []}
        invitation = json.loads((gateway.data / "demo.json").read_text(encoding="utf-8"))
        assert invitation["token"] in printed(gateway)
        token = {"Authorization": f"Token {invitation['token']}"}
        versions = httpx.get(gateway.endpoints["ocpi"]["cpo"], headers=token).json()
        assert [each["version"] for each in versions["data"]] == ["2.1.1"]
        assert "WARNING" not in gateway.output()
