"""Our own objects through the operator API: written, merged, read back, and refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import problem
from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.party import fixture

if TYPE_CHECKING:
    import httpx

    from tests.support.party import Operator

OLD, NEWER, OLDER = "2024-03-05T10:11:12Z", "2025-01-01T00:00:00Z", "2024-03-05T10:11:11Z"
MODULES = {"locations": "location_max", "tariffs": "tariff_max", "tokens": "token_max"}


def url_of(module: str, *segments: str) -> str:
    return f"/2.1.1/{module}/{in_url(*segments)}"


def fresh(module: str, **changes: Any) -> tuple[str, dict[str, Any]]:
    """The URL and value of an object that is not stored yet."""
    identity = fresh_id(module)
    field = "uid" if module == "tokens" else "id"
    return url_of(module, identity), fixture(MODULES[module], **{field: identity, **changes})


def created(operator: Operator, module: str = "locations", **changes: Any) -> tuple[str, dict[str, Any]]:
    url, value = fresh(module, **changes)
    answer = operator.put(url, json=value)
    assert answer.status_code == 201, answer.text
    return url, value


def written(answer: httpx.Response, http_status: int = 200) -> Any:
    """The object that a write answers with."""
    assert answer.status_code == http_status, answer.text
    assert set(answer.json()) == {"object", "audience", "warnings"}
    assert answer.json()["audience"] == "*"
    return answer.json()["object"]


def refused(answer: httpx.Response, http_status: int, *pointers: str) -> None:
    assert [error["pointer"] for error in problem(answer, http_status).get("errors", [])] == list(pointers)


def now(seconds: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("module", MODULES)
def test_an_object_is_created_replaced_and_read_back_as_it_was_given(operator: Operator, module: str) -> None:
    url, value = fresh(module, x_ours={"nested": [1, "ä"]})
    assert written(operator.put(url, json=value), 201) == value
    assert operator.get(url).json() == value
    replacement = {name: member for name, member in value.items() if name != "x_ours"}
    assert written(operator.put(url, json=replacement)) == replacement
    assert operator.get(url).json() == replacement
    assert operator.get(url).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("awkward", AWKWARD_IDS)
def test_any_id_that_the_specification_allows_can_be_used(operator: Operator, module: str, awkward: str) -> None:
    field = "uid" if module == "tokens" else "id"
    value, url = fixture(MODULES[module], **{field: awkward}), url_of(module, awkward)
    assert written(operator.put(url, json=value), 201) == value
    assert written(operator.patch(url, json={"x_ours": 1}))["x_ours"] == 1
    assert operator.get(url).json()[field] == awkward


@pytest.mark.parametrize("awkward", AWKWARD_IDS)
def test_evses_and_connectors_too_may_have_any_id(operator: Operator, awkward: str) -> None:
    url, _ = created(operator)
    evse_url, connector = f"{url}/evses/{in_url(awkward)}", fixture("connector_min", id=awkward)
    evse = fixture("evse_min", uid=awkward)
    assert written(operator.put(evse_url, json=evse), 201) == evse
    assert written(operator.put(f"{evse_url}/connectors/{in_url(awkward)}", json=connector), 201) == connector
    assert operator.get(f"{evse_url}/connectors/{in_url(awkward)}").json() == connector
    assert operator.get(evse_url).json()["connectors"] == [*evse["connectors"], connector]
    assert written(operator.patch(evse_url, json={"status": "CHARGING"}))["status"] == "CHARGING"
    assert written(operator.delete(evse_url))["status"] == "REMOVED"


@pytest.mark.parametrize("module", MODULES)
def test_repeating_a_put_changes_nothing(operator: Operator, module: str) -> None:
    for changes in ({}, {"last_updated": ...}):
        url, value = created(operator, module, **changes)
        first = operator.get(url)
        assert written(operator.put(url, json=value)) == first.json()
        assert written(operator.patch(url, json={})) == first.json()
        assert operator.get(url).headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("missing", ["nowhere", "in the evses", "everywhere", "at a vanished evse"])
def test_repeating_a_location_whose_times_are_partly_ours_changes_nothing(operator: Operator, missing: str) -> None:
    url, value = created(operator)
    match missing:
        case "in the evses" | "everywhere":
            for evse in value["evses"]:
                del evse["last_updated"]
                evse["connectors"][0].pop("last_updated")
        case "at a vanished evse":
            del value["evses"][0]
    value |= {"name": "Renamed", "last_updated": NEWER}
    if missing == "everywhere":
        del value["last_updated"]
    first = written(operator.put(url, json=value))
    assert first["last_updated"] == NEWER or missing == "everywhere"
    assert written(operator.put(url, json=value)) == first


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_last_updated_is_ours_when_left_out_and_kept_when_given(operator: Operator, module: str, method: str) -> None:
    url, value = created(operator, module)
    before = now()
    body = {**value, "x_ours": 1}
    del body["last_updated"]
    assert before <= written(operator.request(method, url, json=body))["last_updated"] <= now()
    given = now(3600)
    assert written(operator.request(method, url, json=body | {"last_updated": given}))["last_updated"] == given
    refused(operator.request(method, url, json=body | {"x_ours": 2, "last_updated": now()}), 409)
    assert operator.get(url).json() == body | {"last_updated": given}


@pytest.mark.parametrize("part", ["/evses/E-100", "/evses/E-100/connectors/1"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_older_time_of_a_part_is_refused_and_a_newer_one_moves_up(
    operator: Operator, part: str, method: str
) -> None:
    url, value = created(operator)
    inner = operator.get(url + part).json() | {"x_ours": 1}
    refused(operator.request(method, url + part, json=inner | {"last_updated": OLDER}), 409)
    assert operator.get(url).json() == value
    newer = written(operator.request(method, url + part, json=inner | {"last_updated": NEWER}))
    assert newer == inner | {"last_updated": NEWER}
    whole = operator.get(url).json()
    assert whole["last_updated"] >= whole["evses"][0]["last_updated"] >= NEWER
    assert whole["evses"][1] == value["evses"][1]


def test_times_in_any_spelling_are_stored_in_one(operator: Operator) -> None:
    for spelling in ("2024-03-05T10:11:12", "2024-03-05T10:11:12.987Z", "2024-03-05T11:11:12+01:00"):
        url, value = fresh("tokens", last_updated=spelling)
        assert written(operator.put(url, json=value), 201)["last_updated"] == OLD


def test_a_patch_merges_evses_and_connectors_and_replaces_other_lists(operator: Operator) -> None:
    url, value = created(operator)
    patch = {
        "facilities": ["CAFE"],
        "name": None,
        "evses": [{"uid": "E-100", "capabilities": ["RESERVABLE"], "connectors": [{"id": "2", "amperage": 16}]}],
    }
    changed = written(operator.patch(url, json=patch))
    assert changed["facilities"] == ["CAFE"]
    assert "name" not in changed
    assert changed["evses"][0]["capabilities"] == ["RESERVABLE"]
    first, second = changed["evses"][0]["connectors"]
    assert first == value["evses"][0]["connectors"][0]
    assert second == value["evses"][0]["connectors"][1] | {"amperage": 16, "last_updated": second["last_updated"]}
    assert changed["last_updated"] == changed["evses"][0]["last_updated"] == second["last_updated"] > OLD
    assert changed["evses"][1] == value["evses"][1]


@pytest.mark.req("TF-26", "LOC-64")
@pytest.mark.parametrize(
    ("path", "patch", "pointers"),
    [
        ("", {"address": None, "city": "x" * 46}, ["/address", "/city"]),
        ("", {"id": "other"}, ["/id"]),
        ("", {"country": "NL"}, ["/country"]),
        ("", {"evses": [{"uid": "E-100", "status": "FOO"}]}, ["/evses/0/status"]),
        ("", {"evses": [{"uid": "e-100", "status": "CHARGING"}]}, ["/evses/2/connectors", "/evses/2/uid"]),
        ("", [], [""]),
        ("", "text", [""]),
        ("/evses/E-100", {"status": "FOO"}, ["/status"]),
        ("/evses/E-100", {"uid": "other"}, ["/uid"]),
        ("/evses/E-100/connectors/1", {"voltage": "230", "amperage": -1}, ["/voltage", "/amperage"]),
        ("/evses/E-100/connectors/1", {"id": "2"}, ["/id"]),
    ],
)
def test_a_patch_that_would_not_be_valid_is_refused_with_pointers_and_stores_nothing(
    operator: Operator, path: str, patch: Any, pointers: list[str]
) -> None:
    url, value = created(operator)
    refused(operator.patch(url + path, json=patch), 422, *pointers)
    assert operator.get(url).json() == value


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/evses/E-102", fixture("evse_min", uid="E-103")),
        ("/evses/e-100", fixture("evse_min", uid="e-100")),
        ("/evses/E-102", fixture("evse_min", uid="E-102", connectors=[])),
        ("/evses/E-100/connectors/3", fixture("connector_min", id="4")),
        ("/evses/E-100/connectors/3", fixture("connector_min", id="3", standard=...)),
    ],
)
def test_a_part_that_would_not_be_valid_is_refused(operator: Operator, path: str, body: Any) -> None:
    url, value = created(operator)
    answer = operator.put(url + path, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert operator.get(url).json() == value


@pytest.mark.req("LOC-59")
@pytest.mark.parametrize("module", MODULES)
def test_an_id_must_be_the_one_in_the_url_ascii_and_not_a_stored_one_in_another_case(
    operator: Operator, module: str
) -> None:
    url, value = created(operator, module)
    field = "uid" if module == "tokens" else "id"
    refused(operator.put(url, json=value | {field: "other"}), 422, f"/{field}")
    refused(operator.put(url_of(module, "é"), json=value | {field: "é"}), 422, f"/{field}")
    shouted = value[field].upper()
    refused(operator.put(url_of(module, shouted), json=value | {field: shouted}), 422, f"/{field}")
    for method in ("GET", "PATCH"):
        refused(operator.request(method, url_of(module, shouted), json={}), 404)


def test_an_evse_and_a_connector_are_written_alone(operator: Operator) -> None:
    url, value = created(operator, evses=...)
    evse, connector = fixture("evse_min", uid="new"), fixture("connector_max", id="9")
    assert written(operator.put(f"{url}/evses/new", json=evse), 201) == evse
    assert written(operator.put(f"{url}/evses/new", json=evse), 200) == evse
    assert written(operator.put(f"{url}/evses/new/connectors/9", json=connector), 201) == connector
    assert operator.get(f"{url}/evses/new/connectors/9").json() == connector
    stored = operator.get(url).json()
    assert stored["evses"][0]["connectors"] == [*evse["connectors"], connector]
    assert stored["last_updated"] == stored["evses"][0]["last_updated"] > value["last_updated"]


def test_deleting_an_evse_removes_it_for_drivers_and_keeps_it_for_us(operator: Operator) -> None:
    url, value = created(operator)
    removed = written(operator.delete(f"{url}/evses/E-100"))
    assert removed == value["evses"][0] | {"status": "REMOVED", "last_updated": removed["last_updated"]}
    assert written(operator.delete(f"{url}/evses/E-100")) == removed
    assert written(operator.patch(f"{url}/evses/E-100", json={"status": "AVAILABLE"}))["status"] == "AVAILABLE"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, url_of(module, "nowhere")) for module in MODULES for method in ("GET", "PATCH")),
        *((method, "/2.1.1/locations/nowhere/evses/1") for method in ("GET", "PUT", "PATCH", "DELETE")),
        *((method, "/2.1.1/locations/{known}/evses/1") for method in ("GET", "PATCH", "DELETE")),
        *((method, "/2.1.1/locations/{known}/evses/1/connectors/1") for method in ("GET", "PUT", "PATCH")),
        *((method, "/2.1.1/locations/{known}/evses/E-100/connectors/9") for method in ("GET", "PATCH")),
        ("DELETE", "/2.1.1/tariffs/nowhere"),
        *((method, "/2.1.1/chargers/1") for method in ("GET", "PUT", "PATCH")),
        ("GET", "/2.1.1/chargers"),
        ("GET", "/2.2.1/locations"),
    ],
)
def test_what_is_not_there_is_not_found(operator: Operator, method: str, path: str) -> None:
    known = created(operator)[1]["id"]
    body = fixture("connector_min", id="1") if "connectors" in path else fixture("evse_min", uid="1")
    sent = {} if method == "PATCH" else body
    refused(operator.request(method, path.format(known=known), json=sent), 404)


def test_only_tariffs_are_deleted(operator: Operator) -> None:
    url, tariff = created(operator, "tariffs")
    answer = operator.delete(url)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(operator.get(url), 404)
    refused(operator.delete(url), 404)
    written(operator.put(url, json=tariff), 201)
    for module in ("locations", "tokens"):
        url, value = created(operator, module)
        refused(operator.delete(url), 405)
        assert operator.get(url).json() == value


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_write_for_another_revision_is_refused(operator: Operator, method: str) -> None:
    url, value = created(operator, "tariffs")
    seen = operator.get(url).headers["ETag"]
    changed = operator.patch(url, json={"x_ours": 1})
    assert changed.headers["ETag"] == operator.get(url).headers["ETag"] != seen
    body = {**value, "x_ours": 2}
    del body["last_updated"]
    for stale in (seen, '"nonsense"', f'"x", {seen}'):
        refused(operator.request(method, url, json=body, headers={"If-Match": stale}), 412)
    current = f'"x", {changed.headers["ETag"]}'
    assert operator.request(method, url, json=body, headers={"If-Match": current}).is_success


def test_what_was_deleted_and_made_anew_is_another_revision(operator: Operator) -> None:
    url, value = created(operator, "tariffs")
    headers = {"If-Match": operator.get(url).headers["ETag"]}
    assert operator.delete(url, headers=headers).status_code == 204
    written(operator.put(url, json=value), 201)
    refused(operator.delete(url, headers=headers), 412)
    assert operator.get(url).json() == value


def test_if_match_holds_for_parts_of_a_location_and_for_what_is_not_there(operator: Operator) -> None:
    url, value = created(operator)
    part = f"{url}/evses/E-100"
    seen = operator.get(part).headers["ETag"]
    assert seen == operator.get(url).headers["ETag"]
    written(operator.patch(f"{url}/evses/E-101", json={"status": "CHARGING"}))
    for method in ("PUT", "PATCH", "DELETE"):
        refused(operator.request(method, part, json=value["evses"][0], headers={"If-Match": seen}), 412)
    missing, body = fresh("locations")
    refused(operator.put(missing, json=body, headers={"If-Match": "*"}), 412)
    assert written(operator.put(url, json=operator.get(url).json(), headers={"If-Match": "*"}))


def test_two_writers_at_once_on_one_location_lose_nothing(operator: Operator) -> None:
    uids = [f"E-{number}" for number in range(8)]
    url, _ = created(operator, evses=[fixture("evse_min", uid=uid) for uid in uids])

    def patch_again_and_again(uid: str) -> None:
        for number in range(10):
            written(operator.patch(f"{url}/evses/{uid}", json={f"x_{number}": uid}))

    with ThreadPoolExecutor(len(uids)) as pool:
        list(pool.map(patch_again_and_again, uids))
    for evse in operator.get(url).json()["evses"]:
        assert [evse.get(f"x_{number}") for number in range(10)] == [evse["uid"]] * 10


def test_of_many_who_create_one_object_at_once_one_has_created_it(operator: Operator) -> None:
    url, value = fresh("locations", last_updated=...)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: operator.put(url, json=value), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert {answer.headers["ETag"] for answer in answers} == {operator.get(url).headers["ETag"]}


def test_of_many_who_replace_one_revision_only_one_succeeds(operator: Operator) -> None:
    url, value = created(operator, "tokens", last_updated=...)
    headers = {"If-Match": operator.get(url).headers["ETag"]}

    def replace(number: int) -> int:
        return operator.put(url, json=value | {"issuer": f"writer {number}"}, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(replace, range(8))) == [200] + [412] * 7


@pytest.mark.parametrize("first", ["RFID", "OTHER"])
def test_a_token_uid_exists_once_per_type(operator: Operator, first: str) -> None:
    second = {"RFID": "OTHER", "OTHER": "RFID"}[first]
    url, value = created(operator, "tokens", type=first)
    assert operator.get(url).json() == value
    refused(operator.get(url, params={"type": second}), 404)
    other = value | {"type": second, "issuer": "Other"}
    refused(operator.put(url, json=other, params={"type": first}), 422, "/type")
    assert written(operator.put(url, json=other, params={"type": second}), 201) == other
    by_type = {first: value, second: other}
    assert operator.get(url).json() == by_type["RFID"]
    written(operator.patch(url, json={"valid": False}, params={"type": "OTHER"}))
    assert operator.get(url, params={"type": "OTHER"}).json()["valid"] is False
    assert operator.get(url).json() == by_type["RFID"]
    refused(operator.patch(url, json={"type": "OTHER"}), 422, "/type")
    refused(operator.get(url, params={"type": "CARD"}), 400)


def test_a_tariff_that_does_not_exist_is_warned_of_once_and_refuses_nothing(operator: Operator) -> None:
    unknown = fresh_id("unknown")
    connectors = [fixture("connector_max", id=str(number), tariff_id=unknown) for number in range(3)]
    url, value = fresh("locations", evses=[fixture("evse_max", connectors=connectors)])
    answer = operator.put(url, json=value)
    assert (answer.status_code, answer.json()["object"]) == (201, value)
    assert answer.json()["warnings"] == ["/evses/0/connectors/0/tariff_id: there is no such tariff"]
    patched = operator.patch(f"{url}/evses/E-100/connectors/1", json={"amperage": 16})
    assert patched.json()["warnings"] == answer.json()["warnings"]
