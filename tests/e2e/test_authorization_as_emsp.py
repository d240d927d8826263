"""CPO partners have our tokens authorized in real time, by the operator's rule or by its hook (section 12.2.2.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of, ended, problem
from tests.support.gateway import running_gateway
from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.partner_server import PartnerServer, Reply
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.support.gateway import Gateway

TWO = {"location_id": "L-1", "evse_uids": ["E-1", "E-2"]}
ONE = {"location_id": "L-1", "evse_uids": ["E-1"]}
WHOLE = {"location_id": "L-1"}
TEXT = {"language": "en", "text": "At home only"}


def own(operator: Operator, **changes: Any) -> str:
    """A token of ours; its uid."""
    token = fixture("token_max", **{"uid": fresh_id("A"), **changes})
    answer = operator.put(f"/2.1.1/tokens/{in_url(token['uid'])}", json=token)
    assert answer.status_code == 201, answer.text
    return str(token["uid"])


def ruled(operator: Operator, rule: dict[str, Any], **changes: Any) -> str:
    """A token of ours with a rule; its uid."""
    uid = own(operator, **changes)
    assert operator.put(f"/2.1.1/tokens/{uid}/authorization", json=rule).status_code == 201
    return uid


def authorize(cpo: PlayedPartner, uid: str, **options: Any) -> httpx.Response:
    return cpo.call("POST", cpo.endpoint("tokens", in_url(uid), "authorize"), **options)


def info(cpo: PlayedPartner, uid: str, place: Any = ..., **options: Any) -> Any:
    return data_of(authorize(cpo, uid, **options) if place is ... else authorize(cpo, uid, json=place, **options))


@pytest.mark.req("TOK-30", "TF-27")
@pytest.mark.parametrize("uid", [uid for uid in AWKWARD_IDS if len(uid) <= 36])
def test_a_valid_token_without_a_rule_is_allowed_everywhere(operator: Operator, cpo: PlayedPartner, uid: str) -> None:
    own(operator, uid=uid)
    assert info(cpo, uid) == {"allowed": "ALLOWED"}
    assert info(cpo, uid, TWO) == {"allowed": "ALLOWED", "location": TWO}


@pytest.mark.req("TOK-44")
def test_a_token_that_is_not_valid_is_blocked_whatever_its_rule(operator: Operator, cpo: PlayedPartner) -> None:
    assert info(cpo, own(operator, valid=False), TWO) == {"allowed": "BLOCKED"}
    uid = ruled(operator, {"allowed": "ALLOWED"})
    assert info(cpo, uid)["allowed"] == "ALLOWED"
    operator.patch(f"/2.1.1/tokens/{uid}", json={"valid": False})
    assert info(cpo, uid) == {"allowed": "BLOCKED"}


@pytest.mark.req("TOK-36", "TOK-37", "TOK-43")
@pytest.mark.parametrize("outcome", ["ALLOWED", "BLOCKED", "EXPIRED", "NO_CREDIT", "NOT_ALLOWED"])
def test_every_outcome_is_a_success_of_ocpi(operator: Operator, cpo: PlayedPartner, outcome: str) -> None:
    uid = ruled(operator, {"allowed": outcome, "info": TEXT})
    location = {"location": TWO} if outcome == "ALLOWED" else {}
    assert info(cpo, uid, TWO) == {"allowed": outcome, "info": TEXT, **location}


@pytest.mark.req("TOK-33", "TOK-34", "TOK-35", "TOK-36")
def test_a_rule_with_locations_holds_for_these_and_needs_to_know_which(operator: Operator, cpo: PlayedPartner) -> None:
    uid = ruled(operator, {"allowed": "ALLOWED", "locations": [ONE, {"location_id": "L-2", "evse_uids": []}]})
    ended(authorize(cpo, uid), 200, 2002)
    assert info(cpo, uid, TWO) == {"allowed": "ALLOWED", "location": ONE}
    assert info(cpo, uid, WHOLE) == {"allowed": "ALLOWED", "location": ONE}
    assert info(cpo, uid, {"location_id": "L-2"}) == {"allowed": "ALLOWED", "location": {"location_id": "L-2"}}
    for elsewhere in ({"location_id": "L-3"}, {"location_id": "L-1", "evse_uids": ["E-9"]}):
        assert info(cpo, uid, elsewhere) == {"allowed": "NOT_ALLOWED"}


@pytest.mark.req("TOK-33", "SC-04")
def test_a_rule_may_need_a_location_without_saying_which(operator: Operator, cpo: PlayedPartner) -> None:
    uid = ruled(operator, {"allowed": "ALLOWED", "locations": None, "location_required": True})
    ended(authorize(cpo, uid), 200, 2002)
    assert info(cpo, uid, WHOLE) == {"allowed": "ALLOWED", "location": WHOLE}


@pytest.mark.req("TOK-42")
def test_connectors_are_ignored_and_never_sent(operator: Operator, cpo: PlayedPartner) -> None:
    uid = ruled(operator, {"allowed": "ALLOWED", "locations": [ONE]})
    assert info(cpo, uid, {**TWO, "connector_ids": ["1"]}) == {"allowed": "ALLOWED", "location": ONE}


@pytest.mark.req("TOK-32", "TOK-46")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"content": b"", "headers": {"Content-Length": "0"}},
        {"content": b"", "headers": {"Content-Type": "application/json"}},
        {"content": b"", "headers": {"Content-Type": "text/plain"}},
        {"content": b" \r\n"},
        {"content": b"null"},
        {"content": b'""', "headers": {"Content-Type": "application/json"}},
    ],
)
def test_a_body_may_be_empty_and_then_names_no_location(
    operator: Operator, cpo: PlayedPartner, options: dict[str, Any]
) -> None:
    assert info(cpo, own(operator), **options) == {"allowed": "ALLOWED"}


@pytest.mark.req("TOK-41")
@pytest.mark.parametrize(
    ("body", "http_status", "field"),
    [
        (b"{}", 200, "/location_id: "),
        (b'{"evse_uids": ["E-1"]}', 200, "/location_id: "),
        (b'{"location_id": null}', 200, "/location_id: "),
        (b'{"location_id": "L-1", "evse_uids": "E-1"}', 200, "/evse_uids: "),
        (b"[]", 200, "/: "),
        (b'"L-1"', 200, "/: "),
        (b"false", 200, "/: "),
        (b'{"location_id": ', 400, "the body is not JSON"),
    ],
)
def test_a_body_that_is_no_reference_is_refused(
    operator: Operator, cpo: PlayedPartner, body: bytes, http_status: int, field: str
) -> None:
    answer = authorize(cpo, own(operator), content=body)
    ended(answer, http_status, 2001)
    assert answer.json()["status_message"].startswith(field)


@pytest.mark.req("TOK-38", "TOK-40")
@pytest.mark.parametrize("name", ["type", "token_type"])
def test_the_type_says_which_token_is_meant_and_rfid_is_unless_there_is_only_the_other(
    operator: Operator, cpo: PlayedPartner, name: str
) -> None:
    uid = ruled(operator, {"allowed": "EXPIRED"}, type="OTHER")
    assert info(cpo, uid) == {"allowed": "EXPIRED"}
    ended(authorize(cpo, uid, params={name: "RFID"}), 404, 2001)
    own(operator, uid=uid)
    assert info(cpo, uid) == info(cpo, uid, params={name: "RFID"}) == {"allowed": "ALLOWED"}
    assert info(cpo, uid, params={name: "OTHER"}) == {"allowed": "EXPIRED"}
    for wrong in ("FOO", "rfid", ""):
        ended(authorize(cpo, uid, params={name: wrong}), 200, 2001)
    ended(authorize(cpo, uid, params={"type": "RFID", "token_type": "OTHER"}), 200, 2001)
    assert info(cpo, uid, params={"type": "OTHER", "token_type": "OTHER"}) == {"allowed": "EXPIRED"}


@pytest.mark.req("TOK-39")
def test_an_unknown_token_is_not_found(operator: Operator, cpo: PlayedPartner) -> None:
    ended(authorize(cpo, fresh_id("A")), 404, 2001)
    ended(authorize(cpo, own(operator).lower(), json=TWO), 404, 2001)


@pytest.mark.req("TOK-31")
def test_a_token_is_authorized_under_its_own_url_and_by_post_only(operator: Operator, cpo: PlayedPartner) -> None:
    uid = own(operator)
    assert cpo.call("POST", cpo.endpoint("tokens", uid)).status_code in {404, 405}
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        ended(cpo.call(method, cpo.endpoint("tokens", uid, "authorize")), 405, 2000)
    assert data_of(cpo.call("POST", cpo.endpoint("tokens", uid, "authorize") + "/")) == {"allowed": "ALLOWED"}


def test_only_a_registered_cpo_is_answered(
    operator: Operator, cpo: PlayedPartner, emsp: PlayedPartner, gateway: Gateway
) -> None:
    uid = own(operator)
    url = cpo.endpoint("tokens", uid, "authorize")
    ended(cpo.call("POST", url, token="nobody's"), 401, 2000)
    ended(emsp.call("POST", url), 401, 2000)
    with Operator(gateway) as other, PlayedPartner("CPO", "FR", "SUS") as partner:
        partner.register(other.invite("CPO"))
        own(other, uid=uid)
        other.patch(f"/partners/{partner.partner_id}", json={"status": "SUSPENDED"})
        assert authorize(partner, uid).status_code == 403


# The operator's rule


def test_a_rule_is_put_read_replaced_and_deleted(operator: Operator, cpo: PlayedPartner) -> None:
    uid = own(operator)
    path = f"/2.1.1/tokens/{uid}/authorization"
    problem(operator.get(path), 404)
    problem(operator.delete(path), 404)
    rule = {"allowed": "ALLOWED", "locations": [ONE], "location_required": True, "info": TEXT}
    created = operator.put(path, json=rule)
    assert (created.status_code, created.json()) == (201, rule)
    again = operator.put(path, json=rule)
    assert (again.status_code, again.json(), again.headers["ETag"]) == (200, rule, created.headers["ETag"])
    assert operator.get(path).json() == rule
    replaced = operator.put(path, json={"allowed": "NO_CREDIT", "locations": None})
    assert (replaced.status_code, replaced.json()) == (200, {"allowed": "NO_CREDIT"})
    assert info(cpo, uid) == {"allowed": "NO_CREDIT"}
    for method in ("PUT", "DELETE"):
        stale = {"If-Match": created.headers["ETag"]}
        problem(operator.request(method, path, json={"allowed": "BLOCKED"}, headers=stale), 412)
    assert operator.delete(path).status_code == 204
    problem(operator.get(path), 404)
    assert info(cpo, uid) == {"allowed": "ALLOWED"}


def test_a_rule_belongs_to_one_type_of_a_uid(operator: Operator, cpo: PlayedPartner) -> None:
    uid = own(operator)
    own(operator, uid=uid, type="OTHER")
    path = f"/2.1.1/tokens/{uid}/authorization"
    operator.put(path, json={"allowed": "EXPIRED"}, params={"type": "OTHER"})
    problem(operator.get(path), 404)
    assert operator.get(path, params={"type": "OTHER"}).json() == {"allowed": "EXPIRED"}
    assert info(cpo, uid, params={"type": "OTHER"}) == {"allowed": "EXPIRED"}
    assert info(cpo, uid) == {"allowed": "ALLOWED"}


def test_a_rule_that_is_not_valid_is_refused_with_where_and_not_stored(operator: Operator) -> None:
    path = f"/2.1.1/tokens/{own(operator)}/authorization"
    answer = problem(operator.put(path, json={"locations": [{"evse_uids": []}], "until": 1}), 422)
    assert {fault["pointer"] for fault in answer["errors"]} == {"/allowed", "/locations/0/location_id", "/until"}
    problem(operator.put(path, content=b"{"), 400)
    problem(operator.get(path), 404)


def test_there_is_no_rule_for_a_token_that_is_not_there(operator: Operator) -> None:
    for method in ("GET", "PUT", "DELETE"):
        path = f"/2.1.1/tokens/{fresh_id('A')}/authorization"
        problem(operator.request(method, path, json={"allowed": "ALLOWED"}), 404)
    uid = own(operator)
    problem(operator.put(f"/2.1.1/tokens/{uid}/authorization?type=OTHER", json={"allowed": "ALLOWED"}), 404)
    problem(operator.put(f"/2.1.1/tokens/{uid}/authorization?type=FOO", json={"allowed": "ALLOWED"}), 400)
    problem(operator.post(f"/2.1.1/tokens/{uid}/authorization", json={"allowed": "ALLOWED"}), 405)


def test_a_rule_is_no_object_and_shows_in_no_list(operator: Operator, cpo: PlayedPartner) -> None:
    before = cpo.get(cpo.endpoint("tokens")).headers["X-Total-Count"]
    uid = ruled(operator, {"allowed": "EXPIRED"})
    assert cpo.get(cpo.endpoint("tokens")).headers["X-Total-Count"] == str(int(before) + 1)
    problem(operator.get("/2.1.1/authorizations"), 404)
    problem(operator.get(f"/2.1.1/authorizations/{in_url(f'RFID/{uid}')}"), 404)


# The operator's hook


@pytest.fixture(scope="module")
def hook() -> Iterator[PartnerServer]:
    """The operator's own system."""
    with PartnerServer() as server:
        yield server


@pytest.fixture(scope="module")
def hooked(hook: PartnerServer) -> Iterator[Gateway]:
    """A deployment that is told of the hook."""
    with running_gateway(environ={"OCPI_AUTHORIZATION_HOOK_URL": f"{hook.url}/authorize"}) as running:
        yield running


@pytest.fixture(scope="module")
def hooked_operator(hooked: Gateway) -> Iterator[Operator]:
    with Operator(hooked) as client:
        yield client


@pytest.fixture(scope="module")
def hooked_cpo(hooked_operator: Operator) -> Iterator[PlayedPartner]:
    with PlayedPartner("CPO", "FR", "CPO") as partner:
        partner.register(hooked_operator.invite("CPO"))
        yield partner


@pytest.mark.req("TOK-35", "TOK-37")
def test_the_hook_decides_and_is_asked_with_a_signature_of_this_deployment(
    hook: PartnerServer, hooked: Gateway, hooked_operator: Operator, hooked_cpo: PlayedPartner
) -> None:
    uid = ruled(hooked_operator, {"allowed": "EXPIRED"})
    hook.on("POST", "/authorize", Reply.json({"allowed": "ALLOWED", "location": ONE, "info": TEXT}))
    assert info(hooked_cpo, uid, {**TWO, "connector_ids": ["1"]}) == {
        "allowed": "ALLOWED",
        "location": ONE,
        "info": TEXT,
    }
    request = hook.received("POST", "/authorize")[-1]
    token = fixture("token_max", uid=uid)
    assert request.json() == {"token": token, "location": TWO, "partner": hooked_cpo.partner_id}
    assert "authorization" not in request.headers
    secret = (hooked.data / "webhook.secret").read_text().strip()
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert (hooked.data / "webhook.secret").stat().st_mode & 0o077 == 0
    hook.on("POST", "/authorize", Reply.json({"allowed": "NO_CREDIT"}))
    assert info(hooked_cpo, uid) == {"allowed": "NO_CREDIT"}
    assert hook.received("POST", "/authorize")[-1].json()["location"] is None


@pytest.mark.req("TOK-33", "SC-04")
def test_the_hook_may_ask_for_a_location(
    hook: PartnerServer, hooked_operator: Operator, hooked_cpo: PlayedPartner
) -> None:
    hook.on("POST", "/authorize", Reply.json({"location_required": True}))
    ended(authorize(hooked_cpo, own(hooked_operator)), 200, 2002)


@pytest.mark.req("TOK-44")
def test_the_hook_cannot_allow_a_token_that_is_not_valid(
    hook: PartnerServer, hooked_operator: Operator, hooked_cpo: PlayedPartner
) -> None:
    hook.on("POST", "/authorize", Reply.json({"allowed": "ALLOWED"}))
    assert info(hooked_cpo, own(hooked_operator, valid=False)) == {"allowed": "BLOCKED"}


@pytest.mark.parametrize(
    "reply", [Reply.json({"allowed": "ALLOWED"}, status=500), Reply(200, b"yes"), Reply.json({}, wait=30)]
)
def test_the_stored_rule_decides_when_the_hook_does_not_and_soon_enough(
    hook: PartnerServer, hooked: Gateway, hooked_operator: Operator, hooked_cpo: PlayedPartner, reply: Reply
) -> None:
    uid = ruled(hooked_operator, {"allowed": "NO_CREDIT"})
    hook.on("POST", "/authorize", reply)
    began = time.monotonic()
    assert info(hooked_cpo, uid) == {"allowed": "NO_CREDIT"}
    assert time.monotonic() - began < 2.5
    assert "the stored rule decides" in hooked.output()
    assert uid not in hooked.output()


def test_an_unknown_token_is_not_asked_about(
    hook: PartnerServer, hooked_operator: Operator, hooked_cpo: PlayedPartner
) -> None:
    before = len(hook.requests)
    ended(authorize(hooked_cpo, fresh_id("A")), 404, 2001)
    ended(authorize(hooked_cpo, own(hooked_operator), json={}), 200, 2001)
    assert len(hook.requests) == before
