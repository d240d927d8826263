"""Our own locations as eMSP partners read them (OCPI 2.1.1, section 8.2.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of
from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.party import fixture

if TYPE_CHECKING:
    from tests.support.party import Operator, PlayedPartner

OLD = "2024-03-05T10:11:12Z"
"""``last_updated`` throughout the fixtures."""
LATER = "2024-03-06T00:00:00Z"


def stored(operator: Operator, base: str = "location_max", /, **changes: Any) -> dict[str, Any]:
    """A location of ours that no other test uses."""
    location = fixture(base, **{"id": fresh_id("L"), **changes})
    answer = operator.put(f"/2.1.1/locations/{in_url(location['id'])}", json=location)
    assert answer.status_code == 201, answer.text
    return location


def read(emsp: PlayedPartner, *segments: str) -> Any:
    """What a partner gets for a location, EVSE or connector."""
    return data_of(emsp.get(emsp.endpoint("locations", in_url(*segments))))


def listed(emsp: PlayedPartner, **query: Any) -> dict[str, Any]:
    """The locations of a list, by id."""
    answer = emsp.get(emsp.endpoint("locations"), params={"limit": 1000, **query})
    assert answer.json()["status_code"] == 1000, answer.text
    return {location["id"]: location for location in answer.json()["data"]}


def change_evse(operator: Operator, location_id: str, uid: str, **fields: Any) -> None:
    answer = operator.patch(f"/2.1.1/locations/{location_id}/evses/{uid}", json=fields)
    assert answer.status_code == 200, answer.text


@pytest.mark.req("LOC-01")
def test_the_list_holds_whole_locations_and_says_how_many_there_are(operator: Operator, emsp: PlayedPartner) -> None:
    locations = [stored(operator), stored(operator, "location_min")]
    answer = emsp.get(emsp.endpoint("locations"), params={"limit": 1000})
    assert [location for location in answer.json()["data"] if location in locations] == locations
    assert answer.headers["X-Total-Count"] == str(len(answer.json()["data"]))
    assert answer.headers["X-Limit"] == "1000"


@pytest.mark.req("LOC-02")
def test_the_list_is_filtered_by_last_updated(operator: Operator, emsp: PlayedPartner) -> None:
    old, new = stored(operator, "location_min", last_updated=OLD), stored(operator, "location_min", last_updated=LATER)
    for query, expected in (
        ({"date_from": OLD, "date_to": LATER}, {old["id"]}),
        ({"date_from": LATER}, {new["id"]}),
        ({"date_to": LATER}, {old["id"]}),
    ):
        assert set(listed(emsp, **query)) & {old["id"], new["id"]} == expected


@pytest.mark.req("LOC-03", "LOC-05")
def test_a_location_of_which_one_evse_changed_comes_whole_after_the_old_date(
    operator: Operator, emsp: PlayedPartner
) -> None:
    location = stored(operator)
    change_evse(operator, location["id"], "E-101", status="CHARGING")
    found = listed(emsp, date_from="2025-01-01T00:00:00Z")[location["id"]]
    assert found["last_updated"] == found["evses"][1]["last_updated"] > OLD
    assert found["evses"][1] == location["evses"][1] | {
        "status": "CHARGING",
        "last_updated": found["evses"][1]["last_updated"],
    }
    assert found["evses"][0] == location["evses"][0]


@pytest.mark.req("LOC-04")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_changed_connector_raises_its_evse_and_location_and_nothing_else(
    operator: Operator, emsp: PlayedPartner, method: str
) -> None:
    location = stored(operator)
    changed = location["evses"][0]["connectors"][0] | {"amperage": 200, "last_updated": LATER}
    url = f"/2.1.1/locations/{location['id']}/evses/E-100/connectors/1"
    assert operator.request(method, url, json=changed).status_code == 200
    found = read(emsp, location["id"])
    assert found["evses"][0]["connectors"][0] == changed
    assert found["last_updated"] >= found["evses"][0]["last_updated"] >= LATER
    assert found["evses"][0]["connectors"][1]["last_updated"] == found["evses"][1]["last_updated"] == OLD


@pytest.mark.req("LOC-06", "LOC-07", "LOC-08", "TF-27")
@pytest.mark.parametrize("awkward", AWKWARD_IDS)
def test_a_location_its_evses_and_connectors_are_read_under_their_ids(
    operator: Operator, emsp: PlayedPartner, awkward: str
) -> None:
    connector = fixture("connector_max", id=awkward)
    evse = fixture("evse_max", uid=awkward, connectors=[connector])
    location = stored(operator, id=awkward, evses=[evse])
    assert read(emsp, awkward) == location
    assert read(emsp, awkward, awkward) == evse
    assert read(emsp, awkward, awkward, awkward) == connector


@pytest.mark.req("LOC-09", "LOC-10", "LOC-11")
def test_what_is_not_there_is_not_found(operator: Operator, emsp: PlayedPartner) -> None:
    location, other = stored(operator), stored(operator, "location_min")
    for path in (
        ("nowhere",),
        (location["id"].lower(),),
        (location["id"], "nowhere"),
        (location["id"], "E-100", "nowhere"),
        (location["id"], "E-101", "2"),
        (other["id"], "E-100"),
        (other["id"], "E-100", "1"),
        (location["id"], location["evses"][0]["evse_id"]),
    ):
        answer = emsp.get(emsp.endpoint("locations", in_url(*path)))
        assert (answer.status_code, answer.json()["status_code"]) == (404, 2003), path
        assert "data" not in answer.json()


@pytest.mark.req("LOC-12")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_partners_only_read_our_locations(operator: Operator, emsp: PlayedPartner, method: str) -> None:
    location = stored(operator)
    for path in ((), (location["id"],), (location["id"], "E-100"), (location["id"], "E-100", "1")):
        answer = emsp.call(method, emsp.endpoint("locations", *path), json=location)
        assert answer.status_code == 405, path
        assert answer.headers["Allow"] == "GET"
        assert 2000 <= answer.json()["status_code"] < 3000
    assert read(emsp, location["id"]) == location


@pytest.mark.req("LOC-18")
def test_what_a_driver_sees_may_change_and_ids_stay(operator: Operator, emsp: PlayedPartner) -> None:
    location = stored(operator)
    url = f"/2.1.1/locations/{location['id']}"
    assert operator.patch(url, json={"name": "Été à la gare 充電 🔌"}).status_code == 200
    change_evse(operator, location["id"], "E-100", evse_id="NL*WMC*E999", physical_reference="B1")
    found = read(emsp, location["id"])
    assert found["name"] == "Été à la gare 充電 🔌"
    assert (found["id"], [evse["uid"] for evse in found["evses"]]) == (location["id"], ["E-100", "E-101"])
    assert operator.patch(url, json={"id": "other"}).status_code == 422
    assert operator.patch(f"{url}/evses/E-100", json={"uid": "other"}).status_code == 422
    assert read(emsp, location["id"]) == found


@pytest.mark.req("LOC-19", "LOC-20")
@pytest.mark.parametrize("way", ["DELETE", "PATCH", "PUT", "PUT location"])
def test_a_removed_evse_stays_to_be_read_even_if_it_was_the_last(
    operator: Operator, emsp: PlayedPartner, way: str
) -> None:
    location = stored(operator, evses=[fixture("evse_max")])
    url = f"/2.1.1/locations/{location['id']}"
    match way:
        case "DELETE":
            answer = operator.delete(f"{url}/evses/E-100")
        case "PATCH":
            answer = operator.patch(f"{url}/evses/E-100", json={"status": "REMOVED"})
        case "PUT":
            answer = operator.put(
                f"{url}/evses/E-100", json=fixture("evse_max", status="REMOVED", last_updated="2026-01-01T00:00:00Z")
            )
        case _:
            answer = operator.put(url, json=fixture("location_min", id=location["id"], last_updated=...))
    assert answer.status_code == 200, answer.text
    assert read(emsp, location["id"], "E-100")["status"] == "REMOVED"
    assert listed(emsp, date_from="2025-01-01T00:00:00Z")[location["id"]]["evses"][0]["status"] == "REMOVED"


@pytest.mark.req("LOC-13", "LOC-14", "LOC-15")
@pytest.mark.parametrize(
    ("part", "required"),
    [
        ("", ["id", "type", "address", "city", "postal_code", "country", "coordinates", "last_updated"]),
        ("/evses/E-100", ["uid", "status", "connectors", "last_updated"]),
        (
            "/evses/E-100/connectors/1",
            ["id", "standard", "format", "power_type", "voltage", "amperage", "last_updated"],
        ),
    ],
)
def test_what_partners_get_has_every_required_field(
    operator: Operator, emsp: PlayedPartner, part: str, required: list[str]
) -> None:
    location = stored(operator)
    url = f"/2.1.1/locations/{location['id']}{part}"
    whole = operator.get(url).json()
    for name in required:
        without = {key: value for key, value in whole.items() if key != name}
        answer = operator.put(url, json=without)
        if name == "last_updated":
            assert answer.status_code == 200, answer.text
        else:
            assert answer.status_code == 422
            assert answer.json()["errors"] == [{"pointer": f"/{name}", "detail": "is required"}]
    segments = [segment for segment in part.split("/") if segment not in {"", "evses", "connectors"}]
    assert read(emsp, location["id"], *segments) == whole
    assert set(required) <= set(whole)


@pytest.mark.req("LOC-14")
def test_an_evse_without_connectors_is_refused(operator: Operator) -> None:
    location = fixture("location_max", id=fresh_id("L"), evses=[fixture("evse_min", connectors=[])])
    answer = operator.put_object("locations", location)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/evses/0/connectors"]


@pytest.mark.req("LOC-16", "LOC-17", "LOC-21")
@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("coordinates", {"latitude": "52.37021", "longitude": "4.895168"}, "/coordinates/latitude"),
        ("coordinates", {"latitude": "52.370216", "longitude": "4,895168"}, "/coordinates/longitude"),
        ("coordinates", {"latitude": 52.370216, "longitude": "4.895168"}, "/coordinates/latitude"),
        ("country", "NL", "/country"),
        ("country", "nld", "/country"),
        *(
            (
                "opening_times",
                {"regular_hours": [{"weekday": 1, "period_begin": "08:00", "period_end": "20:00"} | wrong]},
                f"/opening_times/regular_hours/0/{next(reversed(wrong))}",
            )
            for wrong in (
                {"weekday": 0},
                {"weekday": 8},
                {"period_begin": "8:00"},
                {"period_end": "24:00"},
                {"period_end": "08:00"},
            )
        ),
    ],
)
def test_what_partners_could_not_read_never_reaches_them(
    operator: Operator, emsp: PlayedPartner, field: str, value: Any, pointer: str
) -> None:
    location = fixture("location_max", id=fresh_id("L"), **{field: value})
    answer = operator.put_object("locations", location)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert emsp.get(emsp.endpoint("locations", location["id"])).status_code == 404


@pytest.mark.req("LOC-16", "LOC-17")
def test_coordinates_have_six_decimals_and_countries_three_letters(operator: Operator, emsp: PlayedPartner) -> None:
    stored(operator)
    for location in listed(emsp).values():
        assert re.fullmatch("[A-Z]{3}", location["country"])
        for point in (location["coordinates"], *location.get("related_locations", [])):
            assert re.fullmatch(r"-?[0-9]{1,2}\.[0-9]{6}", point["latitude"])
            assert re.fullmatch(r"-?[0-9]{1,3}\.[0-9]{6}", point["longitude"])


@pytest.mark.req("LOC-22")
@pytest.mark.parametrize("told", [{}, {"twentyfourseven": False}])
def test_regular_hours_go_out_with_a_word_on_being_open_all_day(
    operator: Operator, emsp: PlayedPartner, told: dict[str, Any]
) -> None:
    hours = {"regular_hours": [{"weekday": 1, "period_begin": "08:00", "period_end": "20:00"}]}
    location = stored(operator, opening_times=hours | told)
    assert read(emsp, location["id"])["opening_times"] == hours | {"twentyfourseven": False}
    assert operator.put_object("locations", location).json()["object"]["last_updated"] == OLD


@pytest.mark.req("LOC-23", "LOC-24")
def test_a_mix_that_does_not_add_up_and_an_unknown_tariff_are_warned_of(operator: Operator) -> None:
    location = fixture("location_max", id=fresh_id("L"))
    location["evses"][0]["connectors"][0]["tariff_id"] = tariff_id = fresh_id("T")
    location["energy_mix"]["energy_sources"][0]["percentage"] = 60
    pointers = ["/energy_mix/energy_sources", "/evses/0/connectors/0/tariff_id"]
    warnings = operator.put_object("locations", location).json()["warnings"]
    assert sorted(warning.partition(":")[0] for warning in warnings) == pointers

    assert operator.put_object("tariffs", fixture("tariff_free", id=tariff_id)).status_code == 201
    location["energy_mix"]["energy_sources"][0]["percentage"] = 60.5
    assert operator.put_object("locations", location).json()["warnings"] == []


@pytest.mark.req("LOC-24")
def test_a_tariff_named_by_a_connector_is_in_the_tariffs_module(operator: Operator, emsp: PlayedPartner) -> None:
    assert operator.put_object("tariffs", fixture("tariff_free", id="T-1")).status_code in {200, 201}
    location = stored(operator)
    named = {connector.get("tariff_id") for evse in location["evses"] for connector in evse["connectors"]} - {None}
    tariffs = emsp.get(emsp.endpoint("tariffs"), params={"limit": 1000}).json()["data"]
    assert named <= {tariff["id"] for tariff in tariffs}


def test_a_location_of_five_hundred_evses_goes_in_and_out(operator: Operator, emsp: PlayedPartner) -> None:
    evses = [fixture("evse_max", uid=f"E-{number}", evse_id=f"NL*WMC*E{number}") for number in range(500)]
    location = stored(operator, evses=evses)
    assert read(emsp, location["id"]) == location
    assert listed(emsp)[location["id"]] == location
    change_evse(operator, location["id"], "E-499", status="OUTOFORDER")
    assert read(emsp, location["id"], "E-499")["status"] == "OUTOFORDER"
    assert len(read(emsp, location["id"])["evses"]) == 500
