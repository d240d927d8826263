"""A partner with the setting ``explicit_nulls`` reads null for what we have not; others read nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.party import PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.party import Operator

SINCE = "2000-01-01T00:00:00Z"
LISTS = [
    ("locations", "location_min", ("name", "evses", "images", "energy_mix")),
    ("sessions", "session_min", ("end_datetime", "meter_id", "charging_periods", "total_cost")),
    ("cdrs", "cdr_min", ("meter_id", "tariffs", "total_parking_time", "remark")),
    ("tariffs", "tariff_free", ("tariff_alt_text", "tariff_alt_url", "energy_mix")),
    ("tokens", "token_min", ("visual_number", "language")),
]


def played(operator: Operator, role: str, party_id: str, *, nulls: bool) -> Iterator[PlayedPartner]:
    with PlayedPartner(role, "SE", party_id, token=f"token-b-of-{party_id}") as partner:
        partner.register(operator.invite(role, party_id))
        if nulls:
            changed = operator.patch(f"/partners/{partner.partner_id}", json={"settings": {"explicit_nulls": True}})
            assert changed.status_code == 200, changed.text
        yield partner


@pytest.fixture(scope="module")
def emsp_with_nulls(operator: Operator) -> Iterator[PlayedPartner]:
    yield from played(operator, "EMSP", "NUL", nulls=True)


@pytest.fixture(scope="module")
def cpo_with_nulls(operator: Operator) -> Iterator[PlayedPartner]:
    yield from played(operator, "CPO", "NUL", nulls=True)


@pytest.fixture
def readers(
    emsp: PlayedPartner, cpo: PlayedPartner, emsp_with_nulls: PlayedPartner, cpo_with_nulls: PlayedPartner
) -> dict[str, tuple[PlayedPartner, PlayedPartner]]:
    """By role the partner that gets nulls, and the one that does not."""
    return {"EMSP": (emsp_with_nulls, emsp), "CPO": (cpo_with_nulls, cpo)}


def put(operator: Operator, module: str, value: dict[str, Any], partner: PlayedPartner) -> None:
    query = {"partner": partner.partner_id} if module in {"sessions", "cdrs"} else {}
    name = value["uid" if module == "tokens" else "id"]
    answer = operator.put(f"/2.1.1/{module}/{name}", json=value, params=query)
    assert answer.status_code == 201, answer.text


def listed(partner: PlayedPartner, module: str, name: str) -> dict[str, Any]:
    answer = partner.get(partner.endpoint(module), params={"date_from": SINCE})
    assert answer.json()["status_code"] == 1000, answer.text
    field = "uid" if module == "tokens" else "id"
    return next(value for value in answer.json()["data"] if value[field] == name)


@pytest.mark.parametrize(("module", "example", "absent"), LISTS)
def test_lists_have_null_in_absent_optional_fields_for_the_partner_that_asked(
    operator: Operator,
    readers: dict[str, tuple[PlayedPartner, PlayedPartner]],
    module: str,
    example: str,
    absent: tuple[str, ...],
) -> None:
    field = "uid" if module == "tokens" else "id"
    for nulls, partner in zip((True, False), readers["CPO" if module == "tokens" else "EMSP"], strict=True):
        value = fixture(example, **{field: f"{module}-{nulls}"}, **dict.fromkeys(absent, ...))
        put(operator, module, value, partner)
        seen = listed(partner, module, value[field])
        assert {name: seen.get(name, "absent") for name in absent} == dict.fromkeys(absent, None if nulls else "absent")
        assert {name: member for name, member in seen.items() if member is not None}.keys() >= value.keys()


def test_a_location_an_evse_and_a_connector_have_them_too(
    operator: Operator, emsp: PlayedPartner, emsp_with_nulls: PlayedPartner
) -> None:
    value = fixture("location_min", id="with-parts", evses=[fixture("evse_min", connectors=[fixture("connector_min")])])
    put(operator, "locations", value, emsp)
    evse, connector = value["evses"][0]["uid"], value["evses"][0]["connectors"][0]["id"]
    paths = [("with-parts",), ("with-parts", evse), ("with-parts", evse, connector)]
    fields = ["images", "floor_level", "tariff_id"]
    for partner, expected in ((emsp_with_nulls, None), (emsp, "absent")):
        read = [partner.get(partner.endpoint("locations", *path)).json()["data"] for path in paths]
        assert [seen.get(name, "absent") for seen, name in zip(read, fields, strict=True)] == [expected] * 3
    whole = listed(emsp_with_nulls, "locations", "with-parts")
    assert whole["evses"][0]["connectors"][0]["tariff_id"] is None


def test_the_answer_to_an_authorization_has_them_too(
    operator: Operator, cpo: PlayedPartner, cpo_with_nulls: PlayedPartner
) -> None:
    put(operator, "tokens", fixture("token_min", uid="asked-for"), cpo)
    for partner, expected in ((cpo_with_nulls, None), (cpo, "absent")):
        answer = partner.call("POST", partner.endpoint("tokens", "asked-for", "authorize")).json()
        assert (answer["data"]["allowed"], answer["data"].get("info", "absent")) == ("ALLOWED", expected)


def test_pages_of_a_list_go_on_for_it_as_for_everybody(operator: Operator, emsp_with_nulls: PlayedPartner) -> None:
    for number in range(3):
        put(operator, "tariffs", fixture("tariff_free", id=f"page-{number}"), emsp_with_nulls)
    first = emsp_with_nulls.get(emsp_with_nulls.endpoint("tariffs"), params={"limit": 1})
    second = emsp_with_nulls.get(first.links["next"]["url"])
    seen = [answer.json()["data"][0] for answer in (first, second)]
    assert seen[0]["id"] != seen[1]["id"]
    assert [tariff["tariff_alt_url"] for tariff in seen] == [None, None]
