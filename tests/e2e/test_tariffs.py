"""Tariffs: our own as eMSP partners read them, and those that a CPO partner pushes to us (OCPI 2.1.1, chapter 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of, ended
from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.lists import is_list_only, is_listed_by_page_and_time, listed
from tests.support.party import fixture

if TYPE_CHECKING:
    from tests.support.party import Operator, PlayedPartner

OLD, LATER = "2024-03-05T10:11:12Z", "2024-03-06T00:00:00Z"


def tariff_url(cpo: PlayedPartner, tariff_id: str) -> str:
    return cpo.own_url("tariffs", in_url(tariff_id))


def pushed(cpo: PlayedPartner, base: str = "tariff_max", /, **changes: Any) -> dict[str, Any]:
    """A tariff that the partner has pushed."""
    tariff = fixture(base, **{"id": fresh_id("T"), **changes})
    ended(cpo.put(tariff_url(cpo, tariff["id"]), tariff), 201, 1000)
    return tariff


def own(operator: Operator, base: str = "tariff_max", /, **changes: Any) -> dict[str, Any]:
    """A tariff of ours."""
    tariff = fixture(base, **{"id": fresh_id("O"), **changes})
    answer = operator.put_object("tariffs", tariff)
    assert (answer.status_code, answer.json()["object"]) == (201, tariff)
    return tariff


def read(cpo: PlayedPartner, tariff_id: str) -> Any:
    return data_of(cpo.get(tariff_url(cpo, tariff_id)))


@pytest.mark.req("TAR-01")
def test_partners_list_our_tariffs_by_page_and_by_time(operator: Operator, emsp: PlayedPartner) -> None:
    old, new = own(operator, last_updated=OLD), own(operator, "tariff_free", last_updated=LATER)
    is_listed_by_page_and_time(emsp, "tariffs", old, new)


@pytest.mark.req("TAR-02")
def test_partners_change_none_of_our_tariffs_and_read_none_alone(operator: Operator, emsp: PlayedPartner) -> None:
    assert is_list_only(emsp, "tariffs", own(operator))


@pytest.mark.req("TAR-03", "TAR-04")
@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        *(({name: ...}, f"/{name}") for name in ("id", "currency", "elements")),
        ({"currency": "eur"}, "/currency"),
        ({"elements": []}, "/elements"),
        ({"elements": [{"price_components": []}]}, "/elements/0/price_components"),
        *(
            (
                {"elements": [{"price_components": [{"type": "FLAT", "price": 1, "step_size": 1} | wrong]}]},
                f"/elements/0/price_components/0/{next(iter(wrong))}",
            )
            for wrong in ({"type": "MONTHLY"}, {"price": "1.00"}, {"price": None}, {"step_size": 1.5})
        ),
        *(
            ({"elements": [{"price_components": [component]}]}, f"/elements/0/price_components/0/{missing}")
            for component, missing in (
                ({"price": 1, "step_size": 1}, "type"),
                ({"type": "FLAT", "step_size": 1}, "price"),
                ({"type": "FLAT", "price": 1}, "step_size"),
            )
        ),
    ],
)
def test_what_partners_could_not_read_never_reaches_them(
    operator: Operator, emsp: PlayedPartner, changes: dict[str, Any], pointer: str
) -> None:
    tariff = fixture("tariff_max", **{"id": fresh_id("O"), **changes})
    answer = operator.put("/2.1.1/tariffs/refused", json=tariff)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert all(known["id"] not in {"refused", tariff.get("id")} for known in listed(emsp, "tariffs"))


@pytest.mark.req("TAR-03", "TAR-20")
def test_a_tariff_goes_out_with_the_time_of_its_change_and_free_is_a_flat_price_of_zero(
    operator: Operator, emsp: PlayedPartner
) -> None:
    tariff = fixture("tariff_free", id=fresh_id("O"), last_updated=...)
    assert operator.put_object("tariffs", tariff).status_code == 201
    found = next(known for known in listed(emsp, "tariffs", date_from=LATER) if known["id"] == tariff["id"])
    assert found.pop("last_updated") > LATER
    assert found == tariff
    assert found["elements"][0]["price_components"] == [{"type": "FLAT", "price": 0.0, "step_size": 0}]


@pytest.mark.req("TAR-19")
@pytest.mark.parametrize(
    ("restrictions", "pointers"),
    [([{"min_kwh": 5}, None], []), ([None, {}], []), ([None, {"min_kwh": 5}], ["/elements/1/restrictions"])],
)
def test_a_tariff_whose_last_element_is_no_default_is_taken_with_a_warning(
    operator: Operator, restrictions: list[Any], pointers: list[str]
) -> None:
    element = fixture("tariff_free")["elements"][0]
    elements = [element if each is None else element | {"restrictions": each} for each in restrictions]
    answer = operator.put_object("tariffs", fixture("tariff_free", id=fresh_id("O"), elements=elements))
    assert answer.status_code == 201
    assert [warning.partition(": ")[0] for warning in answer.json()["warnings"]] == pointers


@pytest.mark.req("TAR-04")
@pytest.mark.parametrize("price", ["0.10", "1.0", "12345678.123456789", "1E-7", "3", "-0.5"])
def test_a_price_keeps_its_digits_from_the_operator_to_the_partner(
    operator: Operator, emsp: PlayedPartner, price: str
) -> None:
    tariff_id = fresh_id("O")
    body = f'{{"id":"{tariff_id}","currency":"EUR","elements":[{{"price_components":[{{"type":"ENERGY",'
    body += f'"price":{price},"step_size":1}}]}}]}}'
    answer = operator.put(
        f"/2.1.1/tariffs/{tariff_id}", content=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201, answer.text
    text = emsp.get(emsp.endpoint("tariffs"), params={"limit": 1000}).text
    assert f'"price":{price},' in text[text.index(tariff_id) :]


@pytest.mark.req("TAR-05", "TAR-09", "TF-27")
@pytest.mark.parametrize("tariff_id", AWKWARD_IDS)
def test_a_pushed_tariff_is_given_back_as_it_came_and_replaced_entirely(
    operator: Operator, cpo: PlayedPartner, tariff_id: str
) -> None:
    tariff = pushed(cpo, id=tariff_id)
    assert read(cpo, tariff_id) == tariff
    assert operator.get(f"/partners/{cpo.partner_id}/tariffs/{in_url(tariff_id)}").json() == tariff
    smaller = fixture("tariff_free", id=tariff_id)
    for _ in range(2):
        ended(cpo.put(tariff_url(cpo, tariff_id), smaller), 200, 1000)
        assert read(cpo, tariff_id) == smaller


@pytest.mark.req("TAR-06")
def test_a_patch_replaces_elements_as_a_whole(cpo: PlayedPartner) -> None:
    tariff, free = pushed(cpo), fixture("tariff_free")
    patch = {"elements": free["elements"], "tariff_alt_url": None}
    ended(cpo.patch(tariff_url(cpo, tariff["id"]), patch), 200, 1000)
    expected = tariff | {"elements": free["elements"]}
    del expected["tariff_alt_url"]
    assert read(cpo, tariff["id"]) == expected


@pytest.mark.req("TAR-06", "TAR-11")
@pytest.mark.parametrize(
    "patch", [{"elements": []}, {"elements": None}, {"currency": "XXZ"}, {"id": "other"}, {"elements": [{}]}]
)
def test_a_patch_that_would_break_the_tariff_has_no_effect(cpo: PlayedPartner, patch: dict[str, Any]) -> None:
    tariff = pushed(cpo)
    ended(cpo.patch(tariff_url(cpo, tariff["id"]), patch), 200, 2001)
    assert read(cpo, tariff["id"]) == tariff


@pytest.mark.req("TAR-07", "TAR-08", "TAR-09", "TAR-13")
@pytest.mark.parametrize("tariff_id", ["T/1 +%*", "plain"])
def test_a_deleted_tariff_is_gone_until_it_is_put_again(cpo: PlayedPartner, tariff_id: str) -> None:
    tariff, url = pushed(cpo, id=tariff_id), tariff_url(cpo, tariff_id)
    ended(cpo.call("DELETE", url), 200, 1000)
    ended(cpo.get(url), 404, 2001)
    ended(cpo.patch(url, {"currency": "CHF"}), 404, 2001)
    ended(cpo.call("DELETE", url), 404, 2001)
    ended(cpo.put(url, tariff), 201, 1000)
    assert read(cpo, tariff_id) == tariff


@pytest.mark.req("TAR-10")
def test_tariffs_are_not_posted(cpo: PlayedPartner) -> None:
    tariff = pushed(cpo)
    answer = cpo.call("POST", tariff_url(cpo, tariff["id"]), json=tariff)
    ended(answer, 405, 2000)
    assert answer.headers["Allow"] == "DELETE, GET, PATCH, PUT"
    ended(cpo.call("POST", cpo.endpoint("tariffs"), json=tariff), 405, 2000)


@pytest.mark.req("TAR-11")
def test_a_tariff_belongs_to_the_party_that_calls_and_has_the_id_in_the_url(cpo: PlayedPartner) -> None:
    tariff = pushed(cpo)
    for owner in ("DE/CPO", "FR/XXX"):
        url = cpo.endpoint("tariffs", owner, tariff["id"])
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            ended(cpo.call(method, url, json=tariff), 404, 2001)
    ended(cpo.put(tariff_url(cpo, "another"), tariff), 200, 2001)
    ended(cpo.call("DELETE", tariff_url(cpo, tariff["id"].lower())), 404, 2001)
    assert read(cpo, tariff["id"]) == tariff


@pytest.mark.req("TAR-12", "TAR-14", "TAR-24")
@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"last_updated": ...}, "/last_updated"),
        *(
            ({"elements": [{**fixture("tariff_free")["elements"][0], "restrictions": {name: value}}]}, name)
            for name, value in (
                ("start_time", "24:00"),
                ("end_time", "9:00"),
                ("start_time", "09:60"),
                ("start_date", "2024-13-01"),
                ("end_date", "2023-02-29"),
                ("start_date", "01-02-2024"),
                ("min_kwh", "1"),
                ("max_power", True),
                ("min_duration", 1.5),
                ("max_duration", "60"),
                ("day_of_week", "MONDAY"),
                ("day_of_week", ["MON"]),
            )
        ),
        ({"tariff_alt_text": [{"language": "eng", "text": "x"}]}, "/tariff_alt_text/0/language"),
        ({"tariff_alt_text": [{"language": "en", "text": "x" * 513}]}, "/tariff_alt_text/0/text"),
    ],
)
def test_a_tariff_that_is_not_well_formed_is_refused(cpo: PlayedPartner, changes: Any, pointer: str) -> None:
    tariff = fixture("tariff_max", **{"id": fresh_id("T"), **changes})
    answer = cpo.put(tariff_url(cpo, tariff["id"]), tariff)
    ended(answer, 200, 2001)
    assert pointer in answer.json()["status_message"]
    ended(cpo.get(tariff_url(cpo, tariff["id"])), 404, 2001)


@pytest.mark.req("TAR-14", "TAR-24")
@pytest.mark.parametrize(
    "restrictions",
    [
        {"start_time": "00:00", "end_time": "23:59", "start_date": "2024-02-29", "end_date": "2024-12-31"},
        {"min_kwh": 0, "max_kwh": 0.5, "min_power": 3.7, "max_power": 350, "min_duration": 0, "max_duration": 3600},
        {"day_of_week": ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]},
    ],
)
def test_every_kind_of_restriction_is_taken_with_the_longest_text(cpo: PlayedPartner, restrictions: Any) -> None:
    elements = [{**fixture("tariff_free")["elements"][0], "restrictions": restrictions}]
    tariff = pushed(cpo, elements=elements, tariff_alt_text=[{"language": "de", "text": "ü" * 512}])
    assert read(cpo, tariff["id"]) == tariff


@pytest.mark.req("TAR-23")
def test_a_deleted_tariff_may_still_be_named_by_a_connector(cpo: PlayedPartner) -> None:
    tariff = pushed(cpo)
    connector = fixture("connector_max", tariff_id=tariff["id"])
    location = fixture("location_min", id=fresh_id("R"), evses=[fixture("evse_min", connectors=[connector])])
    url = cpo.own_url("locations", location["id"])
    ended(cpo.put(url, location), 201, 1000)
    ended(cpo.call("DELETE", tariff_url(cpo, tariff["id"])), 200, 1000)
    assert cpo.get(url).json()["data"] == location
