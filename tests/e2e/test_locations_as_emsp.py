"""Locations that a CPO partner pushes to us (OCPI 2.1.1, section 8.2.2)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of, ended
from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.party import fixture

if TYPE_CHECKING:
    import httpx

    from tests.support.party import Operator, PlayedPartner

NEWER = "2026-02-03T04:05:06Z"
ENUMS = {
    "type": "ON_STREET PARKING_GARAGE UNDERGROUND_GARAGE PARKING_LOT OTHER UNKNOWN",
    "facilities": "HOTEL RESTAURANT CAFE MALL SUPERMARKET SPORT RECREATION_AREA NATURE MUSEUM BUS_STOP TAXI_STAND "
    "TRAIN_STATION AIRPORT CARPOOL_PARKING FUEL_STATION WIFI",
    "status": "AVAILABLE BLOCKED CHARGING INOPERATIVE OUTOFORDER PLANNED REMOVED RESERVED UNKNOWN",
    "capabilities": "CHARGING_PROFILE_CAPABLE CREDIT_CARD_PAYABLE REMOTE_START_STOP_CAPABLE RESERVABLE RFID_READER "
    "UNLOCK_CAPABLE",
    "parking_restrictions": "EV_ONLY PLUGGED DISABLED CUSTOMERS MOTORCYCLES",
    "standard": "CHADEMO DOMESTIC_A DOMESTIC_B DOMESTIC_C DOMESTIC_D DOMESTIC_E DOMESTIC_F DOMESTIC_G DOMESTIC_H "
    "DOMESTIC_I DOMESTIC_J DOMESTIC_K DOMESTIC_L IEC_60309_2_single_16 IEC_60309_2_three_16 IEC_60309_2_three_32 "
    "IEC_60309_2_three_64 IEC_62196_T1 IEC_62196_T1_COMBO IEC_62196_T2 IEC_62196_T2_COMBO IEC_62196_T3A IEC_62196_T3C "
    "TESLA_R TESLA_S",
    "format": "SOCKET CABLE",
    "power_type": "AC_1_PHASE AC_3_PHASE DC",
}
"""Values that the specification lists, by field (section 8.4)."""


def location_url(cpo: PlayedPartner, *segments: str) -> str:
    return cpo.own_url("locations", in_url(*segments))


def pushed(cpo: PlayedPartner, base: str = "location_max", /, **changes: Any) -> dict[str, Any]:
    """A location that the partner has pushed and no other test uses."""
    location = fixture(base, **{"id": fresh_id("R"), **changes})
    answer = cpo.put(location_url(cpo, location["id"]), location)
    assert (answer.status_code, answer.json()["status_code"]) == (201, 1000), answer.text
    return location


def read(cpo: PlayedPartner, *segments: str) -> Any:
    return data_of(cpo.get(location_url(cpo, *segments)))


def accepted(answer: httpx.Response, http_status: int = 200) -> None:
    ended(answer, http_status, 1000)


def refused(answer: httpx.Response, pointer: str) -> None:
    ended(answer, 200, 2001)
    assert pointer in answer.json()["status_message"]


def not_found(answer: httpx.Response) -> None:
    ended(answer, 404, 2003)


@pytest.mark.req("LOC-30", "LOC-46", "TF-27")
@pytest.mark.parametrize("awkward", AWKWARD_IDS)
def test_a_new_location_is_stored_and_given_back_as_it_came(
    operator: Operator, cpo: PlayedPartner, awkward: str
) -> None:
    connector = fixture("connector_max", id=awkward)
    evse = fixture("evse_max", uid=awkward, connectors=[connector])
    location = pushed(cpo, id=awkward, name="Würzburg – 東京 ⚡", evses=[evse])
    assert read(cpo, awkward) == location
    assert read(cpo, awkward, awkward) == evse
    assert read(cpo, awkward, awkward, awkward) == connector
    assert operator.get(f"/partners/{cpo.partner_id}/locations/{in_url(awkward)}").json() == location


@pytest.mark.req("LOC-31")
def test_a_location_that_is_put_again_is_replaced_entirely(cpo: PlayedPartner) -> None:
    location = pushed(cpo, evses=...)
    smaller = fixture("location_min", id=location["id"], last_updated=NEWER)
    accepted(cpo.put(location_url(cpo, location["id"]), smaller))
    assert read(cpo, location["id"]) == smaller


@pytest.mark.req("LOC-61")
def test_the_same_location_twice_is_the_location_once(cpo: PlayedPartner) -> None:
    location = pushed(cpo)
    accepted(cpo.put(location_url(cpo, location["id"]), location))
    assert read(cpo, location["id"]) == location


@pytest.mark.req("LOC-32")
def test_an_evse_that_is_no_longer_listed_counts_as_removed(cpo: PlayedPartner) -> None:
    location = pushed(cpo)
    again = location | {"evses": location["evses"][1:], "last_updated": NEWER}
    for _ in range(2):
        accepted(cpo.put(location_url(cpo, location["id"]), again))
        assert read(cpo, location["id"], "E-101") == location["evses"][1]
        gone = location["evses"][0] | {"status": "REMOVED", "last_updated": NEWER}
        assert read(cpo, location["id"], "E-100") == gone


@pytest.mark.req("LOC-33", "LOC-34")
def test_an_evse_is_added_and_replaced_without_touching_the_others(cpo: PlayedPartner) -> None:
    location = pushed(cpo)
    new = fixture("evse_min", uid="E-102", last_updated=NEWER)
    accepted(cpo.put(location_url(cpo, location["id"], "E-102"), new), 201)
    replaced = fixture("evse_min", uid="E-100")
    accepted(cpo.put(location_url(cpo, location["id"], "E-100"), replaced), 200)
    assert read(cpo, location["id"])["evses"] == [replaced, location["evses"][1], new]


@pytest.mark.req("LOC-35")
def test_a_connector_is_added_and_replaced_without_touching_the_others(cpo: PlayedPartner) -> None:
    location = pushed(cpo)
    new, replaced = fixture("connector_max", id="3"), fixture("connector_min", id="1")
    accepted(cpo.put(location_url(cpo, location["id"], "E-100", "3"), new), 201)
    accepted(cpo.put(location_url(cpo, location["id"], "E-100", "1"), replaced), 200)
    assert read(cpo, location["id"], "E-100")["connectors"] == [replaced, location["evses"][0]["connectors"][1], new]
    assert read(cpo, location["id"], "E-101") == location["evses"][1]


@pytest.mark.req("LOC-36", "LOC-47")
def test_nothing_is_stored_or_found_below_what_is_not_there(cpo: PlayedPartner) -> None:
    location, nowhere = pushed(cpo), fresh_id("N")
    evse, connector = fixture("evse_min", uid="new"), fixture("connector_min", id="new")
    for path, body in (
        ((nowhere, "new"), evse),
        ((nowhere, "E-100", "new"), connector),
        ((location["id"], "nowhere", "new"), connector),
    ):
        not_found(cpo.put(location_url(cpo, *path), body))
        not_found(cpo.patch(location_url(cpo, *path), {"last_updated": NEWER}))
        not_found(cpo.get(location_url(cpo, *path)))
    not_found(cpo.get(location_url(cpo, nowhere)))
    not_found(cpo.patch(location_url(cpo, nowhere), {"name": "x"}))
    not_found(cpo.patch(location_url(cpo, location["id"], "nowhere"), {"status": "CHARGING"}))
    not_found(cpo.patch(location_url(cpo, location["id"], "E-101", "2"), {"tariff_id": "15"}))
    assert read(cpo, location["id"]) == location


@pytest.mark.req("LOC-37", "LOC-38", "LOC-39", "LOC-40", "LOC-52", "LOC-53")
@pytest.mark.parametrize(
    ("path", "patch", "cleared"),
    [
        ((), {"name": "Other name"}, ()),
        (("E-100",), {"status": "CHARGING"}, ()),
        (("E-100", "1"), {"tariff_id": "15"}, ()),
        (("E-100",), {"capabilities": ["RESERVABLE"]}, ()),
        ((), {"opening_times": {"twentyfourseven": True}}, ()),
        ((), {"name": None, "facilities": [], "x_unknown": {"a": [1.10]}}, ("name", "facilities")),
        (("E-100",), {"evse_id": None}, ("evse_id",)),
        (("E-100", "1"), {"tariff_id": None}, ("tariff_id",)),
    ],
)
def test_a_patch_changes_the_given_fields_only(
    cpo: PlayedPartner, path: tuple[str, ...], patch: dict[str, Any], cleared: tuple[str, ...]
) -> None:
    location = pushed(cpo)
    before = read(cpo, location["id"], *path)
    accepted(cpo.patch(location_url(cpo, location["id"], *path), patch))
    expected = {name: value for name, value in (before | patch).items() if name not in cleared}
    assert read(cpo, location["id"], *path) == expected
    others = [evse for evse in read(cpo, location["id"])["evses"] if evse["uid"] != "E-100"]
    assert others == location["evses"][1:]


@pytest.mark.req("LOC-41", "LOC-42")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("path", [("E-100",), ("E-100", "1")])
def test_a_newer_time_is_kept_and_raises_what_is_above(cpo: PlayedPartner, method: str, path: tuple[str, ...]) -> None:
    location = pushed(cpo)
    body = read(cpo, location["id"], *path) | {"last_updated": NEWER}
    accepted(cpo.call(method, location_url(cpo, location["id"], *path), json=body))
    assert read(cpo, location["id"], *path) == body
    found = read(cpo, location["id"])
    assert found["last_updated"] == found["evses"][0]["last_updated"] == NEWER
    assert found["evses"][1] == location["evses"][1]


@pytest.mark.req("LOC-41")
def test_a_patched_time_of_a_location_is_kept(cpo: PlayedPartner) -> None:
    location = pushed(cpo)
    accepted(cpo.patch(location_url(cpo, location["id"]), {"last_updated": NEWER}))
    assert read(cpo, location["id"]) == location | {"last_updated": NEWER}


@pytest.mark.req("LOC-43")
def test_a_removed_evse_can_still_be_read(cpo: PlayedPartner) -> None:
    location = pushed(cpo)
    accepted(cpo.patch(location_url(cpo, location["id"], "E-100"), {"status": "REMOVED"}))
    assert read(cpo, location["id"], "E-100") == location["evses"][0] | {"status": "REMOVED"}


@pytest.mark.req("LOC-44", "LOC-45")
@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_locations_are_neither_deleted_nor_posted(cpo: PlayedPartner, method: str) -> None:
    location = pushed(cpo)
    for path in ((), ("E-100",), ("E-100", "1")):
        answer = cpo.call(method, location_url(cpo, location["id"], *path), json=location)
        assert (answer.status_code, answer.json()["status_code"]) == (405, 2000), path
        assert answer.headers["Allow"] == "GET, PATCH, PUT"
    assert cpo.call(method, cpo.endpoint("locations"), json=location).status_code == 405
    assert read(cpo, location["id"]) == location


@pytest.mark.req("LOC-48", "LOC-55")
@pytest.mark.parametrize(
    ("path", "identity"),
    [((), "id"), (("E-100",), "uid"), (("E-100", "1"), "id")],
    ids=["location", "evse", "connector"],
)
def test_an_id_in_the_body_is_the_one_in_the_url(cpo: PlayedPartner, path: tuple[str, ...], identity: str) -> None:
    location = pushed(cpo)
    url = location_url(cpo, location["id"], *path)
    whole = read(cpo, location["id"], *path)
    for other in ("other", whole[identity] + " ", f"x{whole[identity]}"):
        refused(cpo.put(url, whole | {identity: other}), f"/{identity}")
        refused(cpo.patch(url, {identity: other}), f"/{identity}")
    accepted(cpo.patch(url, {identity: whole[identity], "last_updated": NEWER}))
    assert read(cpo, location["id"], *path) == whole | {"last_updated": NEWER}


@pytest.mark.req("LOC-49")
@pytest.mark.parametrize("owner", ["DE/CPO", "FR/XXX", "NL/TNM"])
def test_the_url_of_another_party_is_not_found(cpo: PlayedPartner, owner: str) -> None:
    location = pushed(cpo)
    url = cpo.endpoint("locations", owner, location["id"])
    for answer in (cpo.put(url, location), cpo.patch(url, {"name": "x"}), cpo.get(url), cpo.get(f"{url}/E-100/1")):
        assert answer.status_code == 404
        assert answer.json()["status_code"] // 1000 == 2
    assert read(cpo, location["id"]) == location


@pytest.mark.req("LOC-49")
def test_the_case_of_the_party_in_the_url_does_not_count(cpo: PlayedPartner) -> None:
    location = pushed(cpo)
    assert cpo.get(cpo.endpoint("locations", "fr", "cpo", location["id"])).json()["data"] == location


@pytest.mark.req("LOC-50")
@pytest.mark.parametrize("missing", ["uid", "status", "connectors", "last_updated"])
def test_an_evse_that_lacks_a_required_field_is_discarded(cpo: PlayedPartner, missing: str) -> None:
    location = pushed(cpo)
    url = location_url(cpo, location["id"], "E-102")
    refused(cpo.put(url, fixture("evse_min", **{"uid": "E-102", missing: ...})), f"/{missing}: is required")
    not_found(cpo.get(url))


@pytest.mark.req("LOC-52", "LOC-56", "LOC-64")
@pytest.mark.parametrize(
    ("path", "patch", "pointer"),
    [
        ((), {"address": None}, "/address"),
        ((), {"name": "changed", "city": "x" * 46}, "/city"),
        ((), {"name": "changed", "coordinates": {"latitude": "52.370216"}}, "/coordinates/longitude"),
        ((), {"name": "changed", "evses": [{"uid": "E-100", "status": "FOO"}]}, "/evses/0/status"),
        ((), {"evses": [{"uid": "E-100", "floor_level": "9"}, {"uid": "E-900", "status": "UNKNOWN"}]}, "/evses/2"),
        (("E-100",), {"status": "FOO"}, "/status"),
        (("E-100",), {"floor_level": "9", "connectors": [{"id": "9"}]}, "/connectors/2"),
        (("E-100", "1"), {"amperage": 16, "voltage": "230"}, "/voltage"),
        (("E-100", "1"), {"amperage": 16, "standard": None}, "/standard"),
    ],
)
def test_a_patch_that_would_break_the_location_has_no_effect_at_all(
    cpo: PlayedPartner, path: tuple[str, ...], patch: dict[str, Any], pointer: str
) -> None:
    location = pushed(cpo)
    refused(cpo.patch(location_url(cpo, location["id"], *path), patch), pointer)
    assert read(cpo, location["id"]) == location


@pytest.mark.req("LOC-54")
def test_evses_in_a_patch_of_the_location_are_merged_by_uid(cpo: PlayedPartner) -> None:
    location = pushed(cpo)
    patch = {"evses": [{"uid": "E-101", "status": "CHARGING"}, fixture("evse_min", uid="E-102")]}
    accepted(cpo.patch(location_url(cpo, location["id"]), patch))
    changed = location["evses"][1] | {"status": "CHARGING"}
    assert read(cpo, location["id"])["evses"] == [location["evses"][0], changed, patch["evses"][1]]


@pytest.mark.req("LOC-58", "LOC-62")
def test_ids_of_connectors_and_uids_of_evses_are_unique_in_their_parent_only(cpo: PlayedPartner) -> None:
    first, second = pushed(cpo), pushed(cpo)
    accepted(cpo.patch(location_url(cpo, first["id"], "E-100", "1"), {"amperage": 16}))
    assert read(cpo, first["id"], "E-101") == first["evses"][1]
    assert read(cpo, second["id"]) == second


@pytest.mark.req("LOC-59")
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_two_of_one_id_in_one_parent_are_refused(cpo: PlayedPartner, case: Any) -> None:
    evses = [fixture("evse_min", uid="E-1a"), fixture("evse_min", uid=case("E-1a"))]
    location = fixture("location_min", id=fresh_id("R"), evses=evses)
    refused(cpo.put(location_url(cpo, location["id"]), location), "/evses/1/uid")
    connectors = [fixture("connector_min", id="1a"), fixture("connector_min", id=case("1a"))]
    location["evses"] = [fixture("evse_min", uid="E-1", connectors=connectors)]
    refused(cpo.put(location_url(cpo, location["id"]), location), "/evses/0/connectors/1/id")
    not_found(cpo.get(location_url(cpo, location["id"])))


@pytest.mark.req("LOC-63")
@pytest.mark.parametrize("field", ENUMS)
def test_every_listed_value_of_an_enum_is_taken(cpo: PlayedPartner, field: str) -> None:
    values = ENUMS[field].split()
    connectors: list[dict[str, Any]] = [{}]
    evses: list[dict[str, Any]] = [{}]
    locations: list[dict[str, Any]] = [{}]
    match field:
        case "standard" | "format" | "power_type":
            connectors = [{"id": value, field: value} for value in values]
        case "status":
            evses = [{"uid": value, field: value} for value in values]
        case "capabilities" | "parking_restrictions":
            evses = [{field: values}]
        case "facilities":
            locations = [{field: values}]
        case _:
            locations = [{field: value} for value in values]
    for changes in locations:
        inside = [fixture("connector_min", **changed) for changed in connectors]
        location = pushed(
            cpo, evses=[fixture("evse_min", connectors=inside, **changed) for changed in evses], **changes
        )
        assert read(cpo, location["id"]) == location


@pytest.mark.req("LOC-65")
@pytest.mark.parametrize(
    "hours",
    [
        {"twentyfourseven": True},
        {"regular_hours": [{"weekday": 7, "period_begin": "00:00", "period_end": "23:59"}]},
        {"regular_hours": [{"weekday": 1, "period_begin": "08:00", "period_end": "20:00"}], "twentyfourseven": False},
    ],
)
def test_each_way_of_giving_opening_times_is_taken_as_it_is(cpo: PlayedPartner, hours: dict[str, Any]) -> None:
    assert read(cpo, pushed(cpo, opening_times=hours)["id"])["opening_times"] == hours


@pytest.mark.req("LOC-66")
@pytest.mark.parametrize(
    ("latitude", "taken"),
    [("52.37021", True), ("52.3702160", True), ("52.3702", False), ("52,370216", False), ("north", False), ("", False)],
)
def test_coordinates_are_degrees_with_five_to_seven_decimals(cpo: PlayedPartner, latitude: str, taken: bool) -> None:
    place = {"latitude": latitude, "longitude": "4.895168"}
    location = fixture("location_min", id=fresh_id("R"), coordinates=place)
    answer = cpo.put(location_url(cpo, location["id"]), location)
    if taken:
        accepted(answer, 201)
        assert read(cpo, location["id"])["coordinates"] == place
    else:
        refused(answer, "/coordinates/latitude")


@pytest.mark.req("LOC-57")
def test_a_schedule_that_has_come_alters_no_status(cpo: PlayedPartner) -> None:
    schedule = [{"period_begin": "2020-01-01T00:00:00Z", "status": "OUTOFORDER"}]
    location = pushed(cpo, evses=[fixture("evse_max", status_schedule=schedule)])
    assert read(cpo, location["id"], "E-100")["status"] == "AVAILABLE"


def test_an_id_that_differs_from_a_stored_one_only_by_case_is_refused(cpo: PlayedPartner) -> None:
    location = pushed(cpo)
    shouted = location["id"].lower()
    refused(cpo.put(location_url(cpo, shouted), location | {"id": shouted}), "/id")
    not_found(cpo.get(location_url(cpo, shouted)))


def test_two_writers_at_once_on_one_location_lose_nothing(cpo: PlayedPartner) -> None:
    uids = [f"E-{number}" for number in range(8)]
    location = pushed(cpo, evses=[fixture("evse_min", uid=uid) for uid in uids])

    def patch_again_and_again(uid: str) -> None:
        for number in range(10):
            accepted(cpo.patch(location_url(cpo, location["id"], uid), {f"x_{number}": uid}))

    with ThreadPoolExecutor(len(uids)) as pool:
        list(pool.map(patch_again_and_again, uids))
    for evse in read(cpo, location["id"])["evses"]:
        assert [evse.get(f"x_{number}") for number in range(10)] == [evse["uid"]] * 10


def test_a_location_of_five_hundred_evses_goes_in_and_out(cpo: PlayedPartner) -> None:
    evses = [fixture("evse_max", uid=f"E-{number}") for number in range(500)]
    location = pushed(cpo, evses=evses)
    accepted(cpo.patch(location_url(cpo, location["id"], "E-499", "2"), {"amperage": 63}))
    evses[499]["connectors"][1]["amperage"] = 63
    assert read(cpo, location["id"]) == location
