"""What lies in the data folder after registrations, and who can read it."""

from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING

import pytest

from tests.support.partner_server import Reply
from tests.support.party import Operator, PlayedPartner
from tests.support.spellings import found_in

if TYPE_CHECKING:
    from tests.support.gateway import Gateway

MEANT_TO_HOLD_SECRETS = {"operator.key", "endpoints.json", "vault.key", "webhook.secret"}
THEIRS = [f"their-{name}-4fW9xQ2mTz" for name in ("token-b", "renewed-b", "token-a", "token-c", "renewed-c")]


@pytest.mark.req("CR-48")
def test_after_registrations_both_ways_and_renewals_no_file_holds_a_token(gateway: Gateway) -> None:
    token_b, renewed_b, their_a, their_c, renewed_c = THEIRS
    with (
        Operator(gateway) as operator,
        PlayedPartner("EMSP", "DE", "REC", token=token_b) as receiving,
        PlayedPartner("CPO", "FR", "BEG") as begun,
    ):
        invited = operator.invite("EMSP")
        receiving.register(invited)
        token_c = str(receiving.token)
        given = receiving.credentials(token=renewed_b)
        token_d = receiving.put(receiving.endpoint("credentials"), given).json()["data"]["token"]
        in_base64 = base64.b64encode(token_d.encode()).decode()
        assert receiving.get(receiving.endpoint("locations"), token=in_base64).status_code == 200
        assert receiving.get(receiving.endpoint("locations"), token=token_c).status_code == 401

        credentials = "/cpo/2.1.1/credentials"
        begun.server.on("POST", credentials, Reply.ocpi(begun.credentials(token=their_c)))
        begun.server.on("PUT", credentials, Reply.ocpi(begun.credentials(token=renewed_c)))
        body = {"role": "CPO", "name": "Begun", "versions_url": begun.versions_url, "token": their_a}
        partner = operator.post("/partners", json=body).json()
        assert operator.post(f"/partners/{partner['id']}/credentials").status_code == 200
        offered = [sent.json()["token"] for sent in begun.server.requests if sent.method in ("POST", "PUT")]
        assert len(offered) == 2
        shown = operator.get("/exchanges", params={"limit": 1000}).text + operator.get("/partners").text

    tokens = [*THEIRS, invited.token, token_c, token_d, *offered]
    files = [path for path in gateway.data.rglob("*") if path.is_file() and path.name not in MEANT_TO_HOLD_SECRETS]
    assert {"ocpi.db", "queues.db"} <= {path.name for path in files}
    assert {path.name: found_in(path.read_bytes(), tokens) for path in files} == {path.name: [] for path in files}
    assert found_in(gateway.output().encode(), tokens) == []
    assert found_in(shown.encode(), tokens) == []
    keys = [
        (gateway.data / "operator.key").read_text(encoding="utf-8").strip(),
        (gateway.data / "webhook.secret").read_text(encoding="utf-8").strip(),
    ]
    assert {path.name: found_in(path.read_bytes(), keys) for path in files} == {path.name: [] for path in files}


def test_nobody_but_their_owner_can_read_the_files(gateway: Gateway) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in gateway.data.rglob("*") if path.is_file()}
    assert {name for name, mode in modes.items() if mode & 0o077} <= {"lock"}
    assert stat.S_IMODE(gateway.data.stat().st_mode) == 0o700
    assert (gateway.data / "lock").read_bytes() == b""
