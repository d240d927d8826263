"""What is wrong in a request is refused clearly, stores nothing, and never makes us fail (section 4, reading A-04)."""

from __future__ import annotations

import gzip
import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.envelope import envelope, refused, succeeded
from tests.support.party import PlayedPartner, fixture

if TYPE_CHECKING:
    import httpx

    from tests.support.party import Operator

PUSHED = (("CPO", "locations"), ("CPO", "sessions"), ("CPO", "tariffs"), ("EMSP", "tokens"))
"""Role of the partner that pushes, and module."""
EXAMPLES = {
    "locations": "location_max",
    "sessions": "session_max",
    "tariffs": "tariff_max",
    "tokens": "token_max",
}
IDS = {"tokens": "uid"}
NUMBERS = count()
MEGABYTE = 2**20


class Target:
    """The URL of an object that a partner pushes, and what is stored there already."""

    def __init__(self, operator: Operator, partner: PlayedPartner, module: str) -> None:
        self.operator, self.partner, self.module = operator, partner, module
        self.value = fixture(EXAMPLES[module], **{IDS.get(module, "id"): f"O-{next(NUMBERS)}"})
        self.id = self.value[IDS.get(module, "id")]
        self.url = partner.own_url(module, self.id)
        succeeded(partner.put(self.url, self.value), 201)

    def send(self, method: str, content: bytes, content_type: str | None = "application/json") -> httpx.Response:
        headers = {"Content-Type": content_type} if content_type else {}
        return self.partner.call(method, self.url, content=content, headers=headers)

    def is_unchanged(self) -> bool:
        stored = self.operator.get(f"/partners/{self.partner.partner_id}/{self.module}/{self.id}").json()
        return bool(stored == self.value == succeeded(self.partner.get(self.url)))


@pytest.fixture(params=PUSHED, ids=lambda row: row[1])
def target(request: pytest.FixtureRequest, operator: Operator, emsp: PlayedPartner, cpo: PlayedPartner) -> Target:
    role, module = request.param
    return Target(operator, emsp if role == "EMSP" else cpo, module)


@pytest.fixture
def location(operator: Operator, cpo: PlayedPartner) -> Target:
    return Target(operator, cpo, "locations")


@pytest.fixture
def token(operator: Operator, emsp: PlayedPartner) -> Target:
    return Target(operator, emsp, "tokens")


def with_member(value: dict[str, Any], text: str) -> bytes:
    """The JSON of an object with one more member, given as text."""
    return f"{json.dumps(value)[:-1]}, {text}}}".encode()


BROKEN = {
    "nothing": b"",
    "blanks": b" \r\n",
    "half": b'{"id":',
    "trailing comma": b'{"valid": true,}',
    "single quotes": b"{'valid': true}",
    "comment": b'{"valid": true} // yes',
    "two values": b"{} {}",
    "NaN": b'{"price": NaN}',
    "Infinity": b'{"price": -Infinity}',
    "leading zero": b'{"price": 01}',
    "bare word": b"valid",
    "raw NUL": b'{"a": "\x00"}',
    "raw newline in a string": b'{"a": "\n"}',
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "compressed": gzip.compress(b"{}"),
    "XML": b"<location/>",
}
NO_OBJECT = {
    "null": b"null",
    "list": b"[]",
    "list of objects": b"[{}]",
    "text": b'"x"',
    "number": b"1",
    "true": b"true",
}
REFUSED_MEMBERS = {
    "nested too deep": ('"x": ' + "[" * 64 + "]" * 64, "/"),
    "nested far too deep": ('"x": ' + "[" * 100_000 + "]" * 100_000, "/"),
    "objects nested too deep": ('"x": ' + '{"y":' * 64 + "1" + "}" * 64, "/"),
    "an integer of 65 bits": ('"x": 9223372036854775808', "/x"),
    "a negative integer of 65 bits": ('"x": -9223372036854775809', "/x"),
    "an integer of a thousand digits": ('"x": ' + "9" * 1000, "/x"),
    "a number that no double holds": ('"x": {"y": [1, 1e400]}', "/x/y/1"),
    "a number with an exponent without end": ('"x": 1e999999999999999999', "/x"),
    "a NUL character": ('"x": "a\\u0000"', "/x"),
    "a NUL character in a name": ('"a\\u0000": 1', "/"),
    "half a surrogate pair": ('"x": "\\ud800"', "/x"),
    "a member twice": ('"x": 1, "x": 1', "/x"),
    "a member of the specification twice": ('"last_updated": "2020-01-01T00:00:00Z"', "/last_updated"),
    "a nested member twice": ('"x": [{"y": 1, "y": 2}]', "/x/0/y"),
    "a member twice under a name of a megabyte": ('"x": {"' + "~" * MEGABYTE + '": {"y": 1, "y": 2}}', "/x/~0~0"),
}


@pytest.mark.req("TF-17", "TF-22")
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_body_that_is_not_json_is_400(token: Target, body: bytes) -> None:
    for method in ("PUT", "PATCH"):
        assert "not JSON" in refused(token.send(method, body), 400, 2001)
    assert token.is_unchanged()


@pytest.mark.req("TF-18", "SC-03")
@pytest.mark.parametrize("body", NO_OBJECT.values(), ids=NO_OBJECT)
def test_json_that_is_no_object_is_2001(token: Target, body: bytes) -> None:
    for method in ("PUT", "PATCH"):
        assert refused(token.send(method, body), 200, 2001).startswith("/: ")
    assert token.is_unchanged()


@pytest.mark.req("TF-17", "TF-18")
def test_every_module_tells_broken_json_from_json_that_is_no_object(target: Target) -> None:
    for method in ("PUT", "PATCH"):
        refused(target.send(method, b'{"valid":'), 400, 2001)
        refused(target.send(method, b"[]"), 200, 2001)
        refused(target.send(method, with_member(target.value, '"x": 1, "x": 2')), 200, 2001)
    assert target.is_unchanged()


@pytest.mark.req("TF-18", "SC-02")
@pytest.mark.parametrize(("member", "pointer"), REFUSED_MEMBERS.values(), ids=REFUSED_MEMBERS)
def test_json_that_nobody_can_rely_on_is_2001_at_its_path(location: Target, member: str, pointer: str) -> None:
    for method in ("PUT", "PATCH"):
        message = refused(location.send(method, with_member(location.value, member)), 200, 2001)
        assert message.startswith(f"{pointer}")
        assert len(message) < 2000
    assert location.is_unchanged()


@pytest.mark.req("TF-18", "TF-68")
def test_what_is_just_within_the_limits_is_taken(location: Target) -> None:
    deep: Any = []
    for _ in range(62):
        deep = [deep]
    more = {"deep": deep, "large": 2**63 - 1, "small": -(2**63), "ends": "\u0001\uffff😀"}
    succeeded(location.partner.put(location.url, {**location.value, **more}))
    assert succeeded(location.partner.get(location.url)) == {**location.value, **more}


@pytest.mark.req("TF-18", "TF-24", "SC-03")
def test_every_fault_is_named_with_its_path(location: Target) -> None:
    evse = fixture("evse_max", status="BROKEN", uid=7, connectors=[{**fixture("connector_max"), "standard": "PLUG"}])
    body = fixture("location_max", id=location.id, type=None, city=..., coordinates={"latitude": "91"}, evses=[evse])
    message = refused(location.partner.put(location.url, body), 200, 2001)
    faults = dict(fault.split(": ", 1) for fault in message.split("; "))
    assert set(faults) == {
        "/type",
        "/city",
        "/coordinates/latitude",
        "/coordinates/longitude",
        "/evses/0/uid",
        "/evses/0/status",
        "/evses/0/connectors/0/standard",
    }
    assert all(faults.values())
    assert location.is_unchanged()


@pytest.mark.req("TF-18", "TF-24")
@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"type": "CASTLE"}, "/type"),
        ({"city": None}, "/city"),
        ({"coordinates": {"latitude": "1.0"}}, "/coordinates/longitude"),
        ({"evses": [{"uid": "EVSE-NEW"}]}, "/evses/"),
        ({"last_updated": "now", "name": 5}, "/last_updated"),
        ({"id": "ANOTHER"}, "/id"),
    ],
)
def test_a_bad_patch_changes_nothing(location: Target, patch: dict[str, Any], pointer: str) -> None:
    assert pointer in refused(location.partner.patch(location.url, {"name": "Renamed", **patch}), 200, 2001)
    assert location.is_unchanged()


@pytest.mark.req("TF-18", "SC-02")
@pytest.mark.parametrize(
    ("field", "item", "items"),
    [("evses", {}, 200_000), ("related_locations", 1, 1_000_000), ("facilities", "CASTLE", 300_000)],
)
def test_a_million_faults_get_a_short_answer(location: Target, field: str, item: Any, items: int) -> None:
    answer = location.partner.put(location.url, {**location.value, field: [item] * items})
    reason = refused(answer, 200, 2001)
    assert f"/{field}/0" in reason
    assert "of each list the first fault" in reason
    assert len(answer.content) < 1000


@pytest.mark.req("TF-55")
def test_the_wrong_id_in_the_body_is_2001(target: Target) -> None:
    field = IDS.get(target.module, "id")
    for wrong in ("ANOTHER", target.id.lower(), f"{target.id} "):
        assert f"/{field}" in refused(target.partner.put(target.url, {**target.value, field: wrong}), 200, 2001)
        url = target.partner.own_url(target.module, wrong.replace(" ", "%20"))
        assert target.partner.get(url).status_code == 404
    assert target.is_unchanged()


@pytest.mark.req("TF-18")
def test_the_wrong_id_of_an_evse_or_connector_is_2001(location: Target) -> None:
    evse = location.value["evses"][0]
    connector = evse["connectors"][0]
    for segments, field, value in (
        ([evse["uid"]], "uid", evse),
        ([evse["uid"], connector["id"]], "id", connector),
    ):
        url = "/".join((location.url, *segments))
        for method in ("PUT", "PATCH"):
            answer = location.partner.call(method, url, json={**value, field: "ANOTHER"})
            assert f"/{field}" in refused(answer, 200, 2001)
    assert location.is_unchanged()


@pytest.mark.req("TF-54")
def test_somebody_elses_party_in_the_url_is_404_whatever_the_body(target: Target) -> None:
    url = target.partner.endpoint(target.module, "NL", "XXX", target.id)
    for body in (json.dumps(target.value).encode(), b"{}", b"{", b""):
        assert target.partner.call("PUT", url, content=body).status_code == 404
    for method in ("GET", "PATCH"):
        assert envelope(target.partner.call(method, url, json={}))["status_code"] == 2001
    assert target.is_unchanged()


@pytest.mark.req("TF-02")
def test_an_unknown_token_is_401_whatever_the_body(target: Target) -> None:
    for body in (json.dumps(target.value).encode(), b"{", b"x" * (5 * MEGABYTE)):
        refused(target.partner.call("PUT", target.url, content=body, token="unknown"), 401, 2000)
    assert target.is_unchanged()


@pytest.mark.req("CR-34", "TF-02")
def test_token_a_opens_versions_and_credentials_only(operator: Operator, target: Target) -> None:
    invited = operator.invite(target.partner.role)
    partner = target.partner
    succeeded(partner.get(invited.versions_url, token=invited.token))
    succeeded(partner.get(partner.endpoints["credentials"], token=invited.token))
    for module, url in partner.endpoints.items():
        if module != "credentials":
            refused(partner.get(url, token=invited.token), 401, 2000)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        refused(partner.call(method, target.url, json=target.value, token=invited.token), 401, 2000)
    assert target.is_unchanged()


@pytest.mark.req("TF-23")
def test_a_method_that_does_not_exist_is_405_with_allow_whatever_the_body(target: Target) -> None:
    for body in (b"", b"{", b"x" * (5 * MEGABYTE)):
        answer = target.partner.call("POST", target.url, content=body)
        refused(answer, 405, 2000)
        assert {"GET", "PUT", "PATCH"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.req("TF-22", "SC-02")
def test_a_body_over_4_mb_is_413(target: Target) -> None:
    for size in (4 * MEGABYTE + 1, 6 * MEGABYTE):
        body = json.dumps(target.value).encode().ljust(size)
        refused(target.send("PUT", body), 413, 2001)
    refused(target.send("PATCH", b"x" * (4 * MEGABYTE + 1)), 413, 2001)
    assert target.is_unchanged()


def test_a_body_that_api_gateway_itself_refuses_is_413_in_the_envelope(token: Target) -> None:
    answer = token.send("PUT", b" " * (10 * MEGABYTE + 1))
    assert (answer.status_code, answer.json()["status_code"]) == (413, 2001)
    assert token.is_unchanged()


def test_a_body_of_just_4_mb_is_taken(token: Target) -> None:
    body = json.dumps({**token.value, "issuer": "Renamed"}).encode().ljust(4 * MEGABYTE)
    succeeded(token.send("PUT", body))
    assert succeeded(token.partner.get(token.url))["issuer"] == "Renamed"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "json",
        "*/*",
    ],
)
def test_a_body_declared_as_something_else_is_415(token: Target, content_type: str) -> None:
    body = json.dumps(token.value).encode()
    for method in ("PUT", "PATCH"):
        assert "application/json" in refused(token.send(method, body, content_type), 415, 2001)
    assert token.is_unchanged()


@pytest.mark.parametrize(
    "content_type", [None, "application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"]
)
def test_a_body_declared_as_json_in_any_way_or_not_at_all_is_taken(token: Target, content_type: str | None) -> None:
    body = b"\xef\xbb\xbf" + json.dumps({**token.value, "issuer": "Renamed"}).encode()
    succeeded(token.send("PUT", body, content_type))
    assert succeeded(token.partner.get(token.url))["issuer"] == "Renamed"


@pytest.mark.req("TF-18", "SC-03")
@pytest.mark.parametrize("token_type", ["rfid", "CARD", "", "RFID,OTHER"])
def test_a_token_type_that_does_not_exist_is_2001(token: Target, token_type: str) -> None:
    for method in ("GET", "PUT", "PATCH"):
        answer = token.partner.call(method, token.url, params={"type": token_type}, json=token.value)
        assert "type" in refused(answer, 200, 2001)
    assert token.is_unchanged()


@pytest.mark.req("TF-17", "TF-18", "SC-03")
@pytest.mark.parametrize(
    ("body", "http_status", "named"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"[]", 200, "/: "),
        (b"{}", 200, "/token: "),
        (b'{"token": "x", "token": "y"}', 200, "/token: "),
        (b" " * (4 * MEGABYTE + 1), 413, "longer"),
    ],
)
def test_bad_credentials_use_up_no_invitation(
    operator: Operator, emsp: PlayedPartner, body: bytes, http_status: int, named: str
) -> None:
    invited = operator.invite("EMSP")
    url = emsp.endpoints["credentials"]
    assert named in refused(emsp.call("POST", url, content=body, token=invited.token), http_status, 2001)
    assert named in refused(emsp.call("PUT", url, content=body), http_status, 2001)
    succeeded(emsp.get(url, token=invited.token))
    succeeded(emsp.get(url))


@pytest.mark.req("TF-18", "SC-03")
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"token": "x" * 65}, "/token"),
        ({"token": "a b"}, "/token"),
        ({"token": ""}, "/token"),
        ({"url": "versions"}, "/url"),
        ({"url": "ftp://partner.example/versions"}, "/url"),
        ({"url": f"https://partner.example/{'x' * 255}"}, "/url"),
        ({"country_code": "DEU"}, "/country_code"),
        ({"party_id": "ABCD"}, "/party_id"),
        ({"party_id": "A/B"}, "/party_id"),
        ({"business_details": {}}, "/business_details/name"),
        ({"business_details": "Partner"}, "/business_details"),
    ],
)
def test_credentials_that_are_not_valid_call_nobody(operator: Operator, change: dict[str, Any], pointer: str) -> None:
    with PlayedPartner("EMSP", "DE", "BAD") as partner:
        invited = operator.invite("EMSP")
        url = partner.discover(invited.versions_url, invited.token)["credentials"]
        answer = partner.call("POST", url, token=invited.token, json=partner.credentials(**change))
        assert f"{pointer}: " in refused(answer, 200, 2001)
        assert partner.server.requests == []


@pytest.mark.parametrize("unknown", [5, "x", ["x"], [{"id": "1"}], [{"other": 1}]])
def test_an_unknown_field_that_is_called_like_a_list_of_parts_is_kept_like_any_other(
    operator: Operator, location: Target, unknown: Any
) -> None:
    # Connectors are those of an EVSE; a field of that name of the location itself means nothing to OCPI.
    succeeded(location.partner.put(location.url, {**location.value, "connectors": unknown}))
    succeeded(location.partner.patch(location.url, {"connectors": unknown}))
    assert succeeded(location.partner.get(location.url))["connectors"] == unknown
    own = {name: value for name, value in location.value.items() if name != "last_updated"}
    assert operator.put_object("locations", {**own, "connectors": unknown}).status_code == 201
    assert operator.patch(f"/2.1.1/locations/{location.id}", json={"connectors": unknown}).status_code == 200
