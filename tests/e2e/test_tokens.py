"""Tokens: those that an eMSP partner pushes to us, and our own as CPO partners read them (OCPI 2.1.1, chapter 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of, ended
from tests.support.ids import AWKWARD_IDS, fresh_id, in_url
from tests.support.lists import is_list_only
from tests.support.party import fixture

if TYPE_CHECKING:
    from tests.support.party import Operator, PlayedPartner

OLD, LATER = "2024-03-05T10:11:12Z", "2024-03-06T00:00:00Z"
REQUIRED = ("uid", "type", "auth_id", "issuer", "valid", "whitelist", "last_updated")


def token_url(emsp: PlayedPartner, uid: str) -> str:
    return emsp.own_url("tokens", in_url(uid))


def pushed(emsp: PlayedPartner, base: str = "token_max", /, **changes: Any) -> dict[str, Any]:
    """A token that the partner has pushed."""
    token = fixture(base, **{"uid": fresh_id("U"), **changes})
    answer = emsp.put(token_url(emsp, token["uid"]), token)
    assert (answer.status_code, answer.json()["status_code"]) == (201, 1000), answer.text
    return token


def read(emsp: PlayedPartner, uid: str, **query: str) -> Any:
    return data_of(emsp.get(token_url(emsp, uid), params=query))


def own(operator: Operator, base: str = "token_max", /, **changes: Any) -> dict[str, Any]:
    """A token of ours."""
    token = fixture(base, **{"uid": fresh_id("O"), **changes})
    assert operator.put_object("tokens", token).status_code == 201
    return token


@pytest.mark.req("TOK-01", "TOK-03", "TF-27")
@pytest.mark.parametrize("uid", [uid for uid in AWKWARD_IDS if len(uid) <= 36])
def test_a_new_token_is_stored_and_given_back_as_it_came(operator: Operator, emsp: PlayedPartner, uid: str) -> None:
    token = pushed(emsp, uid=uid, issuer="Müller & Söhne 電力")
    assert read(emsp, uid) == token
    assert operator.get(f"/partners/{emsp.partner_id}/tokens/{in_url(uid)}").json() == token


@pytest.mark.req("TOK-01")
def test_a_token_that_is_put_again_is_replaced_entirely(emsp: PlayedPartner) -> None:
    token = pushed(emsp)
    smaller = {name: token[name] for name in REQUIRED} | {"last_updated": LATER}
    for _ in range(2):
        ended(emsp.put(token_url(emsp, token["uid"]), smaller), 200, 1000)
        assert read(emsp, token["uid"]) == smaller


@pytest.mark.req("TOK-02")
@pytest.mark.parametrize(
    ("patch", "cleared"),
    [
        ({"valid": False}, ()),
        ({"whitelist": "NEVER", "last_updated": LATER}, ()),
        ({"visual_number": None}, ("visual_number",)),
        ({"x_color": "blue"}, ()),
    ],
)
def test_a_patch_changes_the_given_fields_only(
    emsp: PlayedPartner, patch: dict[str, Any], cleared: tuple[str, ...]
) -> None:
    token = pushed(emsp)
    ended(emsp.patch(token_url(emsp, token["uid"]), patch), 200, 1000)
    assert read(emsp, token["uid"]) == {name: value for name, value in (token | patch).items() if name not in cleared}


@pytest.mark.req("TOK-02")
@pytest.mark.parametrize("patch", [{"valid": None}, {"valid": "no"}, {"uid": "other"}, {"type": "OTHER"}, [], "x"])
def test_a_patch_that_would_break_the_token_has_no_effect(emsp: PlayedPartner, patch: Any) -> None:
    token = pushed(emsp)
    ended(emsp.patch(token_url(emsp, token["uid"]), patch), 200, 2001)
    assert read(emsp, token["uid"]) == token


@pytest.mark.req("TOK-03", "TOK-10")
def test_an_unknown_token_is_not_found(emsp: PlayedPartner) -> None:
    url = token_url(emsp, fresh_id("U"))
    ended(emsp.get(url), 404, 2001)
    ended(emsp.patch(url, {"valid": False}), 404, 2001)
    token = pushed(emsp)
    ended(emsp.get(token_url(emsp, token["uid"].lower())), 404, 2001)
    ended(emsp.get(token_url(emsp, token["uid"]), params={"type": "OTHER"}), 404, 2001)
    ended(emsp.get(token_url(emsp, token["uid"]), params={"type": "FOO"}), 200, 2001)


@pytest.mark.req("TOK-04")
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_tokens_are_neither_posted_nor_deleted(emsp: PlayedPartner, method: str) -> None:
    token = pushed(emsp)
    for url in (token_url(emsp, token["uid"]), emsp.endpoint("tokens")):
        answer = emsp.call(method, url, json=token)
        ended(answer, 405, 2000)
    assert read(emsp, token["uid"]) == token


@pytest.mark.req("TOK-05")
def test_a_token_belongs_to_the_party_that_calls_and_has_the_uid_in_the_url(emsp: PlayedPartner) -> None:
    token = pushed(emsp)
    for owner in ("DE/XXX", "NL/EMS"):
        url = emsp.endpoint("tokens", owner, token["uid"])
        for answer in (emsp.put(url, token), emsp.patch(url, {"valid": False}), emsp.get(url)):
            ended(answer, 404, 2001)
    ended(emsp.put(token_url(emsp, token["uid"]), token | {"uid": "other"}), 200, 2001)
    assert read(emsp, token["uid"]) == token


@pytest.mark.req("TOK-06")
@pytest.mark.parametrize("missing", REQUIRED)
def test_a_token_that_lacks_a_required_field_is_refused(emsp: PlayedPartner, missing: str) -> None:
    token = fixture("token_max", **{"uid": fresh_id("U"), missing: ...})
    url = token_url(emsp, fixture("token_max")["uid"] if missing == "uid" else token["uid"])
    answer = emsp.put(url, token)
    ended(answer, 200, 2001)
    assert answer.json()["status_message"] == f"/{missing}: is required"
    ended(emsp.get(url), 404, 2001)


@pytest.mark.req("TOK-07", "TOK-11")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "APP_USER"),
        ("type", "rfid"),
        ("whitelist", "SOMETIMES"),
        ("language", "deu"),
        ("language", "d"),
        ("language", ""),
        ("valid", "true"),
        ("uid", "x" * 37),
        ("auth_id", "ünïcode"),
        ("issuer", "x" * 65),
        ("last_updated", "yesterday"),
    ],
)
def test_a_value_that_the_specification_does_not_have_is_refused(emsp: PlayedPartner, field: str, value: str) -> None:
    token = fixture("token_max", **{"uid": fresh_id("U"), field: value})
    answer = emsp.put(token_url(emsp, token["uid"]), token)
    ended(answer, 200, 2001)
    assert answer.json()["status_message"].startswith(f"/{field}: ")


@pytest.mark.req("TOK-07", "TOK-08")
@pytest.mark.parametrize(
    "changes",
    [
        *({"whitelist": whitelist} for whitelist in ("ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER")),
        *({"type": token_type} for token_type in ("RFID", "OTHER")),
        {"visual_number": ..., "language": ...},
    ],
)
def test_every_value_that_the_specification_has_is_taken(emsp: PlayedPartner, changes: dict[str, Any]) -> None:
    token = pushed(emsp, **changes)
    assert read(emsp, token["uid"]) == token


@pytest.mark.req("TOK-09", "TOK-10")
@pytest.mark.parametrize("first", ["RFID", "OTHER"])
def test_a_uid_exists_once_per_type_and_rfid_is_meant_unless_said(emsp: PlayedPartner, first: str) -> None:
    second = {"RFID": "OTHER", "OTHER": "RFID"}[first]
    token = pushed(emsp, type=first)
    url = token_url(emsp, token["uid"])
    assert read(emsp, token["uid"]) == token
    other = pushed(emsp, uid=token["uid"], type=second, auth_id="another contract")
    by_type = {first: token, second: other}
    assert read(emsp, token["uid"]) == by_type["RFID"]
    for token_type, expected in by_type.items():
        assert read(emsp, token["uid"], type=token_type) == expected
    ended(emsp.patch(url, {"valid": False}, params={"type": "OTHER"}), 200, 1000)
    assert read(emsp, token["uid"], type="OTHER") == by_type["OTHER"] | {"valid": False}
    ended(emsp.patch(url, {"language": "fr"}), 200, 1000)
    assert read(emsp, token["uid"], type="RFID") == by_type["RFID"] | {"language": "fr"}
    ended(emsp.put(url, token, params={"type": second}), 200, 2001)


@pytest.mark.req("TOK-12")
def test_partners_list_our_tokens_by_page_and_by_time(operator: Operator, cpo: PlayedPartner) -> None:
    old, new = own(operator, last_updated=OLD), own(operator, "token_min", last_updated=LATER)
    first = cpo.get(cpo.endpoint("tokens"), params={"limit": 1})
    assert (len(first.json()["data"]), first.headers["X-Limit"]) == (1, "1")
    following = first.headers["Link"].partition(">")[0].removeprefix("<")
    assert cpo.get(following).json()["data"] != first.json()["data"]
    for query, expected in (
        ({}, [old, new]),
        ({"date_from": OLD, "date_to": LATER}, [old]),
        ({"date_from": LATER}, [new]),
        ({"date_to": LATER}, [old]),
    ):
        answer = cpo.get(cpo.endpoint("tokens"), params={"limit": 1000, **query})
        assert [token for token in answer.json()["data"] if token in (old, new)] == expected
        assert answer.headers["X-Total-Count"] == str(len(answer.json()["data"]))


@pytest.mark.req("TOK-13")
def test_partners_change_none_of_our_tokens_and_read_none_alone(operator: Operator, cpo: PlayedPartner) -> None:
    token = own(operator)
    assert is_list_only(cpo, "tokens", token)
    assert cpo.get(cpo.endpoint("tokens", "NL", "TNM", token["uid"])).status_code == 404


@pytest.mark.req("TOK-14")
def test_a_withdrawn_token_of_ours_stays_in_the_list(operator: Operator, cpo: PlayedPartner) -> None:
    token = own(operator)
    answer = operator.patch(f"/2.1.1/tokens/{token['uid']}", json={"valid": False})
    withdrawn = answer.json()["object"]
    assert (withdrawn["valid"], withdrawn["last_updated"] > OLD) == (False, True)
    listed = cpo.get(cpo.endpoint("tokens"), params={"limit": 1000, "date_from": LATER}).json()["data"]
    assert withdrawn in listed
