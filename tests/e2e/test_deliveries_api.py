"""What the operator sees of deliveries, and what it can do about them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import problem
from tests.support.ids import fresh_id
from tests.support.keeping_partner import SECONDS, KeepingPartner, keeping_partner
from tests.support.partner_server import Reply, wait_until
from tests.support.party import Operator, fixture

if TYPE_CHECKING:
    from tests.support.gateway import Gateway

FIELDS = {
    "module",
    "object_id",
    "state",
    "attempts",
    "last_attempt_at",
    "next_attempt_at",
    "http_status",
    "ocpi_status",
    "message",
}


def put_tariff(operator: Operator, name: str, price: float = 0.0) -> None:
    value = fixture("tariff_free", id=name)
    value["elements"][0]["price_components"][0]["price"] = price
    del value["last_updated"]
    assert operator.put_object("tariffs", value).status_code in (200, 201)


def age(instant: str) -> float:
    """Seconds since an instant of the wire."""
    return time.time() - datetime.strptime(instant, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def oldest(operator: Operator) -> int | None:
    seconds: int | None = operator.get("/health").json()["oldest_undelivered_push_seconds"]
    return seconds


def test_a_delivery_is_shown_with_the_fields_of_the_contract_in_each_state(
    operator: Operator, keeping: KeepingPartner
) -> None:
    done, refused, waiting = (fresh_id(state) for state in ("DONE", "REFUSED", "WAITING"))
    replies = {
        refused: Reply.ocpi(status_code=2001, status_message="not like this"),
        waiting: Reply.ocpi(status=503, status_code=3000, status_message="not now", headers={"Retry-After": "100"}),
    }
    keeping.spoil = lambda push: replies.get(push.path.rpartition("/")[2])
    for name in (done, refused, waiting):
        put_tariff(operator, name)
        keeping.wait_for(name)
    wait_until(lambda: {each["attempts"] for each in keeping.deliveries()} == {1}, SECONDS)
    assert {frozenset(each) for each in keeping.deliveries()} == {frozenset(FIELDS)}
    seen = {name: keeping.delivery(name) for name in (done, refused, waiting)}
    told = ("module", "state", "attempts", "http_status", "ocpi_status")
    assert {name: tuple(each[field] for field in told) for name, each in seen.items()} == {
        done: ("tariffs", "delivered", 1, 201, 1000),
        refused: ("tariffs", "failed", 1, 200, 2001),
        waiting: ("tariffs", "pending", 1, 503, 3000),
    }
    assert all(0 <= age(each["last_attempt_at"]) < 20 for each in seen.values())
    assert 80 < -age(seen[waiting]["next_attempt_at"]) <= 101
    assert (seen[done]["next_attempt_at"], seen[refused]["next_attempt_at"]) == (None, None)
    assert seen[done]["message"] is None
    assert "not like this" in seen[refused]["message"]
    assert "not now" in seen[waiting]["message"]
    for state, name in (("delivered", done), ("failed", refused), ("pending", waiting)):
        assert [each["object_id"] for each in keeping.deliveries(state)] == [name]
        answer = operator.get(f"{keeping.at}/deliveries", params={"state": state})
        assert (answer.json()["total"], answer.json()["next_cursor"]) == (1, None)
    assert keeping.behind == 2


def test_a_token_is_shown_with_its_uid(operator: Operator) -> None:
    with keeping_partner(operator, "CPO") as partner:
        partner.joined()
        token = fixture("token_min", uid=fresh_id("U"))
        operator.put_object("tokens", token)
        partner.wait_for(token["uid"])
        partner.wait_in_sync()
        assert [(each["module"], each["object_id"]) for each in partner.deliveries()] == [("tokens", token["uid"])]


def test_a_retry_sends_what_failed_and_what_waits_as_it_is_now_and_says_how_much(
    operator: Operator, keeping: KeepingPartner
) -> None:
    refused, broken, well = (fresh_id("T") for _ in range(3))
    put_tariff(operator, well)
    keeping.wait_for(well)
    replies = {refused: Reply.ocpi(status_code=2001), broken: Reply(500)}
    keeping.spoil = lambda push: replies.get(push.path.rpartition("/")[2])
    for name in replies:
        put_tariff(operator, name)
        keeping.wait_for(name)
    wait_until(lambda: keeping.behind == 2, SECONDS)
    wait_until(lambda: keeping.delivery(refused).get("state") == "failed", SECONDS)
    keeping.spoil = lambda _: None
    assert keeping.retry(all=False) == 2
    keeping.wait_in_sync()
    assert len(keeping.about(well)) == 1
    assert keeping.retry() == 0
    assert keeping.delivery(refused)["message"] is None


def test_a_retry_of_all_sends_everything_it_may_see_but_no_cdr_twice(
    operator: Operator, keeping: KeepingPartner
) -> None:
    tariff, cdr = fresh_id("T"), fresh_id("C")
    put_tariff(operator, tariff)
    value = fixture("cdr_min", id=cdr)
    operator.put(f"/2.1.1/cdrs/{cdr}", json=value, params={"partner": keeping.partner_id})
    keeping.wait_for(cdr)
    keeping.wait_for(tariff)
    keeping.wait_in_sync()
    total = operator.get("/2.1.1/tariffs", params={"limit": 1}).json()["total"]
    locations = operator.get("/2.1.1/locations", params={"limit": 1}).json()["total"]
    assert keeping.retry(all=True) == total + locations
    keeping.wait_for(tariff, 2)
    keeping.wait_in_sync()
    assert len(keeping.about(cdr)) == 1
    assert len([each for each in keeping.objects if each.startswith("tariffs/")]) == total


def test_the_health_shows_for_how_long_the_oldest_change_waits(operator: Operator, keeping: KeepingPartner) -> None:
    wait_until(lambda: oldest(operator) is None, SECONDS)
    keeping.spoil = lambda _: Reply(503)
    put_tariff(operator, fresh_id("T"))
    wait_until(lambda: keeping.behind == 1, SECONDS)
    began = time.monotonic()
    wait_until(lambda: (oldest(operator) or 0) >= 2, SECONDS)
    assert time.monotonic() - began < 4
    assert operator.get("/health").status_code == 200
    keeping.spoil = lambda _: None
    keeping.retry()
    keeping.wait_in_sync()
    assert oldest(operator) is None


def test_behind_counts_objects_not_changes_and_not_what_was_there_before(operator: Operator) -> None:
    put_tariff(operator, fresh_id("BEFORE"))
    time.sleep(1.1)
    with keeping_partner(operator) as partner:
        partner.joined().spoil = lambda _: Reply(503)
        assert partner.behind == 0
        name = fresh_id("T")
        for price in (1.0, 2.0, 3.0):
            put_tariff(operator, name, price)
        put_tariff(operator, fresh_id("T"))
        wait_until(lambda: partner.behind == 2, SECONDS)
        time.sleep(0.3)
        assert partner.behind == 2
        listed = {each["id"]: each for each in operator.get("/partners", params={"limit": 1000}).json()["items"]}
        assert listed[str(partner.partner_id)]["behind"] == 2


def test_a_suspended_partner_gets_nothing_and_then_what_it_missed(operator: Operator, keeping: KeepingPartner) -> None:
    name = fresh_id("T")
    put_tariff(operator, name)
    keeping.wait_for(name)
    keeping.wait_in_sync()
    assert operator.patch(keeping.at, json={"status": "SUSPENDED"}).status_code == 200
    for price in (1.0, 2.0):
        put_tariff(operator, name, price)
    wait_until(lambda: keeping.behind == 1, SECONDS)
    keeping.retry()
    assert keeping.get(keeping.endpoint("tariffs")).status_code == 403
    time.sleep(0.5)
    assert len(keeping.about(name)) == 1
    assert operator.patch(keeping.at, json={"status": "REGISTERED"}).status_code == 200
    keeping.wait_in_sync()
    prices = [push.body["elements"][0]["price_components"][0]["price"] for push in keeping.about(name)]
    assert prices == [0.0, 2.0]


def test_of_a_partner_that_is_not_connected_there_is_nothing_to_retry(operator: Operator) -> None:
    invited = operator.invite("EMSP")
    path = f"/partners/{invited.partner_id}/deliveries"
    assert operator.get(path).json() == {"items": [], "next_cursor": None, "total": 0}
    problem(operator.post(f"{path}/retry", json={"all": True}), 409)
    problem(operator.post("/partners/nobody/deliveries/retry", json={}), 404)
    problem(operator.get("/partners/nobody/deliveries"), 404)


@pytest.mark.parametrize("query", [{"state": "lost"}, {"limit": "0"}, {"limit": "x"}, {"cursor": "of another list"}])
def test_a_list_that_cannot_be_is_refused(operator: Operator, keeping: KeepingPartner, query: dict[str, Any]) -> None:
    problem(operator.get(f"{keeping.at}/deliveries", params=query), 400)


def test_deliveries_are_the_operators_business(
    shared_gateway: Gateway, operator: Operator, keeping: KeepingPartner
) -> None:
    url = f"{shared_gateway.endpoints['operator']['url']}{keeping.at}/deliveries"
    assert keeping.get(url).status_code == 401
    assert keeping.call("POST", f"{url}/retry", json={}).status_code == 401
    assert operator.delete(f"{keeping.at}/deliveries").status_code == 405
