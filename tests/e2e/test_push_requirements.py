"""What goes to whom, where and how, of every change of our objects."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.keeping_partner import MISSING, SECONDS, KeepingPartner, keeping_partner
from tests.support.partner_server import Reply, wait_until
from tests.support.party import Operator, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = "NL/EXA"


@pytest.fixture
def second(operator: Operator) -> Iterator[KeepingPartner]:
    """Another eMSP."""
    with keeping_partner(operator) as partner:
        yield partner.joined()


@pytest.fixture
def keeping_cpo(operator: Operator) -> Iterator[KeepingPartner]:
    with keeping_partner(operator, "CPO") as partner:
        yield partner.joined()


def put_location(operator: Operator, name: str | None = None, **changes: Any) -> str:
    evses = [
        fixture("evse_min", uid=uid, connectors=[fixture("connector_min", id=number) for number in ("1", "2")])
        for uid in ("E-1", "E-2")
    ]
    value = fixture("location_min", **{"id": name or fresh_id("L"), "evses": evses, **changes})
    assert operator.put(f"/2.1.1/locations/{in_url(value['id'])}", json=value).status_code in (200, 201)
    return str(value["id"])


def put_for(operator: Operator, module: str, partner: KeepingPartner | None, **changes: Any) -> str:
    value = fixture({"sessions": "session_min", "cdrs": "cdr_min"}[module], **{"id": fresh_id("O"), **changes})
    query = {} if partner is None else {"partner": partner.partner_id}
    answer = operator.put(f"/2.1.1/{module}/{value['id']}", json=value, params=query)
    assert answer.status_code in (200, 201), answer.text
    return str(value["id"])


def in_sync_with(partner: KeepingPartner, operator: Operator, name: str) -> None:
    """Wait until the partner has a new location exactly as we have it."""
    partner.wait_for(name)
    partner.wait_in_sync()
    assert partner.held("locations", name) == operator.get(f"/2.1.1/locations/{in_url(name)}").json()


CHANGES = {
    "a_status": ("PATCH", "evses/E-1", {"status": "CHARGING"}, "PATCH", "/E-1", {"status", "last_updated"}),
    "a_connector": (
        "PATCH",
        "evses/E-1/connectors/2",
        {"tariff_id": "T-9"},
        "PATCH",
        "/E-1/2",
        {"tariff_id", "last_updated"},
    ),
    "the_location": ("PATCH", "", {"name": "Renamed"}, "PATCH", "", {"name", "last_updated"}),
    "a_new_evse": ("PUT", "evses/E-3", fixture("evse_min", uid="E-3"), "PUT", "/E-3", None),
    "a_new_connector": (
        "PUT",
        "evses/E-2/connectors/3",
        fixture("connector_min", id="3"),
        "PUT",
        "/E-2/3",
        None,
    ),
    "removed": ("DELETE", "evses/E-2", None, "PATCH", "/E-2", {"status", "last_updated"}),
}


@pytest.mark.req("LOC-71", "LOC-72", "LOC-73", "LOC-75")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_goes_out_as_small_as_fits(operator: Operator, keeping: KeepingPartner, change: str) -> None:
    method, path, body, pushed, below, fields = CHANGES[change]
    name = put_location(operator)
    in_sync_with(keeping, operator, name)
    answer = operator.request(method, f"/2.1.1/locations/{name}/{path}".rstrip("/"), json=body)
    assert answer.status_code in (200, 201, 204), answer.text
    push = keeping.wait_for(name, 2)[1]
    keeping.wait_in_sync()
    assert len(keeping.about(name)) == 2
    assert push.said == f"{pushed} locations/{OURS}/{name}{below}"
    assert fields is None or set(push.body) == fields
    assert "last_updated" in push.body
    held, ours = keeping.held("locations", name), operator.get(f"/2.1.1/locations/{name}").json()
    assert without_times(held) == without_times(ours)


def without_times(value: Any) -> Any:
    """A receiver derives the times of what is above a change."""
    if isinstance(value, list):
        return [without_times(each) for each in value]
    if isinstance(value, dict):
        return {name: without_times(each) for name, each in value.items() if name != "last_updated"}
    return value


@pytest.mark.req("LOC-73")
def test_a_status_that_was_scheduled_is_pushed_all_the_same(operator: Operator, keeping: KeepingPartner) -> None:
    schedule = [{"period_begin": "2020-01-01T00:00:00Z", "status": "INOPERATIVE"}]
    name = put_location(operator, evses=[fixture("evse_min", uid="E-1", status_schedule=schedule)])
    in_sync_with(keeping, operator, name)
    operator.patch(f"/2.1.1/locations/{name}/evses/E-1", json={"status": "INOPERATIVE"})
    assert keeping.wait_for(name, 2)[1].body["status"] == "INOPERATIVE"


def test_the_same_again_pushes_nothing_and_a_bulk_load_each_object_once(
    operator: Operator, keeping: KeepingPartner
) -> None:
    name = put_location(operator)
    in_sync_with(keeping, operator, name)
    stored = operator.get(f"/2.1.1/locations/{name}").json()
    assert operator.put(f"/2.1.1/locations/{name}", json=stored).status_code == 200
    assert operator.patch(f"/2.1.1/locations/{name}/evses/E-1", json={"status": stored["evses"][0]["status"]})
    names = [fresh_id("B") for _ in range(25)]
    lines = [*(json.dumps(fixture("location_min", id=each)) for each in names), json.dumps(stored)]
    answer = operator.post(
        "/2.1.1/locations/bulk", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    )
    assert answer.status_code == 200, answer.text
    for each in names:
        keeping.wait_for(each)
    keeping.wait_in_sync()
    assert {len(keeping.about(each)) for each in [*names, name]} == {1}


def test_two_quick_changes_leave_the_partner_with_the_second(operator: Operator, keeping: KeepingPartner) -> None:
    name = put_location(operator)
    in_sync_with(keeping, operator, name)
    for status in ("CHARGING", "AVAILABLE", "BLOCKED"):
        operator.patch(f"/2.1.1/locations/{name}/evses/E-1", json={"status": status})
        operator.patch(f"/2.1.1/locations/{name}/evses/E-2", json={"status": status})
    wait_until(
        lambda: [evse["status"] for evse in keeping.held("locations", name)["evses"]] == ["BLOCKED", "BLOCKED"], SECONDS
    )
    keeping.wait_in_sync()
    assert len(keeping.about(name)) <= 1 + 6


@pytest.mark.req("LOC-70", "TF-58")
@pytest.mark.parametrize("name", AWKWARD_IDS)
def test_ids_are_encoded_once_in_urls_of_pushes(operator: Operator, keeping: KeepingPartner, name: str) -> None:
    put_location(operator, name)
    (push,) = keeping.wait_for(name)
    assert push.request.path == f"/emsp/2.1.1/locations/{OURS}/{in_url(name)}"
    assert push.body["id"] == name


@pytest.mark.req("TF-63", "TF-66", "CR-06")
@pytest.mark.parametrize("slash", ["", "/"])
def test_pushes_go_where_the_version_details_say(operator: Operator, slash: str) -> None:
    with keeping_partner(operator) as partner:
        partner.paths = {"credentials": "/here/credentials", "locations": f"/odd/place/of/locs{slash}"}
        partner.paths["cdrs"] = f"/quite/elsewhere{slash}"
        partner.joined()
        name, cdr = put_location(operator), put_for(operator, "cdrs", partner)
        partner.wait_for(name)
        partner.wait_for(cdr)
        assert {push.request.path for push in partner.pushes} == {
            f"/odd/place/of/locs/{OURS}/{name}",
            f"/quite/elsewhere{slash}",
        }


@pytest.mark.req("CR-06", "CR-17")
def test_after_a_renewal_pushes_go_to_the_new_urls_with_the_new_token(
    operator: Operator, keeping: KeepingPartner
) -> None:
    first = put_location(operator)
    in_sync_with(keeping, operator, first)
    keeping.paths = {module: f"/moved{path}" for module, path in keeping.paths.items()}
    keeping.serve_paths()
    keeping.accepted = {"Token the-next-token-b"}
    renewed = keeping.call(
        "PUT", keeping.endpoint("credentials"), json=keeping.credentials(token="the-next-token-b")
    ).json()
    keeping.token = renewed["data"]["token"]
    name = put_location(operator)
    (push,) = keeping.wait_for(name)
    keeping.wait_in_sync()
    assert push.request.path == f"/moved/emsp/2.1.1/locations/{OURS}/{name}"
    assert push.request.headers["authorization"] == "Token the-next-token-b"


def test_after_a_renewal_by_us_pushes_have_the_token_that_the_partner_gave(
    operator: Operator, keeping: KeepingPartner
) -> None:
    given = keeping.credentials(token="another-token-b")
    keeping.server.on("PUT", keeping.paths["credentials"], Reply.ocpi(given))
    keeping.accepted = {"Token another-token-b"}
    assert operator.post(f"{keeping.at}/credentials").status_code == 200
    name = put_location(operator)
    keeping.wait_for(name)
    keeping.wait_in_sync()
    assert {push.request.headers["authorization"] for push in keeping.about(name)} == keeping.accepted


@pytest.mark.req("CR-35", "CR-46")
@pytest.mark.parametrize("who", ["partner", "operator"])
def test_nothing_is_sent_to_a_partner_that_has_left(
    operator: Operator, keeping: KeepingPartner, second: KeepingPartner, who: str
) -> None:
    keeping.spoil = lambda _: Reply(503)
    waiting = put_location(operator)
    keeping.wait_for(waiting)
    keeping.server.on("DELETE", keeping.paths["credentials"], Reply.ocpi())
    if who == "partner":
        assert keeping.call("DELETE", keeping.endpoint("credentials")).json()["status_code"] == 1000
    else:
        assert operator.delete(keeping.at).status_code == 204
    keeping.spoil = lambda _: None
    keeping.server.requests.clear()
    operator.patch(f"/2.1.1/locations/{waiting}/evses/E-1", json={"status": "CHARGING"})
    name = put_location(operator)
    second.wait_for(name)
    time.sleep(2.5)
    assert keeping.server.requests == []
    assert keeping.behind == 0


@pytest.mark.req("CDR-26", "SES-19", "SES-20")
@pytest.mark.parametrize("module", ["sessions", "cdrs"])
def test_a_session_or_cdr_goes_to_the_emsp_of_its_token_and_to_nobody_else(
    operator: Operator, keeping: KeepingPartner, second: KeepingPartner, module: str
) -> None:
    token = fixture("token_max", uid=fresh_id("U"), auth_id=fresh_id("A"))
    assert keeping.put(keeping.own_url("tokens", token["uid"]), token).json()["status_code"] == 1000
    by_token = put_for(operator, module, None, auth_id=token["auth_id"])
    named = put_for(operator, module, second)
    keeping.wait_for(by_token)
    second.wait_for(named)
    for partner in (keeping, second):
        partner.wait_in_sync()
    assert [push.body["id"] for push in keeping.pushes] == [by_token]
    assert [push.body["id"] for push in second.pushes] == [named]


@pytest.mark.req("CDR-26")
def test_what_names_an_unknown_token_is_pushed_once_the_token_is_known(
    operator: Operator, keeping: KeepingPartner, second: KeepingPartner
) -> None:
    auth_id = fresh_id("A")
    session, cdr = (put_for(operator, module, None, auth_id=auth_id) for module in ("sessions", "cdrs"))
    assert (keeping.behind, second.behind) == (0, 0)
    token = fixture("token_max", uid=fresh_id("U"), auth_id=auth_id)
    assert second.put(second.own_url("tokens", token["uid"]), token).json()["status_code"] == 1000
    second.wait_for(session)
    second.wait_for(cdr)
    second.wait_in_sync()
    assert sorted(push.method for push in second.pushes) == ["POST", "PUT"]
    assert keeping.pushes == []


@pytest.mark.req("SES-19", "SES-20", "SES-21", "SES-22")
def test_a_session_is_put_then_patched_and_after_its_end_nothing_is_sent(
    operator: Operator, keeping: KeepingPartner
) -> None:
    name = put_for(operator, "sessions", keeping, status="ACTIVE")
    keeping.wait_for(name)
    keeping.wait_in_sync()
    operator.patch(f"/2.1.1/sessions/{name}", json={"kwh": 7.5})
    assert set(keeping.wait_for(name, 2)[1].body) == {"kwh", "last_updated"}
    keeping.wait_in_sync()
    period = {"start_date_time": "2024-03-05T09:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 7.5}]}
    operator.patch(f"/2.1.1/sessions/{name}", json={"charging_periods": [period]})
    keeping.wait_for(name, 3)
    keeping.wait_in_sync()
    assert keeping.held("sessions", name)["charging_periods"] == [period]
    operator.patch(f"/2.1.1/sessions/{name}", json={"status": "COMPLETED", "end_datetime": "2024-03-05T10:00:00Z"})
    keeping.wait_for(name, 4)
    keeping.wait_in_sync()
    assert operator.patch(f"/2.1.1/sessions/{name}", json={"kwh": 9}).status_code == 409
    assert keeping.held("sessions", name) == operator.get(f"/2.1.1/sessions/{name}").json()
    assert {push.method for push in keeping.about(name)} == {"PUT", "PATCH"}


@pytest.mark.req("CDR-27", "CDR-28")
@pytest.mark.parametrize("location", [None, "/kept/here/1", "http://127.0.0.1:1/kept", "http://[", ""])
def test_a_cdr_is_posted_once_whatever_location_is_answered(
    operator: Operator, keeping: KeepingPartner, location: str | None
) -> None:
    keeping.headers = {} if location is None else {"Location": location}
    keeping.set(requests_per_minute=6000)
    name = put_for(operator, "cdrs", keeping)
    keeping.wait_for(name)
    keeping.wait_in_sync()
    assert (
        operator.put(
            f"/2.1.1/cdrs/{name}",
            json=operator.get(f"/2.1.1/cdrs/{name}").json(),
            params={"partner": keeping.partner_id},
        ).status_code
        == 200
    )
    keeping.retry(all=True)
    keeping.set(patch=False)
    keeping.wait_in_sync()
    time.sleep(0.3)
    assert [push.said for push in keeping.pushes if push.path.startswith("cdrs")] == ["POST cdrs"]


@pytest.mark.req("TAR-21")
def test_a_tariff_is_put_put_again_when_it_changes_and_deleted(operator: Operator, keeping: KeepingPartner) -> None:
    tariff = fixture("tariff_max", id=fresh_id("T"))
    name, path = tariff["id"], f"/2.1.1/tariffs/{tariff['id']}"
    operator.put(path, json=tariff)
    keeping.wait_for(name)
    keeping.wait_in_sync()
    operator.patch(path, json={"currency": "NOK"})
    keeping.wait_for(name, 2)
    keeping.wait_in_sync()
    assert keeping.held("tariffs", name) == operator.get(path).json()
    assert operator.delete(path).status_code == 204
    keeping.wait_for(name, 3)
    wait_until(lambda: keeping.delivery(name) == {}, SECONDS)
    assert keeping.said(name) == [f"{method} tariffs/{OURS}/{name}" for method in ("PUT", "PUT", "DELETE")]
    assert keeping.held("tariffs", name) is None


@pytest.mark.req("TAR-21")
def test_a_tariff_that_is_deleted_while_the_partner_is_down_is_deleted_there_later_and_may_come_again(
    operator: Operator, keeping: KeepingPartner
) -> None:
    tariff = fixture("tariff_free", id=fresh_id("T"))
    name, path = tariff["id"], f"/2.1.1/tariffs/{tariff['id']}"
    operator.put(path, json=tariff)
    keeping.wait_for(name)
    keeping.wait_in_sync()
    keeping.server.go_down()
    assert operator.delete(path).status_code == 204
    unseen = fixture("tariff_free", id=fresh_id("T"))
    operator.put_object("tariffs", unseen)
    wait_until(lambda: keeping.behind == 2, SECONDS)
    assert operator.delete(f"/2.1.1/tariffs/{unseen['id']}").status_code == 204
    keeping.server.come_up()
    keeping.retry()
    keeping.wait_in_sync()
    assert keeping.said(name)[1:] == [f"DELETE tariffs/{OURS}/{name}"]
    assert all(push.method == "DELETE" for push in keeping.about(unseen["id"]))
    assert operator.put(path, json=tariff).status_code == 201
    keeping.wait_for(name, 3)
    keeping.wait_in_sync()
    assert keeping.held("tariffs", name) == tariff


@pytest.mark.req("TAR-21")
def test_a_tariff_that_the_partner_has_not_need_not_be_deleted(operator: Operator, keeping: KeepingPartner) -> None:
    tariff = fixture("tariff_free", id=fresh_id("T"))
    operator.put_object("tariffs", tariff)
    keeping.wait_for(tariff["id"])
    keeping.wait_in_sync()
    keeping.spoil = lambda push: MISSING if push.method == "DELETE" else None
    operator.delete(f"/2.1.1/tariffs/{tariff['id']}")
    keeping.wait_for(tariff["id"], 2)
    wait_until(lambda: keeping.deliveries() == [], SECONDS)


@pytest.mark.req("TOK-15")
@pytest.mark.parametrize("kind", ["RFID", "OTHER"])
def test_a_token_is_put_patched_and_never_deleted(operator: Operator, keeping_cpo: KeepingPartner, kind: str) -> None:
    token = fixture("token_max", uid=fresh_id("U"), type=kind)
    name = token["uid"]
    operator.put_object("tokens", token)
    keeping_cpo.wait_for(name)
    keeping_cpo.wait_in_sync()
    answer = operator.patch(f"/2.1.1/tokens/{name}", json={"valid": False}, params={"type": kind})
    assert answer.status_code == 200
    push = keeping_cpo.wait_for(name, 2)[1]
    keeping_cpo.wait_in_sync()
    assert set(push.body) == {"valid", "last_updated"}
    assert push.request.query == ("" if kind == "RFID" else f"type={kind}")
    assert keeping_cpo.said(name) == [f"{method} tokens/{OURS}/{name}" for method in ("PUT", "PATCH")]
    assert operator.delete(f"/2.1.1/tokens/{name}").status_code == 405
    assert keeping_cpo.held("tokens", name)["valid"] is False


@pytest.mark.req("TF-28")
@pytest.mark.parametrize("level", ["", "/evses/E-1", "/evses/E-1/connectors/1"])
def test_a_patch_of_what_the_partner_lost_becomes_a_look_and_a_put_of_all(
    operator: Operator, keeping: KeepingPartner, level: str
) -> None:
    name = put_location(operator)
    in_sync_with(keeping, operator, name)
    keeping.objects.clear()
    change = {"": {"name": "New"}, "/evses/E-1": {"status": "BLOCKED"}}.get(level, {"voltage": 400})
    assert operator.patch(f"/2.1.1/locations/{name}{level}", json=change).status_code == 200
    keeping.wait_for(name, 4)
    in_sync_with(keeping, operator, name)
    assert [push.method for push in keeping.about(name)] == ["PUT", "PATCH", "GET", "PUT"]


@pytest.mark.req("TF-28")
def test_a_patch_that_was_taken_although_the_answer_says_no_is_left_at_that(
    operator: Operator, keeping: KeepingPartner
) -> None:
    name = put_location(operator)
    in_sync_with(keeping, operator, name)
    keeping.spoil_answer = lambda push: Reply.ocpi(status_code=2001) if push.method == "PATCH" else None
    operator.patch(f"/2.1.1/locations/{name}/evses/E-1", json={"status": "BLOCKED"})
    keeping.wait_for(name, 3)
    keeping.wait_in_sync()
    assert [push.method for push in keeping.about(name)] == ["PUT", "PATCH", "GET"]


@pytest.mark.req("LOC-74")
def test_partners_get_only_modules_that_they_list(operator: Operator, keeping: KeepingPartner) -> None:
    with keeping_partner(operator) as partner:
        partner.joined("sessions")
        name, session = put_location(operator), put_for(operator, "sessions", partner)
        cdr = put_for(operator, "cdrs", partner)
        keeping.wait_for(name)
        partner.wait_for(session)
        partner.wait_in_sync()
        assert [push.path for push in partner.pushes] == [f"sessions/{OURS}/{session}"]
        assert cdr not in partner.objects


def test_a_party_that_is_our_partner_in_both_roles_gets_each_object_in_its_role(operator: Operator) -> None:
    with (
        keeping_partner(operator, "EMSP", party_id="TWO") as emsp,
        keeping_partner(operator, "CPO", party_id="TWO") as cpo,
    ):
        emsp.joined()
        cpo.joined()
        token = fixture("token_min", uid=fresh_id("U"))
        operator.put_object("tokens", token)
        name, session = put_location(operator), put_for(operator, "sessions", emsp)
        cpo.wait_for(token["uid"])
        emsp.wait_for(name)
        emsp.wait_for(session)
        for partner in (emsp, cpo):
            partner.wait_in_sync()
        assert {push.path.split("/")[0] for push in emsp.pushes} == {"locations", "sessions"}
        assert {push.path.split("/")[0] for push in cpo.pushes} == {"tokens"}


def test_changes_of_many_at_once_all_arrive(operator: Operator, keeping: KeepingPartner) -> None:
    keeping.set(requests_per_minute=6000)
    names = [put_location(operator) for _ in range(5)]
    statuses = ("CHARGING", "BLOCKED", "OUTOFORDER", "AVAILABLE", "RESERVED")

    def change(name: str) -> None:
        for status in statuses:
            for uid in ("E-1", "E-2"):
                answer = operator.patch(f"/2.1.1/locations/{name}/evses/{uid}", json={"status": status})
                assert answer.status_code == 200, answer.text

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(change, names))
    for name in names:
        wait_until(
            lambda each=name: (
                without_times(keeping.held("locations", each))  # type: ignore[misc] # mypy and defaults
                == without_times(operator.get(f"/2.1.1/locations/{each}").json())
            ),
            SECONDS,
        )
    keeping.wait_in_sync()
