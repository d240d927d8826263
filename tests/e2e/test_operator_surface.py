"""The operator API as a whole: its key, its problems, its lists, our party, health, and what partners gave us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.answers import problem
from tests.support.gateway import running_gateway
from tests.support.ids import fresh_id
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from tests.support.gateway import Gateway

MEGABYTE = 1024 * 1024
MODULES = ("locations", "tariffs", "tokens")
PATHS = ("/party", "/health", "/partners", "/2.1.1/locations", "/2.1.1/tokens/1", "/nowhere", "/partners/x/tokens")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Token {key}", "{key}", "Bearer {key}x"])
def test_every_call_needs_the_operator_key(shared_gateway: Gateway, path: str, header: str | None) -> None:
    endpoint = shared_gateway.endpoints["operator"]
    headers = {} if header is None else {"Authorization": header.format(key=endpoint["key"])}
    answer = httpx.get(endpoint["url"] + path, headers=headers)
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert endpoint["key"] not in answer.text


def test_a_partners_token_opens_nothing_here(operator: Operator, emsp: PlayedPartner) -> None:
    for scheme in ("Bearer", "Token"):
        problem(operator.get("/partners", headers={"Authorization": f"{scheme} {emsp.token}"}), 401)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/party", "GET"),
        ("DELETE", "/health", "GET"),
        ("PUT", "/2.1.1/locations", "GET"),
        ("DELETE", "/2.1.1/locations/L", "GET, PATCH, PUT"),
        ("POST", "/2.1.1/locations/L/evses/E", "DELETE, GET, PATCH, PUT"),
        ("DELETE", "/2.1.1/locations/L/evses/E/connectors/1", "GET, PATCH, PUT"),
        ("GET", "/2.1.1/tokens/bulk", "POST"),
    ],
)
def test_a_method_that_is_not_there_is_refused_with_those_that_are(
    operator: Operator, method: str, path: str, allow: str
) -> None:
    answer = operator.request(method, path)
    problem(answer, 405)
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize("path", ["/nowhere", "/2.1.1", "/2.1.1/locations/a/b", "/2.1.1/locations/a/evses", "/"])
def test_an_unknown_path_is_not_found(operator: Operator, path: str) -> None:
    problem(operator.get(path), 404)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("content", "status", "pointer"),
    [
        (b"{", 400, None),
        (b"", 400, None),
        (b'{"a": NaN}', 400, None),
        (b"\xff", 400, None),
        (b"{} x", 400, None),
        (b"[]", 422, ""),
        (b"null", 422, ""),
        (b'{"name": "a", "name": "b"}', 422, "/name"),
        (b'{"x": {"y~/": 99999999999999999999}}', 422, "/x/y~0~1"),
        (b'{"x": "\\ud800"}', 422, "/x"),
        (b'{"x":' * 70 + b"1" + b"}" * 70, 422, ""),
    ],
)
def test_a_body_that_is_not_json_or_not_taken_is_told_apart(
    operator: Operator, method: str, content: bytes, status: int, pointer: str | None
) -> None:
    operator.put_object("locations", fixture("location_min", id="body"))
    headers = {"Content-Type": "application/json"}
    answer = operator.request(method, "/2.1.1/locations/body", content=content, headers=headers)
    errors = problem(answer, status).get("errors", [])
    assert [error["pointer"] for error in errors] == ([] if pointer is None else [pointer])
    assert operator.get("/2.1.1/locations/body").json() == fixture("location_min", id="body")


def test_every_fault_of_an_object_has_its_own_pointer(operator: Operator) -> None:
    location = fixture("location_max", id="faulty", type="HOUSE", city=7, postal_code=...)
    location["evses"][1]["connectors"][0]["voltage"] = -1
    location["evses"][0]["images"][0]["url"] = "not a url"
    errors = problem(operator.put_object("locations", location), 422)["errors"]
    assert sorted(error["pointer"] for error in errors) == [
        *("/city", "/evses/0/images/0/url", "/evses/1/connectors/0/voltage", "/postal_code", "/type")
    ]
    assert all(error["detail"] for error in errors)


def test_a_body_of_four_megabytes_is_taken_if_it_is_valid_and_a_longer_one_never(operator: Operator) -> None:
    headers = {"Content-Type": "application/json"}
    start, end = b'{"name": "', b'"}'
    for size, status in ((4 * MEGABYTE, 422), (4 * MEGABYTE + 1, 413)):
        content = start + b"x" * (size - len(start) - len(end)) + end
        problem(operator.put("/2.1.1/locations/long", content=content, headers=headers), status)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-ndjson", "multipart/form-data"])
def test_a_body_declared_as_something_else_is_refused(operator: Operator, media_type: str) -> None:
    answer = operator.put("/2.1.1/locations/typed", content=b"{}", headers={"Content-Type": media_type})
    problem(answer, 415)


@pytest.mark.parametrize("media_type", [None, "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_may_be_declared_in_any_way_or_none(operator: Operator, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    location = f'{{"id":"typed","type":"OTHER","address":"ä","city":"","postal_code":"1","country":"NLD",\
"coordinates":{{"latitude":"52.370216","longitude":"4.895168"}},"x_type":"{media_type}"}}'
    answer = operator.put("/2.1.1/locations/typed", content=location.encode(), headers=headers)
    assert answer.is_success, answer.text
    assert answer.json()["object"]["address"] == "ä"


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_a_list_is_read_page_by_page_oldest_first(operator: Operator, module: str, limit: int) -> None:
    field = "uid" if module == "tokens" else "id"
    base = {"locations": "location_min", "tariffs": "tariff_free", "tokens": "token_min"}[module]
    for day in (3, 1, 2, 5, 4):
        last_updated = f"2020-01-0{day}T00:00:00Z"
        operator.put_object(module, fixture(base, **{field: f"day-{day}", "last_updated": last_updated}))
    read, cursor = [], None
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = operator.get(f"/2.1.1/{module}", params=query).json()
        assert set(page) == {"items", "next_cursor", "total"}
        assert len(page["items"]) <= limit
        read += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert page["total"] == len(read)
    assert [value["last_updated"] for value in read] == sorted(value["last_updated"] for value in read)
    days = [value[field] for value in read if value[field].startswith("day-")]
    assert days == ["day-1", "day-2", "day-3", "day-4", "day-5"]


def test_a_list_has_a_hundred_items_unless_said_and_a_thousand_at_most(operator: Operator) -> None:
    tokens = [fixture("token_min", uid=fresh_id("many")) for _ in range(1001)]
    for values in (tokens[:500], tokens[500:]):
        body = "\n".join(str(httpx.Request("PUT", "http://x", json=value).content, "utf-8") for value in values)
        operator.post("/2.1.1/tokens/bulk", content=body, headers={"Content-Type": "application/x-ndjson"})
    for query, expected in (({}, 100), ({"limit": 1000}, 1000), ({"limit": 5000}, 1000)):
        page = operator.get("/2.1.1/tokens", params=query).json()
        assert len(page["items"]) == expected
        assert page["total"] > 1000
        assert page["next_cursor"]


@pytest.mark.parametrize("limit", ["0", "-1", "ten", "1.5", "", "1e3", "٣"])
def test_a_limit_that_is_no_count_is_refused(operator: Operator, limit: str) -> None:
    problem(operator.get("/2.1.1/locations", params={"limit": limit}), 400)


def test_a_cursor_of_another_list_or_a_changed_one_is_refused(operator: Operator, emsp: PlayedPartner) -> None:
    for module, base in (("locations", "location_min"), ("tariffs", "tariff_free")):
        for _ in range(2):
            operator.put_object(module, fixture(base, id=fresh_id("C")))
    cursor = operator.get("/2.1.1/locations", params={"limit": 1}).json()["next_cursor"]
    assert operator.get("/2.1.1/locations", params={"cursor": cursor}).status_code == 200
    for path in ("/2.1.1/tariffs", f"/partners/{emsp.partner_id}/tokens", "/partners"):
        problem(operator.get(path, params={"cursor": cursor}), 400)
    link = emsp.get(emsp.endpoint("locations"), params={"limit": 1}).headers["Link"]
    partners = httpx.URL(link.partition(">")[0].removeprefix("<")).params["cursor"]
    swapped = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    for wrong in ("", "x", swapped, cursor[1:], cursor + "AAAA", "ü", partners):
        problem(operator.get("/2.1.1/locations", params={"cursor": wrong}), 400)


def test_our_party_is_what_the_deployment_says(shared_gateway: Gateway, operator: Operator) -> None:
    party = operator.get("/party").json()
    assert set(party) == {"country_code", "party_id", "roles", "business_details", "versions_urls"}
    assert (len(party["country_code"]), len(party["party_id"])) == (2, 3)
    assert party["roles"] == ["CPO", "EMSP"]
    assert party["business_details"]["name"]
    assert party["versions_urls"] == shared_gateway.endpoints["ocpi"]


@pytest.mark.parametrize(("role", "own", "foreign"), [("CPO", "tariffs", "tokens"), ("EMSP", "tokens", "tariffs")])
def test_a_party_in_one_role_has_the_objects_of_that_role_only(role: str, own: str, foreign: str) -> None:
    values = {"tokens": fixture("token_max"), "tariffs": fixture("tariff_max")}
    with running_gateway(environ={"OCPI_ROLES": role}) as gateway, Operator(gateway) as operator:
        party = operator.get("/party").json()
        assert (party["roles"], list(party["versions_urls"])) == ([role], [role.lower()])
        assert operator.put_object(own, values[own]).status_code == 201
        problem(operator.put_object(foreign, values[foreign]), 404)
        problem(operator.get(f"/2.1.1/{foreign}"), 404)


def test_health_says_what_stands_behind_it(operator: Operator, emsp: PlayedPartner, cpo: PlayedPartner) -> None:
    answer = operator.get("/health")
    assert answer.status_code == 200
    health = answer.json()
    assert {"version", "region", "table", "queues", "partners", "oldest_undelivered_push_seconds"} <= set(health)
    assert health["table"] == "ok"
    assert health["partners"]["REGISTERED"] >= 2
    assert {"INVITED", "SUSPENDED", "UNREGISTERED"} <= set(health["partners"])
    assert emsp.partner_id != cpo.partner_id


def test_what_a_partner_gave_us_is_listed_and_read(operator: Operator, emsp: PlayedPartner, cpo: PlayedPartner) -> None:
    tokens = [fixture("token_max", uid=f"given/{n}", last_updated=f"2024-01-0{n}T00:00:00Z") for n in (3, 1, 2)]
    for token in tokens:
        assert emsp.put(emsp.own_url("tokens", f"given%2F{token['uid'][-1]}"), token).status_code == 201
    path = f"/partners/{emsp.partner_id}/tokens"
    first = operator.get(path, params={"limit": 2}).json()
    assert (first["items"], first["total"]) == ([tokens[1], tokens[2]], 3)
    second = operator.get(path, params={"cursor": first["next_cursor"]}).json()
    assert (second["items"], second["next_cursor"]) == ([tokens[0]], None)
    assert operator.get(f"{path}/given%2F3").json() == tokens[0]
    assert operator.get(f"{path}/given%2F3").headers["ETag"]
    problem(operator.get(f"{path}/given%2F3", params={"type": "OTHER"}), 404)

    location = fixture("location_max")
    assert cpo.put(cpo.own_url("locations", "L-1"), location).status_code == 201
    listed = operator.get(f"/partners/{cpo.partner_id}/locations").json()
    assert (listed["items"], listed["total"]) == ([location], 1)
    assert operator.get(f"/partners/{cpo.partner_id}/tariffs").json() == {"items": [], "next_cursor": None, "total": 0}


@pytest.mark.parametrize("path", ["{emsp}/locations", "{cpo}/tokens", "{emsp}/chargers", "x/tokens", "{emsp}/tokens/x"])
def test_what_no_partner_gave_us_is_not_found(
    operator: Operator, emsp: PlayedPartner, cpo: PlayedPartner, path: str
) -> None:
    problem(operator.get("/partners/" + path.format(emsp=emsp.partner_id, cpo=cpo.partner_id)), 404)


def test_partners_do_not_see_what_other_partners_gave_us(operator: Operator, cpo: PlayedPartner) -> None:
    tariff = fixture("tariff_free", id="shared-id")
    assert cpo.put(cpo.own_url("tariffs", "shared-id"), tariff).status_code == 201
    with PlayedPartner("CPO", "BE", "TWO", token="token-b-of-another") as other:
        other.register(operator.invite("CPO", "Another"))
        assert other.get(other.own_url("tariffs", "shared-id")).status_code == 404
        assert other.get(other.endpoint("tariffs", cpo.owner_path, "shared-id")).status_code == 404
        problem(operator.get(f"/partners/{other.partner_id}/tariffs/shared-id"), 404)
        assert other.put(other.own_url("tariffs", "shared-id"), tariff | {"currency": "CHF"}).status_code == 201
    assert cpo.get(cpo.own_url("tariffs", "shared-id")).json()["data"] == tariff
