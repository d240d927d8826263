"""What partners get of our objects, as they change: the whole system, over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.partner_server import Received, Reply, wait_until
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gateway import Gateway

SECONDS = 15.0


class Receiver:
    """The receiver's side of a partner: takes what it is given, unless ``spoil`` has another answer."""

    def __init__(self, partner: PlayedPartner) -> None:
        self.partner = partner
        self.spoil: Any = lambda _: None
        self._scripted = partner.server.answer
        partner.server.answer = self._answer  # type: ignore[method-assign] # any path, not only scripted ones

    def _answer(self, request: Received) -> Reply:
        scripted = self._scripted(request)
        if "/NL/EXA/" not in request.path and not (request.method == "POST" and request.path.endswith("/cdrs")):
            return scripted
        spoiled: Reply | None = self.spoil(request)
        return spoiled or Reply.ocpi(status=200 if request.method != "POST" else 201)

    @property
    def pushed(self) -> list[Received]:
        """Requests about our objects, oldest first."""
        return [
            request
            for request in list(self.partner.server.requests)
            if "/NL/EXA/" in request.path or (request.method == "POST" and request.path.endswith("/cdrs"))
        ]

    def about(self, text: str) -> list[Received]:
        """Those whose URL or body has this text."""
        return [each for each in self.pushed if text in each.path or text in each.body.decode()]

    def wait_for(self, text: str, count: int = 1) -> list[Received]:
        """The same, once there are so many."""
        wait_until(lambda: len(self.about(text)) >= count, seconds=SECONDS)
        return self.about(text)


def said(request: Received) -> tuple[str, str]:
    """Method, and path from our party on."""
    return request.method, request.path.partition("/2.1.1/")[2]


@pytest.fixture(scope="module")
def receiver(emsp: PlayedPartner) -> Receiver:
    return Receiver(emsp)


@pytest.fixture(scope="module")
def at_the_cpo(cpo: PlayedPartner) -> Receiver:
    return Receiver(cpo)


@pytest.fixture
def alone(gateway: Gateway) -> Iterator[tuple[Operator, PlayedPartner, Receiver]]:
    """An eMSP with a gateway to itself."""
    with Operator(gateway) as operator, PlayedPartner("EMSP", "DE", "ONE") as partner:
        partner.register(operator.invite("EMSP"))
        yield operator, partner, Receiver(partner)


def deliveries(operator: Operator, partner: PlayedPartner, state: str | None = None) -> list[dict[str, Any]]:
    answer = operator.get(f"/partners/{partner.partner_id}/deliveries", params={"state": state} if state else {})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def behind(operator: Operator, partner: PlayedPartner) -> int:
    return int(operator.get(f"/partners/{partner.partner_id}").json()["behind"])


@pytest.mark.req("LOC-70", "TF-58")
def test_a_new_location_is_put_to_the_emsp_below_our_party(operator: Operator, receiver: Receiver) -> None:
    location = fixture("location_max", id="PUSH-1")
    assert operator.put_object("locations", location).status_code == 201
    (request,) = receiver.wait_for("PUSH-1")
    assert said(request) == ("PUT", "locations/NL/EXA/PUSH-1")
    assert request.json() == operator.get("/2.1.1/locations/PUSH-1").json()
    assert request.headers["authorization"] == "Token token-b-of-the-emsp"


@pytest.mark.req("LOC-71", "LOC-73", "LOC-75")
def test_the_status_of_an_evse_is_patched(operator: Operator, receiver: Receiver) -> None:
    operator.put_object("locations", fixture("location_max", id="PUSH-2"))
    receiver.wait_for("PUSH-2")
    assert operator.patch("/2.1.1/locations/PUSH-2/evses/E-100", json={"status": "CHARGING"}).status_code == 200
    request = receiver.wait_for("PUSH-2", 2)[1]
    assert said(request) == ("PATCH", "locations/NL/EXA/PUSH-2/E-100")
    assert request.json()["status"] == "CHARGING"
    assert request.json().keys() == {"status", "last_updated"}


@pytest.mark.req("LOC-72")
def test_an_evse_that_is_deleted_becomes_removed_and_no_delete_is_sent(operator: Operator, receiver: Receiver) -> None:
    operator.put_object("locations", fixture("location_max", id="PUSH-3"))
    receiver.wait_for("PUSH-3")
    assert operator.delete("/2.1.1/locations/PUSH-3/evses/E-100").status_code == 200
    request = receiver.wait_for("PUSH-3", 2)[1]
    assert request.method in ("PATCH", "PUT")
    assert "REMOVED" in request.body.decode()


@pytest.mark.req("TAR-21")
def test_tariffs_are_put_and_deleted(operator: Operator, receiver: Receiver) -> None:
    operator.put_object("tariffs", fixture("tariff_max", id="PUSH-T"))
    receiver.wait_for("PUSH-T")
    assert operator.delete("/2.1.1/tariffs/PUSH-T").status_code == 204
    assert [said(each) for each in receiver.wait_for("PUSH-T", 2)] == [
        ("PUT", "tariffs/NL/EXA/PUSH-T"),
        ("DELETE", "tariffs/NL/EXA/PUSH-T"),
    ]


@pytest.mark.req("SES-19", "SES-20", "CDR-26", "CDR-27", "CDR-28")
def test_sessions_and_cdrs_go_to_the_emsp_of_the_token_only(
    operator: Operator, receiver: Receiver, emsp: PlayedPartner, other: PlayedPartner
) -> None:
    elsewhere = Receiver(other)
    receiver.spoil = lambda request: (
        Reply.ocpi(status=201, headers={"Location": "/kept/1"}) if request.method == "POST" else None
    )
    to = {"partner": emsp.partner_id}
    session = fixture("session_max", id="PUSH-S", status="ACTIVE", end_datetime=...)
    operator.put("/2.1.1/sessions/PUSH-S", json=session, params=to)
    receiver.wait_for("PUSH-S")
    operator.patch("/2.1.1/sessions/PUSH-S", json={"kwh": 51})
    operator.put("/2.1.1/cdrs/PUSH-C", json=fixture("cdr_max", id="PUSH-C"), params=to)
    assert [said(each) for each in receiver.wait_for("PUSH-S", 2)] == [
        ("PUT", "sessions/NL/EXA/PUSH-S"),
        ("PATCH", "sessions/NL/EXA/PUSH-S"),
    ]
    (cdr,) = receiver.wait_for("PUSH-C")
    assert said(cdr) == ("POST", "cdrs")
    wait_until(lambda: behind(operator, emsp) == 0, seconds=SECONDS)
    assert elsewhere.about("PUSH-S") == []
    assert elsewhere.about("PUSH-C") == []
    receiver.spoil = lambda _: None


@pytest.mark.req("TOK-15")
def test_tokens_are_put_and_patched_at_the_cpo(operator: Operator, at_the_cpo: Receiver) -> None:
    token = fixture("token_max", uid="PUSHED", valid=True)
    operator.put_object("tokens", token)
    at_the_cpo.wait_for("PUSHED")
    operator.patch("/2.1.1/tokens/PUSHED", json={"valid": False}, params={"type": token["type"]})
    first, second = at_the_cpo.wait_for("PUSHED", 2)
    assert said(first) == ("PUT", "tokens/NL/EXA/PUSHED")
    assert said(second) == ("PATCH", "tokens/NL/EXA/PUSHED")
    assert second.json()["valid"] is False


@pytest.mark.req("TF-28")
def test_a_patch_of_what_the_partner_has_lost_becomes_a_put(operator: Operator, receiver: Receiver) -> None:
    operator.put_object("locations", fixture("location_max", id="PUSH-4"))
    receiver.wait_for("PUSH-4")
    receiver.spoil = lambda request: (
        Reply.ocpi(status=404, status_code=2003) if request.method in ("PATCH", "GET") else None
    )
    operator.patch("/2.1.1/locations/PUSH-4/evses/E-100", json={"status": "CHARGING"})
    requests = receiver.wait_for("PUSH-4", 4)
    receiver.spoil = lambda _: None
    assert [each.method for each in requests] == ["PUT", "PATCH", "GET", "PUT"]
    assert requests[3].json()["evses"][0]["status"] == "CHARGING"


@pytest.mark.req("LOC-74")
def test_a_partner_without_the_endpoint_gets_no_push(gateway: Gateway) -> None:
    with Operator(gateway) as operator, PlayedPartner("EMSP", "DE", "ONE") as partner:
        partner.serve_versions("credentials", "tariffs")
        partner.register(operator.invite("EMSP"))
        receiver = Receiver(partner)
        operator.put_object("locations", fixture("location_max"))
        operator.put_object("tariffs", fixture("tariff_max", id="PUSH-T"))
        receiver.wait_for("PUSH-T")
        assert [said(each) for each in receiver.pushed] == [("PUT", "tariffs/NL/EXA/PUSH-T")]
        wait_until(lambda: behind(operator, partner) == 0, seconds=SECONDS)


def test_a_module_that_is_switched_off_waits_and_goes_out_when_it_is_on_again(
    alone: tuple[Operator, PlayedPartner, Receiver],
) -> None:
    operator, partner, receiver = alone
    url = f"/partners/{partner.partner_id}"
    assert operator.patch(url, json={"settings": {"push": {"locations": False}}}).status_code == 200
    operator.put_object("locations", fixture("location_max", id="PUSH-5"))
    operator.put_object("tariffs", fixture("tariff_max", id="PUSH-T"))
    receiver.wait_for("PUSH-T")
    wait_until(lambda: behind(operator, partner) == 1, seconds=SECONDS)
    assert receiver.about("PUSH-5") == []
    (waiting,) = deliveries(operator, partner, "pending")
    assert (waiting["object_id"], waiting["next_attempt_at"]) == ("PUSH-5", None)
    operator.patch(url, json={"settings": {"push": {"locations": True}}})
    receiver.wait_for("PUSH-5")
    wait_until(lambda: behind(operator, partner) == 0, seconds=SECONDS)


@pytest.mark.req("TF-59")
def test_a_partner_that_was_down_gets_the_current_state_and_nothing_older(
    alone: tuple[Operator, PlayedPartner, Receiver],
) -> None:
    operator, partner, receiver = alone
    operator.put_object("locations", fixture("location_max", id="PUSH-6"))
    receiver.wait_for("PUSH-6")
    receiver.spoil = lambda _: Reply(503)
    for status in ("CHARGING", "BLOCKED", "OUTOFORDER"):
        operator.patch("/2.1.1/locations/PUSH-6/evses/E-100", json={"status": status})
    wait_until(lambda: behind(operator, partner) == 1, seconds=SECONDS)
    health = operator.get("/health").json()
    assert health["oldest_undelivered_push_seconds"] >= 0
    receiver.spoil = lambda _: None
    before = len(receiver.pushed)
    wait_until(lambda: behind(operator, partner) == 0, seconds=SECONDS)
    after = receiver.pushed[before:]
    assert [json.loads(each.body)["status"] for each in after] == ["OUTOFORDER"]
    assert operator.get("/health").json()["oldest_undelivered_push_seconds"] is None


def test_what_is_refused_is_kept_with_the_answer_until_the_operator_retries(
    alone: tuple[Operator, PlayedPartner, Receiver],
) -> None:
    operator, partner, receiver = alone
    receiver.spoil = lambda _: Reply.ocpi(status_code=2001, status_message="no such thing")
    operator.put_object("tariffs", fixture("tariff_max", id="PUSH-T"))
    wait_until(lambda: len(deliveries(operator, partner, "failed")) == 1, seconds=SECONDS)
    (failed,) = deliveries(operator, partner)
    assert {name: failed[name] for name in ("module", "object_id", "state", "attempts", "next_attempt_at")} == {
        "module": "tariffs",
        "object_id": "PUSH-T",
        "state": "failed",
        "attempts": 1,
        "next_attempt_at": None,
    }
    assert (failed["http_status"], failed["ocpi_status"]) == (200, 2001)
    assert "no such thing" in failed["message"]
    assert behind(operator, partner) == 1
    receiver.spoil = lambda _: None
    retry = operator.post(f"/partners/{partner.partner_id}/deliveries/retry", json={"all": False})
    assert (retry.status_code, retry.json()) == (202, {"queued": 1})
    wait_until(lambda: behind(operator, partner) == 0, seconds=SECONDS)
    assert [each["state"] for each in deliveries(operator, partner)] == ["delivered"]


def test_a_retry_of_all_is_a_first_push(gateway: Gateway) -> None:
    with Operator(gateway) as operator, PlayedPartner("EMSP", "DE", "ONE") as partner:
        operator.put_object("locations", fixture("location_max", id="PUSH-7"))
        invited = operator.invite("EMSP")
        wait_until(lambda: operator.get("/2.1.1/locations/PUSH-7").status_code == 200, seconds=SECONDS)
        partner.register(invited)
        receiver = Receiver(partner)
        answer = operator.post(f"/partners/{partner.partner_id}/deliveries/retry", json={"all": True})
        assert answer.json()["queued"] >= 1
        receiver.wait_for("PUSH-7")


@pytest.mark.parametrize("body", [{"all": 1}, {"everything": True}, [], "all"])
def test_a_retry_that_cannot_be_read_is_refused(operator: Operator, emsp: PlayedPartner, body: Any) -> None:
    answer = operator.post(f"/partners/{emsp.partner_id}/deliveries/retry", json=body)
    assert answer.status_code == 422


def test_deliveries_are_listed_in_pages_and_by_state(
    operator: Operator, emsp: PlayedPartner, receiver: Receiver
) -> None:
    for number in range(5):
        operator.put_object("tariffs", fixture("tariff_max", id=f"PAGE-{number}"))
    receiver.wait_for("PAGE-", 5)
    wait_until(lambda: behind(operator, emsp) == 0, seconds=SECONDS)
    url, found, cursor = f"/partners/{emsp.partner_id}/deliveries", [], None
    while True:
        page = operator.get(url, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        found += [(each["module"], each["object_id"]) for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == page["total"]
    assert {("tariffs", f"PAGE-{number}") for number in range(5)} <= set(found)
    assert operator.get(url, params={"state": "lost"}).status_code == 400
    assert operator.get(url, params={"state": "failed", "cursor": "x"}).status_code == 400
    assert operator.get("/partners/nobody/deliveries").status_code == 404


def test_nothing_is_left_of_a_partner_that_leaves(alone: tuple[Operator, PlayedPartner, Receiver]) -> None:
    operator, partner, receiver = alone
    operator.put_object("tariffs", fixture("tariff_max", id="PUSH-T"))
    receiver.wait_for("PUSH-T")
    wait_until(lambda: len(deliveries(operator, partner, "delivered")) == 1, seconds=SECONDS)
    assert partner.call("DELETE", partner.endpoint("credentials")).json()["status_code"] == 1000
    assert deliveries(operator, partner) == []
    answer = operator.post(f"/partners/{partner.partner_id}/deliveries/retry", json={})
    assert answer.status_code == 409
