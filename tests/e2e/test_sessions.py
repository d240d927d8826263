"""Sessions: our own as eMSP partners read them, and those that a CPO partner pushes to us (OCPI 2.1.1, chapter 9)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of, ended, problem
from tests.support.envelope import DATE_TIME
from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.lists import is_list_only, is_listed_by_page_and_time, listed
from tests.support.party import fixture

if TYPE_CHECKING:
    import httpx

    from tests.support.party import Operator, PlayedPartner

LATER = "2024-03-06T00:00:00Z"
REQUIRED = ("id", "start_datetime", "kwh", "auth_id", "auth_method", "location", "currency", "status", "last_updated")


def session_url(cpo: PlayedPartner, session_id: str) -> str:
    return cpo.own_url("sessions", in_url(session_id))


def pushed(cpo: PlayedPartner, base: str = "session_max", /, **changes: Any) -> dict[str, Any]:
    """A session that the partner has pushed, going on unless told otherwise."""
    session = fixture(base, **{"id": fresh_id("S"), "status": "ACTIVE", **changes})
    ended(cpo.put(session_url(cpo, session["id"]), session), 201, 1000)
    return session


def read(cpo: PlayedPartner, session_id: str) -> Any:
    return data_of(cpo.get(session_url(cpo, session_id)))


def own(operator: Operator, emsp: PlayedPartner, base: str = "session_max", /, **changes: Any) -> dict[str, Any]:
    """A session of ours that is the partner's, going on unless told otherwise."""
    session = fixture(base, **{"id": fresh_id("O"), "status": "ACTIVE", **changes})
    answer = put_own(operator, session, partner=emsp.partner_id)
    assert (answer.status_code, answer.json()["audience"]) == (201, emsp.partner_id), answer.text
    stored: dict[str, Any] = answer.json()["object"]
    return stored


def put_own(operator: Operator, session: dict[str, Any], **query: Any) -> httpx.Response:
    return operator.put(f"/2.1.1/sessions/{in_url(session['id'])}", json=session, params=query)


def period(start: str, **volumes: Any) -> dict[str, Any]:
    return {
        "start_date_time": f"2024-03-05T{start}:00Z",
        "dimensions": [{"type": dimension, "volume": volume} for dimension, volume in volumes.items()],
    }


# Our own


@pytest.mark.req("SES-01", "SES-03")
def test_partners_list_our_sessions_by_page_and_by_time(operator: Operator, emsp: PlayedPartner) -> None:
    old, new = own(operator, emsp), own(operator, emsp, last_updated=LATER)
    is_listed_by_page_and_time(emsp, "sessions", old, new)


@pytest.mark.req("SES-02")
@pytest.mark.parametrize("query", [{}, {"date_to": LATER}, {"offset": 0, "limit": 10}, {"date_from": ""}])
def test_date_from_is_required(emsp: PlayedPartner, query: dict[str, Any]) -> None:
    answer = emsp.get(emsp.endpoint("sessions"), params=query)
    ended(answer, 200, 2001)
    assert "date_from" in answer.json()["status_message"]
    assert "X-Total-Count" not in answer.headers


@pytest.mark.req("SES-04")
def test_partners_change_none_of_our_sessions_and_read_none_alone(operator: Operator, emsp: PlayedPartner) -> None:
    session = own(operator, emsp)
    assert is_list_only(emsp, "sessions", session)
    assert emsp.get(emsp.endpoint("sessions", "NL", "EXA", session["id"])).status_code == 404


@pytest.mark.req("SES-06", "SES-07", "SES-28")
@pytest.mark.parametrize("missing", REQUIRED[:-1])
def test_a_session_without_what_partners_need_never_reaches_them(
    operator: Operator, emsp: PlayedPartner, missing: str
) -> None:
    session = fixture("session_max", **{"id": fresh_id("O"), "status": "ACTIVE", missing: ...})
    path = f"/2.1.1/sessions/{session.get('id', 'X')}"
    document = problem(operator.put(path, json=session, params={"partner": emsp.partner_id}), 422)
    assert [error["pointer"] for error in document["errors"]] == [f"/{missing}"]
    problem(operator.get(path), 404)


@pytest.mark.req("SES-28")
def test_an_id_has_at_most_36_characters(operator: Operator, emsp: PlayedPartner) -> None:
    assert own(operator, emsp, id="i" * 36) in listed(emsp, "sessions")
    document = problem(put_own(operator, fixture("session_min", id="i" * 37)), 422)
    assert [error["pointer"] for error in document["errors"]] == ["/id"]


@pytest.mark.req("SES-06", "SES-07")
@pytest.mark.parametrize("base", ["session_min", "session_max"])
def test_a_session_goes_out_as_it_is_with_a_time_of_its_change(
    operator: Operator, emsp: PlayedPartner, base: str
) -> None:
    session = own(operator, emsp, base, last_updated=...)
    assert session["last_updated"] > LATER
    assert DATE_TIME.fullmatch(session["last_updated"])
    assert {name: value for name, value in session.items() if name != "last_updated"} == fixture(
        base, id=session["id"], status="ACTIVE", last_updated=...
    )
    found = next(each for each in listed(emsp, "sessions", date_from=LATER) if each["id"] == session["id"])
    assert found == session
    assert set(REQUIRED) <= set(found)


@pytest.mark.req("SES-08")
def test_another_number_of_evses_or_connectors_is_a_warning(operator: Operator, emsp: PlayedPartner) -> None:
    location = fixture("session_max")["location"]
    for evses in ([*location["evses"], fixture("evse_min", uid="ANOTHER")], ...):
        changed = {name: value for name, value in {**location, "evses": evses}.items() if value is not ...}
        session = fixture("session_max", id=fresh_id("O"), status="ACTIVE", location=changed)
        answer = put_own(operator, session, partner=emsp.partner_id)
        assert answer.status_code == 201
        assert [warning.partition(": ")[0] for warning in answer.json()["warnings"]] == ["/location/evses"]


@pytest.mark.req("SES-09")
def test_free_is_a_cost_of_zero_and_an_unknown_cost_is_absent(operator: Operator, emsp: PlayedPartner) -> None:
    free, unknown = own(operator, emsp, total_cost=0), own(operator, emsp, total_cost=...)
    assert [free, unknown] == [each for each in listed(emsp, "sessions") if each["id"] in (free["id"], unknown["id"])]
    assert (free["total_cost"], unknown.get("total_cost", "absent")) == (0, "absent")


# Received


@pytest.mark.req("SES-10", "SES-13")
@pytest.mark.parametrize("session_id", [each for each in AWKWARD_IDS if len(each) <= 36])
def test_a_pushed_session_is_given_back_as_it_came_and_replaced_entirely(
    operator: Operator, cpo: PlayedPartner, session_id: str
) -> None:
    session = pushed(cpo, id=session_id)
    assert read(cpo, session_id) == session
    assert operator.get(f"/partners/{cpo.partner_id}/sessions/{in_url(session_id)}").json() == session
    smaller = fixture("session_min", id=session_id)
    for _ in range(2):
        ended(cpo.put(session_url(cpo, session_id), smaller), 200, 1000)
        assert read(cpo, session_id) == smaller


@pytest.mark.req("SES-11", "SES-12")
@pytest.mark.parametrize("patch", [{"total_cost": 0.60}, {"total_cost": 0.60, "last_updated": LATER}])
def test_a_patch_changes_the_given_fields_only_with_or_without_its_time(
    cpo: PlayedPartner, patch: dict[str, Any]
) -> None:
    session = pushed(cpo)
    ended(cpo.patch(session_url(cpo, session["id"]), patch), 200, 1000)
    assert read(cpo, session["id"]) == session | patch


@pytest.mark.req("SES-11", "SES-25")
@pytest.mark.parametrize(
    "patch",
    [
        {"kwh": None},
        {"location": None},
        {"status": "DONE"},
        {"id": "another"},
        {"charging_periods": [{}]},
        {"charging_periods": [{"dimensions": [{"type": "TIME", "volume": 1}]}]},
    ],
)
def test_a_patch_that_would_break_the_session_has_no_effect(cpo: PlayedPartner, patch: dict[str, Any]) -> None:
    session = pushed(cpo)
    ended(cpo.patch(session_url(cpo, session["id"]), {"total_cost": 1, **patch}), 200, 2001)
    assert read(cpo, session["id"]) == session


@pytest.mark.req("SES-17")
def test_periods_are_neither_lost_nor_doubled_however_a_patch_means_them(cpo: PlayedPartner) -> None:
    first, second, third = period("09:00", ENERGY=5), period("09:20", ENERGY=4), period("09:40", ENERGY=3.5)
    session = pushed(cpo, charging_periods=...)
    for given, expected in (
        ([first], [first]),
        ([first, second], [first, second]),
        ([third], [first, second, third]),
        ([third, first, second], [first, second, third]),
        ([], [first, second, third]),
        ([first | {"dimensions": second["dimensions"]}], [period("09:00", ENERGY=4), second, third]),
        (None, [period("09:00", ENERGY=4), second, third]),
    ):
        ended(cpo.patch(session_url(cpo, session["id"]), {"charging_periods": given}), 200, 1000)
        assert read(cpo, session["id"])["charging_periods"] == expected


@pytest.mark.req("SES-17", "SES-11")
def test_patches_at_the_same_time_lose_nothing_of_each_other(cpo: PlayedPartner) -> None:
    session = pushed(cpo, charging_periods=...)
    periods = [period(f"09:{minute:02}", ENERGY=1) for minute in range(20)]

    def add(each: dict[str, Any]) -> None:
        ended(cpo.patch(session_url(cpo, session["id"]), {"charging_periods": [each]}), 200, 1000)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(add, periods))
    assert read(cpo, session["id"])["charging_periods"] == periods


@pytest.mark.req("SES-17")
def test_a_period_is_the_same_whatever_form_its_start_has(cpo: PlayedPartner) -> None:
    session = pushed(cpo, charging_periods=[period("09:00", ENERGY=5)])
    later = {"start_date_time": "2024-03-05T10:00:00.5+01:00", "dimensions": [{"type": "TIME", "volume": 0.1}]}
    ended(cpo.patch(session_url(cpo, session["id"]), {"charging_periods": [later]}), 200, 1000)
    assert read(cpo, session["id"])["charging_periods"] == [period("09:00", TIME=0.1)]


@pytest.mark.req("SES-14")
def test_sessions_are_neither_posted_nor_deleted(cpo: PlayedPartner) -> None:
    session = pushed(cpo)
    for method in ("POST", "DELETE"):
        answer = cpo.call(method, session_url(cpo, session["id"]), json=session)
        ended(answer, 405, 2000)
        assert answer.headers["Allow"] == "GET, PATCH, PUT"
        ended(cpo.call(method, cpo.endpoint("sessions"), json=session), 405, 2000)
    assert read(cpo, session["id"]) == session


@pytest.mark.req("SES-13", "SES-15", "SES-16")
def test_a_session_belongs_to_the_party_that_calls_and_has_the_id_in_the_url(cpo: PlayedPartner) -> None:
    session = pushed(cpo)
    for owner in ("DE/CPO", "FR/XXX"):
        for method in ("GET", "PUT", "PATCH"):
            ended(cpo.call(method, cpo.endpoint("sessions", owner, session["id"]), json=session), 404, 2001)
    for method in ("PUT", "PATCH"):
        ended(cpo.call(method, session_url(cpo, session["id"]), json=session | {"id": "another"}), 200, 2001)
    for unknown in ("another", session["id"].lower()):
        ended(cpo.get(session_url(cpo, unknown)), 404, 2001)
        ended(cpo.patch(session_url(cpo, unknown), {"kwh": 1}), 404, 2001)
        ended(cpo.get(session_url(cpo, unknown)), 404, 2001)
    assert read(cpo, session["id"]) == session


@pytest.mark.req("SES-18")
@pytest.mark.parametrize("status", ["ACTIVE", "COMPLETED", "INVALID", "PENDING"])
def test_every_status_is_taken(cpo: PlayedPartner, status: str) -> None:
    assert read(cpo, pushed(cpo, status=status)["id"])["status"] == status


@pytest.mark.req("SES-18", "SES-25", "SES-26")
@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        *(({name: ...}, f"/{name}") for name in REQUIRED),
        ({"status": "RESERVATION"}, "/status"),
        ({"status": "active"}, "/status"),
        ({"currency": "EURO"}, "/currency"),
        ({"currency": "EU"}, "/currency"),
        ({"currency": "XXZ"}, "/currency"),
        ({"kwh": "12.5"}, "/kwh"),
        ({"kwh": -0.1}, "/kwh"),
        ({"kwh": True}, "/kwh"),
        ({"auth_method": "COMMAND"}, "/auth_method"),
        ({"start_datetime": "today"}, "/start_datetime"),
        ({"end_datetime": 5}, "/end_datetime"),
        ({"location": "L-1"}, "/location"),
        ({"location": {"id": "L-1"}}, "/location/"),
        ({"total_cost": "1"}, "/total_cost"),
        ({"charging_periods": {}}, "/charging_periods"),
        ({"charging_periods": [period("09:00")]}, "/charging_periods/0/dimensions"),
        ({"charging_periods": [period("09:00", POWER=1)]}, "/charging_periods/0/dimensions/0/type"),
        ({"charging_periods": [period("09:00", ENERGY=-1)]}, "/charging_periods/0/dimensions/0/volume"),
        ({"charging_periods": [{"dimensions": []}]}, "/charging_periods/0/start_date_time"),
    ],
)
def test_a_session_that_is_not_well_formed_is_refused(
    cpo: PlayedPartner, changes: dict[str, Any], pointer: str
) -> None:
    session = fixture("session_max", **{"id": fresh_id("S"), **changes})
    url = session_url(cpo, session.get("id", "X"))
    answer = cpo.put(url, session)
    ended(answer, 200, 2001)
    assert pointer in answer.json()["status_message"]
    ended(cpo.get(url), 404, 2001)


@pytest.mark.req("SES-23")
@pytest.mark.parametrize("status", ["COMPLETED", "INVALID"])
def test_a_session_that_has_ended_can_be_repeated_and_not_changed(cpo: PlayedPartner, status: str) -> None:
    session = pushed(cpo, status=status)
    url = session_url(cpo, session["id"])
    ended(cpo.put(url, session), 200, 1000)
    ended(cpo.patch(url, {"kwh": session["kwh"], "status": status}), 200, 1000)
    for change in ({"kwh": 99}, {"status": "ACTIVE"}, {"total_cost": 0}, {"last_updated": LATER}):
        for answer in (cpo.patch(url, change), cpo.put(url, session | change)):
            ended(answer, 200, 2001)
            assert status in answer.json()["status_message"]
    assert read(cpo, session["id"]) == session


@pytest.mark.req("SES-23")
def test_a_session_ends_once(cpo: PlayedPartner) -> None:
    session = pushed(cpo, "session_min", status="PENDING")
    url = session_url(cpo, session["id"])
    for status in ("ACTIVE", "COMPLETED"):
        ended(cpo.patch(url, {"status": status}), 200, 1000)
    ended(cpo.patch(url, {"status": "INVALID"}), 200, 2001)
    assert read(cpo, session["id"])["status"] == "COMPLETED"


def findings(operator: Operator, cpo: PlayedPartner, session_id: str) -> list[str]:
    answer = operator.get(f"/partners/{cpo.partner_id}/sessions/{in_url(session_id)}/findings")
    assert answer.status_code == 200, answer.text
    return [finding.partition(": ")[0] for finding in answer.json()["findings"]]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"end_datetime": "2024-03-05T08:00:00Z"}, ["/end_datetime"]),
        ({"charging_periods": [period("09:30", ENERGY=6), period("09:00", ENERGY=6.5)]}, ["/charging_periods/0/"]),
        ({"kwh": 41000}, ["/kwh"]),
        ({"auth_id": "NOBODY", "location": fixture("location_min", id="NOWHERE")}, ["/location/evses"]),
        ({}, []),
    ],
)
def test_what_is_implausible_is_taken_with_the_findings_beside_it(
    operator: Operator, cpo: PlayedPartner, changes: dict[str, Any], found: list[str]
) -> None:
    session = pushed(cpo, **changes)
    assert read(cpo, session["id"]) == session
    told = findings(operator, cpo, session["id"])
    assert (told == []) if not found else told[0].startswith(found[0])
