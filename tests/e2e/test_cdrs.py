"""CDRs: our own as eMSP partners read them, and those that a CPO partner sends us (OCPI 2.1.1, chapter 10)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of, ended, problem
from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.lists import is_list_only, is_listed_by_page_and_time, listed
from tests.support.party import PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.support.gateway import Gateway
    from tests.support.party import Operator

OLD, LATER = "2024-03-05T10:05:00Z", "2024-03-06T00:00:00Z"
REQUIRED = (
    "id",
    "start_date_time",
    "stop_date_time",
    "auth_id",
    "auth_method",
    "location",
    "currency",
    "charging_periods",
    "total_cost",
    "total_energy",
    "total_time",
    "last_updated",
)
MALFORMED: tuple[tuple[dict[str, Any], str], ...] = (
    *(({name: ...}, f"/{name}") for name in REQUIRED),
    ({"id": "i" * 37}, "/id"),
    ({"charging_periods": []}, "/charging_periods"),
    ({"charging_periods": None}, "/charging_periods"),
    ({"charging_periods": [{"start_date_time": OLD, "dimensions": []}]}, "/charging_periods/0/dimensions"),
    ({"auth_method": "COMMAND"}, "/auth_method"),
    ({"currency": "XXZ"}, "/currency"),
    ({"total_energy": -1}, "/total_energy"),
    ({"total_energy": "12.5"}, "/total_energy"),
    ({"total_time": -0.1}, "/total_time"),
    ({"total_cost": None}, "/total_cost"),
    ({"total_parking_time": "0"}, "/total_parking_time"),
    ({"stop_date_time": "2024-03-05"}, "/stop_date_time"),
    ({"tariffs": [fixture("tariff_free", elements=[])]}, "/tariffs/0/elements"),
)


def send(cpo: PlayedPartner, cdr: dict[str, Any]) -> httpx.Response:
    return cpo.call("POST", cpo.endpoint("cdrs"), json=cdr)


def sent(cpo: PlayedPartner, base: str = "cdr_max", /, **changes: Any) -> tuple[dict[str, Any], str]:
    """A CDR that the partner has sent, and the URL that it got for it."""
    cdr = fixture(base, **{"id": fresh_id("C"), **changes})
    answer = send(cpo, cdr)
    ended(answer, 201, 1000)
    return cdr, answer.headers["Location"]


def put_own(operator: Operator, cdr: dict[str, Any], **query: Any) -> httpx.Response:
    return operator.put(f"/2.1.1/cdrs/{in_url(cdr['id'])}", json=cdr, params=query)


def own(operator: Operator, emsp: PlayedPartner, base: str = "cdr_max", /, **changes: Any) -> dict[str, Any]:
    """A CDR of ours that is the partner's."""
    answer = put_own(operator, fixture(base, **{"id": fresh_id("O"), **changes}), partner=emsp.partner_id)
    assert (answer.status_code, answer.json()["audience"]) == (201, emsp.partner_id), answer.text
    stored: dict[str, Any] = answer.json()["object"]
    return stored


def received(operator: Operator, cpo: PlayedPartner, cdr_id: str) -> httpx.Response:
    return operator.get(f"/partners/{cpo.partner_id}/cdrs/{in_url(cdr_id)}")


@pytest.fixture(scope="module")
def other_cpo(operator: Operator) -> Iterator[PlayedPartner]:
    """A second CPO."""
    with PlayedPartner("CPO", "BE", "TWO", token="token-b-of-the-second") as partner:
        partner.register(operator.invite("CPO"))
        yield partner


# Our own


@pytest.mark.req("CDR-01")
def test_partners_list_our_cdrs_by_page_and_by_time(operator: Operator, emsp: PlayedPartner) -> None:
    old, new = own(operator, emsp), own(operator, emsp, last_updated=LATER)
    is_listed_by_page_and_time(emsp, "cdrs", old, new)


@pytest.mark.req("CDR-03")
def test_partners_change_none_of_our_cdrs_and_read_none_alone(operator: Operator, emsp: PlayedPartner) -> None:
    assert is_list_only(emsp, "cdrs", own(operator, emsp))


@pytest.mark.req("CDR-04", "CDR-05")
@pytest.mark.parametrize("missing", REQUIRED[1:-1])
def test_a_cdr_without_what_partners_need_never_reaches_them(
    operator: Operator, emsp: PlayedPartner, missing: str
) -> None:
    cdr = fixture("cdr_max", **{"id": fresh_id("O"), missing: ...})
    document = problem(put_own(operator, cdr, partner=emsp.partner_id), 422)
    assert [error["pointer"] for error in document["errors"]] == [f"/{missing}"]
    problem(operator.get(f"/2.1.1/cdrs/{cdr['id']}"), 404)


@pytest.mark.req("CDR-04", "CDR-31")
@pytest.mark.parametrize("base", ["cdr_min", "cdr_max"])
def test_a_cdr_goes_out_as_it_is_with_the_time_of_its_creation(
    operator: Operator, emsp: PlayedPartner, base: str
) -> None:
    cdr = own(operator, emsp, base, last_updated=...)
    assert cdr["last_updated"] > LATER
    assert {**cdr, "last_updated": OLD} == fixture(base, id=cdr["id"], last_updated=OLD)
    again = put_own(operator, fixture(base, id=cdr["id"], last_updated=...))
    assert (again.status_code, again.json()["object"]) == (200, cdr)
    (found,) = [each for each in listed(emsp, "cdrs", date_from=LATER) if each["id"] == cdr["id"]]
    assert found == cdr


@pytest.mark.req("CDR-06", "CDR-07", "CDR-08", "CDR-09", "CDR-29")
@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"total_time": 60.0}, "/total_time"),
        ({"total_time": 0.75}, "/total_time"),
        ({"total_energy": 12500}, "/total_energy"),
        ({"total_energy": 11}, "/total_energy"),
        ({"total_parking_time": 1.5}, "/total_parking_time"),
        ({"total_cost": -1}, "/total_cost"),
        ({"tariffs": ...}, "/tariffs"),
        ({"start_date_time": "2024-03-05T08:30:00Z"}, "/charging_periods/0/start_date_time"),
        ({"stop_date_time": "2024-03-05T08:00:00Z"}, "/stop_date_time"),
        ({"stop_date_time": "2024-03-05T09:00:30Z"}, "/stop_date_time"),
        ({"stop_date_time": "2024-03-06T10:00:00Z"}, "/stop_date_time"),
        ({"charging_periods": fixture("cdr_max")["charging_periods"][::-1]}, "/charging_periods/1/start_date_time"),
        ({"location": fixture("location_min")}, "/location/evses"),
    ],
)
def test_what_does_not_fit_is_a_warning_to_our_operator_and_a_finding_beside_what_a_partner_sends(
    operator: Operator, emsp: PlayedPartner, cpo: PlayedPartner, changes: dict[str, Any], pointer: str
) -> None:
    cdr = fixture("cdr_max", **{"id": fresh_id("C"), **changes})
    warned = put_own(operator, cdr, partner=emsp.partner_id)
    assert warned.status_code == 201
    assert any(warning.startswith(f"{pointer}: ") for warning in warned.json()["warnings"])
    ended(send(cpo, cdr), 201, 1000)
    beside = operator.get(f"/partners/{cpo.partner_id}/cdrs/{cdr['id']}/findings").json()
    assert beside["findings"] == warned.json()["warnings"]
    assert cdr in listed(emsp, "cdrs")


def test_a_plausible_cdr_has_no_warnings_and_no_findings(operator: Operator, cpo: PlayedPartner) -> None:
    cdr = fixture("cdr_max", id=fresh_id("C"))
    assert put_own(operator, cdr).json()["warnings"] == []
    ended(send(cpo, cdr), 201, 1000)
    assert operator.get(f"/partners/{cpo.partner_id}/cdrs/{cdr['id']}/findings").json()["findings"] == []


@pytest.mark.req("CDR-08")
@pytest.mark.parametrize("cost", ["0.10", "6.625", "12345678.123456789", "3", "0.30000000000000004"])
def test_a_cost_keeps_its_digits_from_the_operator_to_the_partner(
    operator: Operator, emsp: PlayedPartner, cost: str
) -> None:
    body = json.dumps(fixture("cdr_max", id=fresh_id("O"), total_cost=77777)).replace("77777", cost)
    answer = operator.put(
        f"/2.1.1/cdrs/{json.loads(body)['id']}",
        params={"partner": emsp.partner_id},
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 201, answer.text
    page = json.loads(emsp.get(emsp.endpoint("cdrs"), params={"limit": 1000}).text, parse_float=Decimal)
    (found,) = [cdr for cdr in page["data"] if cdr["id"] == json.loads(body)["id"]]
    assert str(found["total_cost"]) == cost


# Immutable, for our own operator too


@pytest.mark.req("CDR-15", "CDR-31")
@pytest.mark.parametrize(
    "change", [{"total_cost": 0}, {"remark": "corrected"}, {"last_updated": "2030-01-01T00:00:00Z"}, {"tariffs": ...}]
)
def test_a_cdr_of_ours_can_be_repeated_and_not_changed(
    operator: Operator, emsp: PlayedPartner, change: dict[str, Any]
) -> None:
    cdr = own(operator, emsp)
    changed = {name: value for name, value in {**cdr, **change}.items() if value is not ...}
    problem(put_own(operator, changed), 409)
    patch = {name: None if value is ... else value for name, value in change.items()}
    problem(operator.patch(f"/2.1.1/cdrs/{cdr['id']}", json=patch), 409)
    assert put_own(operator, cdr).status_code == 200
    assert operator.patch(f"/2.1.1/cdrs/{cdr['id']}", json={"currency": cdr["currency"]}).status_code == 200
    assert operator.get(f"/2.1.1/cdrs/{cdr['id']}").json() == cdr
    answer = operator.delete(f"/2.1.1/cdrs/{cdr['id']}")
    problem(answer, 405)
    assert answer.headers["Allow"] == "GET, PATCH, PUT"


@pytest.mark.req("CDR-18")
def test_the_operator_may_spell_the_id_of_a_cdr_in_any_case(operator: Operator, emsp: PlayedPartner) -> None:
    cdr = own(operator, emsp, id=fresh_id("Case"))
    for in_path in (cdr["id"].lower(), cdr["id"].upper()):
        path = f"/2.1.1/cdrs/{in_path}"
        assert operator.get(path).json() == cdr
        assert operator.patch(path, json={"id": in_path, "currency": cdr["currency"]}).json()["object"] == cdr
        for in_body in (in_path, cdr["id"]):
            answer = operator.put(path, json=cdr | {"id": in_body})
            assert (answer.status_code, answer.json()["object"]) == (200, cdr), answer.text
            problem(operator.put(path, json=cdr | {"id": in_body, "total_cost": 1}), 409)
    assert [each["id"] for each in listed(emsp, "cdrs")].count(cdr["id"]) == 1
    assert problem(operator.put(f"/2.1.1/cdrs/{cdr['id']}", json=cdr | {"id": "other"}), 422)["errors"]


# Received


@pytest.mark.req("CDR-10", "CDR-11", "CDR-12", "CDR-13", "SC-01")
@pytest.mark.parametrize("cdr_id", [each for each in AWKWARD_IDS if len(each) <= 36])
def test_a_cdr_that_is_sent_is_given_back_at_the_url_that_it_got(
    operator: Operator, shared_gateway: Gateway, cpo: PlayedPartner, cdr_id: str
) -> None:
    cdr, url = sent(cpo, id=cdr_id, remark="Zürich 電力")
    assert url.startswith(f"{shared_gateway.url}/ocpi/emsp/2.1.1/cdrs/")
    assert data_of(cpo.get(url)) == cdr
    assert received(operator, cpo, cdr_id).json() == cdr
    for segments in (("FR", "CPO"), ("FR", "CPO", in_url(cdr_id))):
        assert cpo.call("POST", cpo.endpoint("cdrs", *segments), json=cdr).status_code in {404, 405}


@pytest.mark.req("CDR-16", "CDR-15", "CDR-17", "CDR-18")
def test_the_same_again_is_no_news_and_another_under_its_id_is_refused(operator: Operator, cpo: PlayedPartner) -> None:
    cdr, url = sent(cpo, id=fresh_id("Twice"))
    for spelled in (cdr["id"], cdr["id"].upper(), cdr["id"].lower()):
        answer = send(cpo, cdr | {"id": spelled})
        ended(answer, 200, 1000)
        assert answer.headers["Location"] == url
        for change in ({"total_cost": 1}, {"last_updated": LATER}, {"remark": "corrected"}):
            answer = send(cpo, cdr | {"id": spelled} | change)
            ended(answer, 200, 2001)
            assert "Location" not in answer.headers
        assert data_of(cpo.get(cpo.endpoint("cdrs", spelled))) == cdr
    assert operator.get(f"/partners/{cpo.partner_id}/cdrs?limit=1000").text.lower().count(cdr["id"].lower()) == 1


@pytest.mark.req("CDR-15", "CDR-16", "CDR-17")
def test_of_many_at_once_one_is_stored_and_the_others_are_told(cpo: PlayedPartner) -> None:
    cdr_id = fresh_id("Rush")
    offered = [fixture("cdr_max", id=cdr_id, total_cost=number % 3) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda cdr: send(cpo, cdr), offered))
    stored = data_of(cpo.get(cpo.endpoint("cdrs", cdr_id)))
    for cdr, answer in zip(offered, answers, strict=True):
        assert (answer.json()["status_code"], "Location" in answer.headers) == (
            (1000, True) if cdr == stored else (2001, False)
        )
    assert [answer.status_code for answer in answers].count(201) == 1


@pytest.mark.req("CDR-16")
def test_what_only_looks_different_is_the_same_cdr(cpo: PlayedPartner) -> None:
    cdr, url = sent(cpo, total_energy=12.5, remark=...)
    same = {
        **dict(reversed(cdr.items())),
        "remark": None,
        "total_energy": Decimal("12.50"),
        "start_date_time": "2024-03-05T10:00:00+01:00",
        "last_updated": f"{cdr['last_updated'].removesuffix('Z')}.25",
    }
    body = json.dumps(same, default=lambda number: f"<{number}>").replace('"<', "").replace('>"', "")
    assert "12.50" in body
    answer = cpo.call("POST", cpo.endpoint("cdrs"), content=body)
    ended(answer, 200, 1000)
    assert answer.headers["Location"] == url


@pytest.mark.req("CDR-14", "CDR-21")
def test_cdrs_are_neither_listed_nor_changed(operator: Operator, cpo: PlayedPartner) -> None:
    cdr, url = sent(cpo)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = cpo.call(method, cpo.endpoint("cdrs"), json=cdr)
        ended(answer, 405, 2000)
        assert answer.headers["Allow"] == "POST"
        assert "X-Total-Count" not in answer.headers
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = cpo.call(method, url, json=cdr | {"total_cost": 0})
        ended(answer, 405, 2000)
        assert answer.headers["Allow"] == "GET"
    assert received(operator, cpo, cdr["id"]).json() == cdr


@pytest.mark.req("CDR-19", "CDR-20")
def test_the_same_id_from_two_cpos_is_two_cdrs_and_each_reads_its_own(
    cpo: PlayedPartner, other_cpo: PlayedPartner
) -> None:
    first, url = sent(cpo)
    ended(other_cpo.get(url), 404, 2001)
    second, same_url = sent(other_cpo, id=first["id"], total_cost=1)
    assert same_url == url
    assert (data_of(cpo.get(url)), data_of(other_cpo.get(url))) == (first, second)


@pytest.mark.req("CDR-20")
@pytest.mark.parametrize("cdr_id", ["UNKNOWN", "%2F", "x" * 300, "FR%2FCPO%2FX"])
def test_an_unknown_url_is_404(cpo: PlayedPartner, cdr_id: str) -> None:
    ended(cpo.get(cpo.endpoint("cdrs", cdr_id)), 404, 2001)


@pytest.mark.req("CDR-22", "CDR-23", "SC-03")
@pytest.mark.parametrize(("changes", "pointer"), MALFORMED)
def test_a_cdr_that_is_not_well_formed_is_refused_without_a_location(
    operator: Operator, cpo: PlayedPartner, changes: dict[str, Any], pointer: str
) -> None:
    cdr = fixture("cdr_max", **{"id": fresh_id("C"), **changes})
    answer = send(cpo, cdr)
    ended(answer, 200, 2001)
    assert pointer in answer.json()["status_message"]
    assert "Location" not in answer.headers
    assert received(operator, cpo, cdr.get("id", "X")).status_code == 404


@pytest.mark.req("TF-17", "TF-18", "CDR-22")
@pytest.mark.parametrize(
    ("body", "http_status"), [(b"", 400), (b'{"id":', 400), (b"[]", 200), (b"null", 200), (b'{"id":1,"id":1}', 200)]
)
def test_a_body_that_is_no_cdr_is_refused_without_a_location(cpo: PlayedPartner, body: bytes, http_status: int) -> None:
    answer = cpo.call("POST", cpo.endpoint("cdrs"), content=body)
    ended(answer, http_status, 2001)
    assert "Location" not in answer.headers


@pytest.mark.req("CDR-23", "CDR-24")
@pytest.mark.parametrize("auth_method", ["AUTH_REQUEST", "WHITELIST"])
def test_every_dimension_and_way_of_authorization_is_taken(cpo: PlayedPartner, auth_method: str) -> None:
    types = ("ENERGY", "FLAT", "MAX_CURRENT", "MIN_CURRENT", "PARKING_TIME", "TIME")
    dimensions = [{"type": each, "volume": 1} for each in types]
    periods = [{"start_date_time": "2024-03-05T09:00:00Z", "dimensions": dimensions}]
    cdr, url = sent(cpo, auth_method=auth_method, charging_periods=periods)
    assert data_of(cpo.get(url)) == cdr


@pytest.mark.req("CDR-25")
def test_a_cdr_for_a_location_a_token_and_a_session_that_nobody_knows_is_taken(cpo: PlayedPartner) -> None:
    location = fixture("cdr_max")["location"] | {"id": "NOWHERE"}
    cdr, url = sent(cpo, auth_id="NOBODY", location=location, session_id="NEVER")
    assert data_of(cpo.get(url)) == cdr
