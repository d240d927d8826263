"""The operator API's partners: invite, list, read, change, remove."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.gateway import running_gateway
from tests.support.party import Operator, PlayedPartner

if TYPE_CHECKING:
    from tests.support.gateway import Gateway

FIELDS = {
    "id",
    "role",
    "name",
    "status",
    "version",
    "country_code",
    "party_id",
    "business_details",
    "endpoints",
    "settings",
    "invited_at",
    "registered_at",
    "last_seen_at",
    "last_synced_at",
    "behind",
}
DEFAULTS = {
    "token_encoding": "auto",
    "explicit_nulls": False,
    "trailing_slash": "keep",
    "push": {"locations": True, "sessions": True, "cdrs": True, "tariffs": True, "tokens": True},
    "patch": True,
    "requests_per_minute": 600,
    "page_size": 100,
}


def pointers(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    return [error["pointer"] for error in answer.json()["errors"]]


@pytest.fixture
def invited_path(operator: Operator) -> str:
    return f"/partners/{operator.invite('EMSP').partner_id}"


@pytest.fixture
def registered_path(operator: Operator, stranger: PlayedPartner) -> str:
    stranger.register(operator.invite("EMSP"))
    return f"/partners/{stranger.partner_id}"


@pytest.mark.parametrize(("role", "tree"), [("EMSP", "cpo"), ("CPO", "emsp")])
def test_an_invitation_shows_its_token_once_and_our_versions_url(
    operator: Operator, shared_gateway: Gateway, role: str, tree: str
) -> None:
    answer = operator.post("/partners", json={"role": role, "name": "Ladefüchse"})
    assert answer.status_code == 201
    invited = answer.json()
    assert set(invited) == {"id", "role", "name", "status", "token", "versions_url", "expires_at"}
    assert (invited["role"], invited["name"], invited["status"]) == (role, "Ladefüchse", "INVITED")
    assert invited["versions_url"] == shared_gateway.endpoints["ocpi"][tree]
    assert len(invited["token"]) <= 64
    lasts = datetime.fromisoformat(invited["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < lasts <= timedelta(days=7)

    path = f"/partners/{invited['id']}"
    assert answer.headers["Location"] == f"/operator{path}"
    assert invited["token"] not in operator.get(path).text + operator.get("/partners").text


def test_an_invitation_lasts_as_long_as_asked(operator: Operator) -> None:
    body = {"role": "CPO", "name": "P", "expires_in": 3600}
    expires_at = operator.post("/partners", json=body).json()["expires_at"]
    assert timedelta(minutes=59) < datetime.fromisoformat(expires_at) - datetime.now(UTC) <= timedelta(hours=1)


INVALID: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({}, ["/role", "/name"]),
    "no_name": ({"role": "EMSP"}, ["/name"]),
    "empty_name": ({"role": "EMSP", "name": " "}, ["/name"]),
    "long_name": ({"role": "EMSP", "name": "n" * 101}, ["/name"]),
    "name_of_two_lines": ({"role": "EMSP", "name": "a\nb"}, ["/name"]),
    "unknown_role": ({"role": "HUB", "name": "P"}, ["/role"]),
    "role_in_small_letters": ({"role": "emsp", "name": "P"}, ["/role"]),
    "role_as_list": ({"role": ["EMSP"], "name": "P"}, ["/role"]),
    "url_without_token": ({"role": "EMSP", "name": "P", "versions_url": "https://a.example"}, ["/token"]),
    "token_without_url": ({"role": "EMSP", "name": "P", "token": "a"}, ["/versions_url"]),
    "token_with_umlaut": (
        {"role": "EMSP", "name": "P", "token": "tökèn", "versions_url": "https://a.example"},
        ["/token"],
    ),
    "long_token": (
        {"role": "EMSP", "name": "P", "token": "a" * 65, "versions_url": "https://a.example"},
        ["/token"],
    ),
    "long_url": (
        {"role": "EMSP", "name": "P", "token": "a", "versions_url": f"https://a.example/{'v' * 240}"},
        ["/versions_url"],
    ),
    "expires_at_once": ({"role": "EMSP", "name": "P", "expires_in": 0}, ["/expires_in"]),
    "expires_as_text": ({"role": "EMSP", "name": "P", "expires_in": "60"}, ["/expires_in"]),
    "expires_true": ({"role": "EMSP", "name": "P", "expires_in": True}, ["/expires_in"]),
    "unknown_field": ({"role": "EMSP", "name": "P", "country_code": "DE"}, ["/country_code"]),
}


@pytest.mark.parametrize(("body", "expected"), INVALID.values(), ids=INVALID.keys())
def test_an_invitation_that_is_not_valid_is_422_and_names_every_fault(
    operator: Operator, body: dict[str, Any], expected: list[str]
) -> None:
    before = operator.get("/partners").json()["total"]
    assert pointers(operator.post("/partners", json=body)) == expected
    assert operator.get("/partners").json()["total"] == before


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"", 400), (b"[]", 422), (b"null", 422), (b'"a"', 422)])
def test_a_body_that_is_no_object_is_refused(operator: Operator, invited_path: str, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    assert operator.post("/partners", content=body, headers=headers).status_code == status
    assert operator.patch(invited_path, content=body, headers=headers).status_code == status


def test_a_partner_of_a_role_that_we_do_not_serve_cannot_be_invited() -> None:
    with running_gateway(environ={"OCPI_ROLES": "CPO"}) as gateway, Operator(gateway) as operator:
        assert pointers(operator.post("/partners", json={"role": "CPO", "name": "P"})) == ["/role"]
        assert operator.post("/partners", json={"role": "EMSP", "name": "P"}).status_code == 201


def test_a_partner_is_shown_with_every_field_and_no_token(
    operator: Operator, stranger: PlayedPartner, registered_path: str
) -> None:
    answer = operator.get(registered_path)
    shown = answer.json()
    assert set(shown) == FIELDS
    assert (shown["status"], shown["version"], shown["role"]) == ("REGISTERED", "2.1.1", "EMSP")
    assert (shown["country_code"], shown["party_id"]) == (stranger.country_code, stranger.party_id)
    assert shown["business_details"] == stranger.credentials()["business_details"]
    assert {endpoint["identifier"] for endpoint in shown["endpoints"]} > {"credentials", "tokens"}
    assert shown["settings"] == DEFAULTS
    assert shown["invited_at"] <= shown["registered_at"]
    assert shown["last_seen_at"] is not None
    for text in (answer.text, operator.get("/partners", params={"limit": 1000}).text):
        assert str(stranger.token) not in text
        assert stranger.issued not in text


def test_an_invited_partner_is_shown_with_every_field(operator: Operator, invited_path: str) -> None:
    shown = operator.get(invited_path).json()
    assert set(shown) == FIELDS
    unknown = ("version", "country_code", "party_id", "business_details", "registered_at", "last_seen_at")
    assert [shown[name] for name in unknown] == [None] * len(unknown)
    assert (shown["endpoints"], shown["behind"]) == ([], 0)


def test_partners_are_listed_page_by_page_oldest_first(operator: Operator) -> None:
    invited = [operator.invite("EMSP", f"Number {n}").partner_id for n in range(5)]
    total = operator.get("/partners").json()["total"]
    found: list[str] = []
    cursor = None
    while cursor or not found:
        page = operator.get("/partners", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        assert page["total"] == total
        assert 1 <= len(page["items"]) <= 2
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert len(set(found)) == len(found) == total
    assert set(invited) <= set(found)


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "cursor=made-up"])
def test_a_page_that_cannot_be_asked_for_is_400(operator: Operator, query: str) -> None:
    answer = operator.get(f"/partners?{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/credentials")],
)
def test_an_unknown_partner_is_404(operator: Operator, method: str, path: str) -> None:
    answer = operator.request(method, f"/partners/nobody{path}", json={} if method == "PATCH" else None)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


def test_a_method_that_is_not_there_is_405(operator: Operator, invited_path: str) -> None:
    answer = operator.put(invited_path, json={})
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "PATCH", "DELETE"}


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Token wrong", "Bearer", ""])
def test_without_the_operator_key_nothing_is_shown_or_changed(
    operator: Operator, invited_path: str, authorization: str | None
) -> None:
    url = f"{operator.base_url}".rstrip("/")
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("GET", "/partners"), ("GET", invited_path), ("DELETE", invited_path)):
        assert httpx.request(method, f"{url}{path}", headers=headers).status_code == 401
    assert operator.get(invited_path).status_code == 200


def test_a_partners_token_is_no_operator_key(operator: Operator, stranger: PlayedPartner, registered_path: str) -> None:
    url = f"{operator.base_url}".rstrip("/") + registered_path
    assert httpx.get(url, headers={"Authorization": f"Bearer {stranger.token}"}).status_code == 401


def test_settings_are_changed_one_by_one(operator: Operator, invited_path: str) -> None:
    changed = {
        "token_encoding": "base64",
        "explicit_nulls": True,
        "trailing_slash": "strip",
        "patch": False,
        "requests_per_minute": 60,
        "page_size": 50,
    }
    for name, value in changed.items():
        answer = operator.patch(invited_path, json={"settings": {name: value}})
        assert (answer.status_code, answer.json()["settings"][name]) == (200, value)
    operator.patch(invited_path, json={"settings": {"push": {"locations": False}}})
    operator.patch(invited_path, json={"settings": {"push": {"tariffs": False}}})
    push = {**DEFAULTS["push"], "locations": False, "tariffs": False}  # type: ignore[dict-item] # it is a dict
    assert operator.get(invited_path).json()["settings"] == {**changed, "push": push}


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"retries": 3}, "/settings/retries"),
        ({"token_encoding": "rot13"}, "/settings/token_encoding"),
        ({"token_encoding": None}, "/settings/token_encoding"),
        ({"explicit_nulls": "yes"}, "/settings/explicit_nulls"),
        ({"trailing_slash": "always"}, "/settings/trailing_slash"),
        ({"push": True}, "/settings/push"),
        ({"push": {"commands": True}}, "/settings/push"),
        ({"push": {"locations": 1}}, "/settings/push"),
        ({"patch": 0}, "/settings/patch"),
        ({"requests_per_minute": 0}, "/settings/requests_per_minute"),
        ({"requests_per_minute": 1.5}, "/settings/requests_per_minute"),
        ({"page_size": True}, "/settings/page_size"),
        ([], "/settings"),
        (None, "/settings"),
    ],
)
def test_an_unknown_setting_or_value_is_422_and_changes_nothing(
    operator: Operator, invited_path: str, settings: Any, pointer: str
) -> None:
    assert pointers(operator.patch(invited_path, json={"settings": settings, "name": "New"})) == [pointer]
    shown = operator.get(invited_path).json()
    assert (shown["settings"], shown["name"]) == (DEFAULTS, "Partner")


def test_a_name_is_changed(operator: Operator, registered_path: str) -> None:
    assert operator.patch(registered_path, json={"name": "New"}).json()["name"] == "New"
    assert operator.get(registered_path).json()["name"] == "New"


def test_changes_at_the_same_time_are_all_kept(operator: Operator, invited_path: str) -> None:
    changes = [{"name": "New"}, *({"settings": {"push": {name: False}}} for name in ("locations", "tariffs", "cdrs"))]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda change: operator.patch(invited_path, json=change), changes))
    assert {answer.status_code for answer in answers} == {200}
    shown = operator.get(invited_path).json()
    assert shown["name"] == "New"
    assert [name for name, switch in shown["settings"]["push"].items() if not switch] == [
        "locations",
        "cdrs",
        "tariffs",
    ]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"status": "UNREGISTERED"}, "/status"),
        ({"status": "suspended"}, "/status"),
        ({"status": None}, "/status"),
        ({"name": ""}, "/name"),
        ({"role": "CPO"}, "/role"),
        ({"token": "t"}, "/token"),
    ],
)
def test_what_cannot_be_changed_is_422(
    operator: Operator, registered_path: str, change: dict[str, Any], pointer: str
) -> None:
    before = operator.get(registered_path).json()
    assert pointers(operator.patch(registered_path, json=change)) == [pointer]
    assert operator.get(registered_path).json() == before


def test_only_a_registered_partner_can_be_suspended(operator: Operator, invited_path: str) -> None:
    for status in ("SUSPENDED", "REGISTERED"):
        assert operator.patch(invited_path, json={"status": status}).status_code == 409
    assert operator.get(invited_path).json()["status"] == "INVITED"


def test_credentials_of_a_partner_that_is_not_registered_cannot_be_renewed(
    operator: Operator, invited_path: str, registered_path: str
) -> None:
    assert operator.post(f"{invited_path}/credentials").status_code == 409
    operator.patch(registered_path, json={"status": "SUSPENDED"})
    assert operator.post(f"{registered_path}/credentials").status_code == 409


def test_removing_an_invited_partner_revokes_its_invitation(operator: Operator, stranger: PlayedPartner) -> None:
    invited = operator.invite("EMSP")
    assert operator.delete(f"/partners/{invited.partner_id}").status_code == 204
    assert operator.get(f"/partners/{invited.partner_id}").status_code == 404
    assert operator.delete(f"/partners/{invited.partner_id}").status_code == 404
    assert stranger.get(invited.versions_url, token=invited.token).status_code == 401


def test_an_unregistered_partner_stays_listed_until_it_is_removed(operator: Operator, registered_path: str) -> None:
    assert operator.delete(f"{registered_path}?force=true").status_code == 204
    assert operator.get(registered_path).json()["status"] == "UNREGISTERED"
    assert operator.delete(registered_path).status_code == 204
    assert operator.get(registered_path).status_code == 404


def test_a_suspended_partner_can_be_unregistered(
    operator: Operator, stranger: PlayedPartner, registered_path: str
) -> None:
    operator.patch(registered_path, json={"status": "SUSPENDED"})
    assert operator.delete(f"{registered_path}?force=true").status_code == 204
    assert operator.get(registered_path).json()["status"] == "UNREGISTERED"
    assert stranger.get(stranger.endpoint("locations")).status_code == 401


def test_force_is_true_or_false(operator: Operator, registered_path: str) -> None:
    assert operator.delete(f"{registered_path}?force=maybe").status_code == 400
    assert operator.get(registered_path).json()["status"] == "REGISTERED"
