"""A location of 500 EVSEs and a session of 5,000 periods, over HTTP: in, changed, out, and what is too long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store.port import MAX_DOCUMENT_BYTES
from ocpi.transport.message import MAX_BODY_BYTES
from tests.support.answers import data_of, ended, problem
from tests.support.ids import fresh_id
from tests.support.long_documents import LAMBDA_ANSWER_BYTES, long_location, long_session, periods

if TYPE_CHECKING:
    import httpx

    from tests.support.keeping_partner import KeepingPartner
    from tests.support.party import Operator, PlayedPartner

LATER = "2026-01-01T00:00:00Z"


def put_own(operator: Operator, module: str, value: dict[str, Any], **query: Any) -> httpx.Response:
    return operator.put(f"/2.1.1/{module}/{value['id']}", json=value, params=query, timeout=60)


def answer_of_lambda(answer: httpx.Response) -> int:
    """Bytes of what a function answers with: the body is a string of a JSON document there."""
    event = {"statusCode": answer.status_code, "headers": dict(answer.headers), "body": answer.text}
    return len(json.dumps(event, ensure_ascii=False).encode())


def test_a_location_of_500_evses_of_ours(operator: Operator, emsp: PlayedPartner) -> None:
    location = long_location(fresh_id("L"))
    uid = location["evses"][321]["uid"]
    assert put_own(operator, "locations", location).status_code == 201

    read = data_of(emsp.get(emsp.endpoint("locations", location["id"])))
    assert [evse["uid"] for evse in read["evses"]] == [evse["uid"] for evse in location["evses"]]
    assert data_of(emsp.get(emsp.endpoint("locations", location["id"], uid))) == read["evses"][321]

    changed = operator.patch(f"/2.1.1/locations/{location['id']}/evses/{uid}", json={"status": "BLOCKED"})
    assert changed.status_code == 200, changed.text
    after = data_of(emsp.get(emsp.endpoint("locations", location["id"])))
    assert [evse for evse in after["evses"] if evse not in read["evses"]] == [after["evses"][321]]
    assert after["evses"][321]["status"] == "BLOCKED"


def test_a_location_of_500_evses_is_pushed_whole_and_then_what_changes(
    operator: Operator, keeping: KeepingPartner
) -> None:
    location = long_location(fresh_id("L"))
    uid = location["evses"][321]["uid"]
    assert put_own(operator, "locations", location).status_code == 201
    keeping.wait_for(location["id"])
    keeping.wait_in_sync()
    assert operator.patch(f"/2.1.1/locations/{location['id']}/evses/{uid}", json={"status": "BLOCKED"}).is_success

    push = keeping.wait_for(location["id"], 2)[1]
    assert (push.method, push.path.rpartition("/")[2]) == ("PATCH", uid)
    assert push.body["status"] == "BLOCKED"
    keeping.wait_in_sync()
    held, ours = keeping.held("locations", location["id"]), operator.get(f"/2.1.1/locations/{location['id']}").json()
    assert held["evses"] == ours["evses"]


def test_a_location_of_500_evses_of_a_partner(cpo: PlayedPartner) -> None:
    location = long_location(fresh_id("L"))
    url = cpo.own_url("locations", location["id"])
    ended(cpo.put(url, location), 201, 1000)
    read = data_of(cpo.get(url))
    assert len(read["evses"]) == 500

    ended(cpo.patch(f"{url}/{read['evses'][499]['uid']}", {"status": "BLOCKED", "last_updated": LATER}), 200, 1000)
    after = data_of(cpo.get(url))
    assert after["evses"][:499] == read["evses"][:499]
    assert after["evses"][499] == {**read["evses"][499], "status": "BLOCKED", "last_updated": LATER}


def test_a_session_of_5000_periods_of_ours(operator: Operator, emsp: PlayedPartner) -> None:
    session = long_session(fresh_id("S"))
    assert put_own(operator, "sessions", session, partner=emsp.partner_id).status_code == 201
    more = operator.patch(f"/2.1.1/sessions/{session['id']}", json={"charging_periods": periods(5000, 2)})
    assert more.status_code == 200, more.text

    listed = data_of(emsp.get(emsp.endpoint("sessions"), params={"date_from": "1970-01-01T00:00:00Z"}))
    (read,) = [each for each in listed if each["id"] == session["id"]]
    assert read["charging_periods"] == periods(0, 5000) + periods(5000, 2)


def test_a_session_of_a_partner_grows_to_5000_periods(cpo: PlayedPartner) -> None:
    session = long_session(fresh_id("S"), 4998)
    url = cpo.own_url("sessions", session["id"])
    ended(cpo.put(url, session), 201, 1000)
    ended(cpo.patch(url, {"charging_periods": periods(4998, 2), "last_updated": LATER}), 200, 1000)
    assert data_of(cpo.get(url))["charging_periods"] == periods(0, 4998) + periods(4998, 2)


@pytest.mark.req("TF-34", "TF-38", "TF-40")
def test_a_list_of_long_locations_comes_in_short_pages_that_lambda_can_answer_with(
    operator: Operator, emsp: PlayedPartner
) -> None:
    for _ in range(10):
        assert put_own(operator, "locations", long_location(fresh_id("P"), 520)).status_code == 201

    url: str | None = f"{emsp.endpoint('locations')}?limit=50"
    found: list[str] = []
    pages = 0
    total = None
    while url:
        answer = emsp.get(url)
        page = data_of(answer)
        assert answer_of_lambda(answer) < LAMBDA_ANSWER_BYTES
        assert len(page) <= int(answer.headers["X-Limit"]) == 50
        total = int(answer.headers["X-Total-Count"])
        found += [location["id"] for location in page]
        pages += 1
        url = answer.headers["Link"].partition(">")[0].removeprefix("<") if "Link" in answer.headers else None
    assert pages > 1
    assert len(found) == len(set(found)) == total


def test_what_a_session_would_become_may_be_too_long_and_then_nothing_changes(cpo: PlayedPartner) -> None:
    session = long_session(fresh_id("S"), 20_000)
    url = cpo.own_url("sessions", session["id"])
    ended(cpo.put(url, session), 201, 1000)
    before = cpo.get(url)

    refused = cpo.patch(url, {"charging_periods": periods(20_000, 20_000), "last_updated": LATER})
    ended(refused, 413, 2001)
    assert f"{MAX_DOCUMENT_BYTES} are possible" in refused.json()["status_message"]
    after = cpo.get(url)
    assert data_of(after) == data_of(before)
    assert answer_of_lambda(after) < LAMBDA_ANSWER_BYTES


def test_a_body_beyond_the_limit_is_refused_by_name(operator: Operator, cpo: PlayedPartner) -> None:
    location = long_location(fresh_id("L"), 4000)
    assert len(json.dumps(location)) > MAX_BODY_BYTES
    refused = cpo.put(cpo.own_url("locations", location["id"]), location)
    ended(refused, 413, 2001)
    assert str(MAX_BODY_BYTES) in refused.json()["status_message"]
    ended(cpo.get(cpo.own_url("locations", location["id"])), 404, 2003)
    assert str(MAX_BODY_BYTES) in problem(put_own(operator, "locations", location), 413)["detail"]
