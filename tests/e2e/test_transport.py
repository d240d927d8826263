"""How partners call us, whatever the module: tokens, the envelope, methods, URLs and values (chapters 3, 4, 14)."""

from __future__ import annotations

import base64
import re
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from local.template import read_template
from tests.support.envelope import DATE_TIME, envelope, refused, succeeded
from tests.support.gateway import ROOT
from tests.support.lists import WHOLE
from tests.support.party import PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gateway import Gateway
    from tests.support.party import Operator

LISTS = (("EMSP", "locations"), ("EMSP", "sessions"), ("EMSP", "cdrs"), ("EMSP", "tariffs"), ("CPO", "tokens"))
"""Role of the partner that reads it, and module: the lists of our own objects."""
RECEIVED = (
    ("CPO", "locations", "location_max", {"name": "Renamed"}),
    ("CPO", "sessions", "session_max", {"meter_id": "Renamed"}),
    ("CPO", "tariffs", "tariff_max", {"tariff_alt_url": "https://cpo.example/renamed"}),
    ("EMSP", "tokens", "token_max", {"visual_number": "Renamed"}),
)
"""Role of the partner that pushes it, module, an example, and a change of one of its optional fields."""
CHANGEABLE = {"sessions": {"status": "ACTIVE"}}
"""What makes an example one that can still be changed."""
NUMBERS = count()

lists = pytest.mark.parametrize(("role", "module"), LISTS)


class Pushed:
    """An object that a partner pushes."""

    def __init__(self, partner: PlayedPartner, module: str, example: str, object_id: str, url_id: str = "") -> None:
        self.partner = partner
        identity = {"uid" if module == "tokens" else "id": object_id}
        self.value = fixture(example, **identity, **CHANGEABLE.get(module, {}))
        self.url = partner.own_url(module, url_id or object_id)

    def put(self, **changes: Any) -> httpx.Response:
        """PUT it, with some fields changed; ``...`` takes a field out."""
        changed = {**self.value, **changes}
        return self.partner.put(self.url, {name: value for name, value in changed.items() if value is not ...})

    def patch(self, **changes: Any) -> httpx.Response:
        return self.partner.patch(self.url, changes)

    def get(self) -> httpx.Response:
        return self.partner.get(self.url)

    def stored(self) -> dict[str, Any]:
        value: dict[str, Any] = succeeded(self.get())
        return value


@pytest.fixture(scope="module")
def partners(emsp: PlayedPartner, cpo: PlayedPartner) -> dict[str, PlayedPartner]:
    return {"EMSP": emsp, "CPO": cpo}


@pytest.fixture(scope="module")
def nobody(shared_gateway: Gateway) -> Iterator[httpx.Client]:
    """A client that shows no token unless it is told to."""
    with httpx.Client(base_url=shared_gateway.url) as client:
        yield client


@pytest.fixture(params=RECEIVED, ids=lambda row: row[1])
def pushed(request: pytest.FixtureRequest, partners: dict[str, PlayedPartner]) -> tuple[Pushed, dict[str, Any]]:
    """An object of each module that partners push, not stored yet, and a change of it."""
    role, module, example, change = request.param
    return Pushed(partners[role], module, example, f"O-{next(NUMBERS)}"), change


@pytest.fixture
def token(emsp: PlayedPartner) -> Pushed:
    """A token of the eMSP that is not stored yet."""
    return Pushed(emsp, "tokens", "token_max", f"T-{next(NUMBERS)}")


@pytest.fixture
def location(cpo: PlayedPartner) -> Pushed:
    """A location of the CPO that is not stored yet."""
    return Pushed(cpo, "locations", "location_max", f"L-{next(NUMBERS)}")


@pytest.fixture
def tariff(cpo: PlayedPartner) -> Pushed:
    """A tariff of the CPO that is not stored yet."""
    return Pushed(cpo, "tariffs", "tariff_max", f"P-{next(NUMBERS)}")


# Tokens


@pytest.mark.req("TF-01", "TF-02", "TF-22", "VE-06")
@pytest.mark.parametrize("header", [None, "Token nope", "Token"])
def test_every_endpoint_refuses_a_call_without_a_token_that_we_know(
    operator: Operator, partners: dict[str, PlayedPartner], nobody: httpx.Client, header: str | None
) -> None:
    for partner in partners.values():
        invited = operator.invite(partner.role)
        details = partner.get(invited.versions_url).json()["data"][0]["url"]
        for url in (invited.versions_url, details, *partner.endpoints.values()):
            answer = nobody.get(url, headers={"Authorization": header} if header else {})
            refused(answer, 401, 2000)
            assert answer.headers["WWW-Authenticate"] == "Token"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.req("TF-03", "TF-05")
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Authorization", "Token {token}"),
        ("authorization", "token {token}"),
        ("AUTHORIZATION", "TOKEN {token}"),
        # Later versions ask for Base64, some with a newline in it (reading A-01).
        ("Authorization", "Token {base64}"),
        ("Authorization", "Token {base64_line}"),
    ],
)
def test_a_token_is_taken_as_it_was_issued(emsp: PlayedPartner, nobody: httpx.Client, name: str, form: str) -> None:
    shown = str(emsp.token)
    value = form.format(token=shown, base64=_base64(shown), base64_line=_base64(f"{shown}\n"))
    succeeded(nobody.get(emsp.endpoints["locations"], headers={name: value}))


@pytest.mark.req("TF-04")
@pytest.mark.parametrize(
    "form",
    [
        "Bearer {token}",
        "Basic {token}",
        "{token}",
        "Token{token}",
        "Token {token}x",
        "Token {token} {token}",
        "Token x, Token {token}",
        'Token "{token}"',
        "Token {lower}",
        "Token \xff\xfe",
        "Token ////",
    ],
)
def test_another_form_of_authorization_is_refused(emsp: PlayedPartner, nobody: httpx.Client, form: str) -> None:
    value = form.format(token=emsp.token, lower=str(emsp.token).lower())
    headers = httpx.Headers({"Authorization": value}, encoding="latin-1")
    refused(nobody.get(emsp.endpoints["locations"], headers=headers), 401, 2000)


@pytest.mark.req("TF-07")
def test_issued_tokens_are_printable_ascii_of_at_most_64_characters_and_never_the_same(operator: Operator) -> None:
    with PlayedPartner("EMSP", "DE", "SEV") as partner:
        invitations = [operator.invite("EMSP") for _ in range(10)]
        partner.register(invitations[0])
        issued = [*(invited.token for invited in invitations), partner.token]
        for _ in range(10):
            answer = partner.put(partner.endpoints["credentials"], partner.credentials())
            partner.token = succeeded(answer)["token"]
            issued.append(partner.token)
    assert all(re.fullmatch(r"[\x21-\x7e]{1,64}", str(each)) for each in issued)
    assert len(set(issued)) == len(issued)


@pytest.mark.req("TF-08", "TF-56")
def test_two_parties_have_two_tokens_and_each_sees_its_own_objects(operator: Operator, cpo: PlayedPartner) -> None:
    with PlayedPartner("CPO", "NL", "TWO", token="token-b-of-the-second") as other:
        other.register(operator.invite("CPO"))
        assert other.token != cpo.token
        mine, theirs = (Pushed(each, "locations", "location_min", "SHARED") for each in (cpo, other))
        succeeded(mine.put(city="Lyon"), 201)
        refused(theirs.get(), 404, 2003)
        succeeded(theirs.put(city="Utrecht"), 201)
        assert (mine.stored()["city"], theirs.stored()["city"]) == ("Lyon", "Utrecht")
        refused(cpo.get(theirs.url), 404, 2001)


@pytest.mark.req("TF-01", "TF-02")
def test_a_token_opens_the_tree_of_one_role_only(partners: dict[str, PlayedPartner]) -> None:
    for partner, other in (("EMSP", "CPO"), ("CPO", "EMSP")):
        for url in partners[other].endpoints.values():
            refused(partners[partner].get(url), 401, 2000)


# The envelope


@pytest.mark.req("TF-09", "TF-10", "TF-11", "TF-12", "TF-22", "SC-01", "SC-02")
def test_every_answer_is_an_envelope_whatever_its_http_status(token: Pushed) -> None:
    answers = [
        (201, 1000, token.put()),
        (200, 1000, token.put()),
        (200, 1000, token.get()),
        (200, 2001, token.put(valid="yes")),
        (400, 2001, token.partner.call("PUT", token.url, content=b'{"uid":')),
        (401, 2000, token.partner.get(token.url, token="nope")),
        (404, 2001, token.partner.get(f"{token.url}-other")),
        (405, 2000, token.partner.call("DELETE", token.url)),
        (415, 2001, token.partner.call("PUT", token.url, content=b"x", headers={"Content-Type": "text/plain"})),
    ]
    for http_status, status_code, answer in answers:
        assert (answer.status_code, envelope(answer)["status_code"]) == (http_status, status_code)


@pytest.mark.req("TF-13", "TF-61", "TF-29")
@lists
def test_each_module_has_a_list_and_an_empty_one_is_a_list(
    partners: dict[str, PlayedPartner], role: str, module: str
) -> None:
    url = partners[role].endpoint(module)
    assert isinstance(succeeded(partners[role].get(url, params=WHOLE.get(module))), list)
    assert succeeded(partners[role].get(url, params={"date_from": "9000-01-01T00:00:00Z"})) == []


@pytest.mark.req("TF-13", "TF-14")
def test_one_object_is_an_object(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, _ = pushed
    thing.put()
    assert thing.stored() == thing.value


@pytest.mark.req("TF-82")
def test_headers_of_other_versions_do_no_harm_and_a_request_id_comes_back(emsp: PlayedPartner) -> None:
    headers = {
        "X-Request-ID": "r-1",
        "X-Correlation-ID": "c-1",
        "OCPI-to-party-id": "EXA",
        "OCPI-to-country-code": "NL",
        "OCPI-from-party-id": "EMS",
    }
    answer = emsp.get(emsp.endpoint("locations"), headers=headers)
    succeeded(answer)
    assert answer.headers["X-Request-ID"] == "r-1"


# Methods


@pytest.mark.req("TF-19", "TF-20", "TF-21", "TF-27", "TF-53", "TF-83")
def test_an_object_is_unknown_then_created_then_updated(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, change = pushed
    unknown = 2003 if "locations" in thing.url else 2001
    refused(thing.get(), 404, unknown)
    refused(thing.patch(**change), 404, unknown)
    refused(thing.get(), 404, unknown)
    assert succeeded(thing.put(), 201) is None
    assert succeeded(thing.put(**change), 200) is None
    assert succeeded(thing.patch(**change), 200) is None


@pytest.mark.req("TF-24", "TF-18", "SC-03")
def test_a_put_without_a_required_field_stores_nothing(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, change = pushed
    thing.put()
    assert "/last_updated: is required" in refused(thing.put(**change, last_updated=...), 200, 2001)
    assert thing.stored() == thing.value


@pytest.mark.req("TF-25")
def test_a_put_replaces_the_whole_object(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, change = pushed
    thing.put()
    (optional,) = change
    thing.put(**{optional: ...})
    assert thing.stored() == {name: value for name, value in thing.value.items() if name != optional}


@pytest.mark.req("TF-26")
def test_a_patch_changes_what_it_names_and_nothing_else(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, change = pushed
    thing.put()
    succeeded(thing.patch(**change))
    assert thing.stored() == {**thing.value, **change}


@pytest.mark.req("TF-23", "TF-57")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
@lists
def test_our_own_objects_can_only_be_read(
    partners: dict[str, PlayedPartner], role: str, module: str, method: str
) -> None:
    answer = partners[role].call(method, partners[role].endpoint(module), json={})
    refused(answer, 405, 2000)
    assert answer.headers["Allow"] == "GET"


@pytest.mark.req("TF-23", "TF-57")
def test_received_objects_have_no_post_and_only_tariffs_a_delete(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, _ = pushed
    allowed = ["GET", "PATCH", "PUT"]
    if "tariffs" in thing.url:
        allowed = ["DELETE", *allowed]
    for method in {"POST", "DELETE", "OPTIONS"} - set(allowed):
        answer = thing.partner.call(method, thing.url, json=thing.value)
        refused(answer, 405, 2000)
        assert answer.headers["Allow"] == ", ".join(allowed)


@pytest.mark.req("TF-57", "TF-23")
@pytest.mark.parametrize(("role", "module"), [(role, module) for role, module, *_ in RECEIVED])
def test_the_endpoint_of_received_objects_has_no_method_itself(
    partners: dict[str, PlayedPartner], role: str, module: str
) -> None:
    for method in ("GET", "POST", "PUT"):
        answer = partners[role].call(method, partners[role].endpoint(module), json={})
        refused(answer, 405, 2000)
        assert answer.headers["Allow"] == ""


@pytest.mark.req("TF-81")
def test_head_is_get_without_a_body(token: Pushed) -> None:
    assert token.partner.call("HEAD", token.url).status_code == 404
    token.put()
    answer = token.partner.call("HEAD", token.url)
    assert (answer.status_code, answer.content) == (200, b"")


# URLs


@pytest.mark.req("TF-53")
def test_an_object_without_its_owner_in_the_url_is_not_there(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, _ = pushed
    url = thing.url.replace(f"/{thing.partner.owner_path}/", "/")
    assert thing.partner.put(url, thing.value).status_code == 404
    assert thing.partner.put(thing.url.rsplit("/", 1)[0], thing.value).status_code == 404


@pytest.mark.req("TF-54")
@pytest.mark.parametrize("owner", ["DE/XXX", "XX/EMS", "FR/CPO", "NL/EXA", "DEU/EMS", "%20/%20", "EMS/DE"])
def test_another_party_in_the_url_is_not_found_and_nothing_is_stored(
    operator: Operator, emsp: PlayedPartner, owner: str
) -> None:
    uid = f"T-{next(NUMBERS)}"
    url, value = emsp.endpoint("tokens", owner, uid), fixture("token_max", uid=uid)
    for answer in (emsp.put(url, value), emsp.get(url), emsp.patch(url, {"valid": False})):
        refused(answer, 404, 2001)
    assert operator.get(f"/partners/{emsp.partner_id}/tokens/{uid}").status_code == 404


@pytest.mark.req("TF-54")
def test_the_party_in_the_url_may_be_in_another_case(token: Pushed) -> None:
    succeeded(token.partner.put(token.url.replace("/DE/EMS/", "/de/ems/"), token.value), 201)
    assert token.stored() == token.value


@pytest.mark.req("TF-55")
def test_another_id_in_the_body_is_refused_and_neither_is_stored(emsp: PlayedPartner) -> None:
    in_url, in_body = Pushed(emsp, "tokens", "token_max", "URL-ID"), Pushed(emsp, "tokens", "token_max", "BODY-ID")
    for body in ("BODY-ID", "url-id"):
        assert "/uid" in refused(in_url.put(uid=body), 200, 2001)
    for each in (in_url, in_body):
        refused(each.get(), 404, 2001)


@pytest.mark.req("TF-55")
def test_a_patch_may_repeat_the_id_but_not_name_another(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, change = pushed
    thing.put()
    field = "uid" if "uid" in thing.value else "id"
    assert f"/{field}" in refused(thing.patch(**change, **{field: "ANOTHER"}), 200, 2001)
    assert thing.stored() == thing.value
    succeeded(thing.patch(**change, **{field: thing.value[field]}))
    assert thing.stored() == {**thing.value, **change}


@pytest.mark.req("TF-65")
def test_a_trailing_slash_makes_no_difference_and_nothing_is_redirected(partners: dict[str, PlayedPartner]) -> None:
    for role, module in LISTS:
        partner, url, query = partners[role], partners[role].endpoint(module), WHOLE.get(module)
        assert succeeded(partner.get(url, params=query)) == succeeded(partner.get(f"{url}/", params=query))
    thing = Pushed(partners["EMSP"], "tokens", "token_max", f"T-{next(NUMBERS)}")
    succeeded(thing.partner.put(f"{thing.url}/", thing.value), 201)
    assert thing.stored() == thing.value
    assert succeeded(thing.partner.get(f"{thing.url}/?type=RFID")) == thing.value


@pytest.mark.req("TF-67")
@pytest.mark.parametrize(
    ("object_id", "in_url"),
    [
        ("A B", "A%20B"),
        ("A/B", "A%2FB"),
        ("A/", "A%2F"),
        ("A*B", "A*B"),
        ("A+B", "A+B"),
        ("A+C", "A%2bC"),
        ("A%20D", "A%2520D"),
        ("A%2FE", "A%252FE"),
        ("A?B#C", "A%3FB%23C"),
        ("A;B,C=D&E", "A;B,C=D&E"),
        ("~!$'()@:", "~!$'()@:"),
        ("..", "%2E%2E"),
        ('"\\<>', "%22%5C%3C%3E"),
        ("A%", "A%25"),
        ("%zz", "%zz"),
    ],
)
def test_path_segments_are_decoded_once(emsp: PlayedPartner, object_id: str, in_url: str) -> None:
    thing = Pushed(emsp, "tokens", "token_max", object_id, in_url)
    # httpx would write some of these URLs in a way of its own.
    raw = httpx.URL(thing.url).copy_with(
        raw_path=httpx.URL(thing.url).raw_path.rsplit(b"/", 1)[0] + f"/{in_url}".encode()
    )
    succeeded(emsp.http.put(raw, json=thing.value, headers={"Authorization": f"Token {emsp.token}"}), 201)
    assert succeeded(emsp.http.get(raw, headers={"Authorization": f"Token {emsp.token}"})) == thing.value


@pytest.mark.req("TF-81")
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/cpo",
        "/cpo/2.1.1/nope",
        "/cpo/2.2.1",
        "/cpo/2.2.1/locations",
        "/msp/versions",
        "//cpo/versions",
        "/%00",
    ],
)
def test_an_unknown_path_is_404_in_the_envelope(shared_gateway: Gateway, emsp: PlayedPartner, path: str) -> None:
    for method in ("GET", "PUT", "OPTIONS"):
        refused(emsp.call(method, f"{shared_gateway.url}/ocpi{path}", json={}), 404, 2000)


def _routes() -> list[str]:
    routes = [route.path for function in read_template(ROOT / "template.yaml").functions for route in function.routes]
    return sorted(path for path in routes if path.startswith("/ocpi"))


ROUTES = _routes()
FALLBACK = ("/ocpi", "/ocpi/{proxy+}")
BELOW = {
    "/ocpi/cpo/2.1.1/locations/{proxy+}": ("X", "X/Y", "X/Y/1", "X%2FY", "X/"),
    "/ocpi/emsp/2.1.1/locations/{proxy+}": ("FR/CPO/X", "FR/CPO/X/Y", "FR/CPO/X/Y/1", "a/b/c/d/e"),
    "/ocpi/emsp/2.1.1/sessions/{proxy+}": ("FR/CPO/X", "a/b/c"),
    "/ocpi/emsp/2.1.1/cdrs/{proxy+}": ("X", "X%2FY"),
    "/ocpi/emsp/2.1.1/tariffs/{proxy+}": ("FR/CPO/X", "a/b/c"),
    "/ocpi/cpo/2.1.1/tokens/{proxy+}": ("DE/EMS/X", "a/b/c"),
}
"""What exists below a route that takes everything below a module."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.mark.req("TF-01", "TF-22", "TF-81")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", [path for path in ROUTES if path not in FALLBACK])
def test_without_a_token_what_exists_is_401_and_what_does_not_is_404(
    nobody: httpx.Client, route: str, method: str
) -> None:
    existing = [route] if "{" not in route else [route.replace("{proxy+}", each) for each in BELOW.get(route, ())]
    base = route.removesuffix("/{proxy+}")
    unknown = [f"{base}/a/b/c/d/e/f/g"] if "{" in route else [f"{base}s"]
    for path, expected in [*((each, 401) for each in existing), *((each, 404) for each in unknown)]:
        answer = nobody.request(method, path, content=b"{")
        assert answer.status_code == expected, path
        if method != "HEAD":
            refused(answer, expected, 2000)


# Values


@pytest.mark.req("TF-68")
def test_unknown_fields_are_kept(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, change = pushed
    unknown = {"foo": {"bar": [1, None, "x"]}}
    succeeded(thing.put(**unknown), 201)
    succeeded(thing.patch(**change))
    assert thing.stored() == {**thing.value, **change, **unknown}


@pytest.mark.req("TF-69")
def test_null_equals_absent_in_an_optional_field(pushed: tuple[Pushed, dict[str, Any]]) -> None:
    thing, change = pushed
    (optional,) = change
    succeeded(thing.put(**{optional: None}), 201)
    assert thing.stored() == {name: value for name, value in thing.value.items() if name != optional}


@pytest.mark.req("TF-70")
def test_a_list_that_may_be_empty_may_be_absent_null_or_empty(location: Pushed) -> None:
    without = {name: value for name, value in location.value.items() if name != "related_locations"}
    given: tuple[Any, ...] = (..., None, [])
    for absent in given:
        location.put(related_locations=location.value["related_locations"])
        succeeded(location.put(related_locations=absent))
        assert location.stored() == without


@pytest.mark.req("TF-71")
def test_a_list_that_must_not_be_empty_is_refused_when_it_is(location: Pushed, tariff: Pushed) -> None:
    evses = [{**fixture("evse_max"), "connectors": []}]
    assert "/evses/0/connectors" in refused(location.put(evses=evses), 200, 2001)
    assert "/elements" in refused(tariff.put(elements=[]), 200, 2001)
    refused(location.get(), 404, 2003)
    refused(tariff.get(), 404, 2001)


@pytest.mark.req("TF-72")
@pytest.mark.parametrize(
    "digits", ["0.10", "0.1", "12.3400", "1e2", "0.30000000000000004", "1234567890.123456789", "0"]
)
def test_numbers_are_numbers_and_keep_their_digits(tariff: Pushed, digits: str) -> None:
    element = {"price_components": [{"type": "ENERGY", "price": 8888, "step_size": 1}]}
    body = httpx.Request("PUT", tariff.url, json={**tariff.value, "elements": [element]}).content
    content = body.replace(b"8888", digits.encode())
    succeeded(tariff.partner.call("PUT", tariff.url, content=content), 201)
    written = re.findall(r'"price":([^,}]*)', tariff.get().text)
    assert [each.replace("E+", "e") for each in written] == [digits]


@pytest.mark.req("TF-72")
@pytest.mark.parametrize("price", ["0.25", True, None, [1]])
def test_a_number_as_anything_else_is_refused(tariff: Pushed, price: Any) -> None:
    element = {"price_components": [{"type": "ENERGY", "price": price, "step_size": 1}]}
    assert "/elements/0/price_components/0/price" in refused(tariff.put(elements=[element]), 200, 2001)


@pytest.mark.req("TF-73", "TF-74", "TF-75", "TF-76")
@pytest.mark.parametrize(
    ("sent", "emitted"),
    [
        ("2024-03-05T10:11:12Z", "2024-03-05T10:11:12Z"),
        ("2024-03-05T10:11:12", "2024-03-05T10:11:12Z"),
        ("2024-03-05T10:11:12.987Z", "2024-03-05T10:11:12Z"),
        ("2024-03-05T10:11:12.5", "2024-03-05T10:11:12Z"),
        ("2024-03-05T10:11:12+02:00", "2024-03-05T08:11:12Z"),
        ("2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00Z"),
        ("2024-03-05T10:11:12.123456-05:30", "2024-03-05T15:41:12Z"),
        ("2024-03-05T10:11:12+00:00", "2024-03-05T10:11:12Z"),
    ],
)
def test_times_come_in_several_forms_and_go_out_in_one(token: Pushed, sent: str, emitted: str) -> None:
    succeeded(token.put(last_updated=sent), 201)
    assert token.stored()["last_updated"] == emitted
    assert DATE_TIME.fullmatch(emitted)


@pytest.mark.req("TF-76", "SC-03")
@pytest.mark.parametrize(
    "sent",
    ["yesterday", "", "2024-03-05", "2024-02-30T00:00:00Z", "2024-03-05 10:11:12Z", "2024-03-05T25:00:00Z", 1709633472],
)
def test_what_is_no_time_is_refused(token: Pushed, sent: Any) -> None:
    assert "/last_updated" in refused(token.put(last_updated=sent), 200, 2001)


@pytest.mark.req("TF-77", "SC-03")
@pytest.mark.parametrize("word", ["always", "Always", "ALWAYS ", "SOMETIMES", ""])
def test_enums_are_compared_with_case(token: Pushed, word: str) -> None:
    assert "/whitelist" in refused(token.put(whitelist=word), 200, 2001)


@pytest.mark.req("TF-78")
@pytest.mark.parametrize(("field", "length"), [("auth_id", 36), ("issuer", 64), ("visual_number", 64), ("language", 2)])
def test_lengths_are_enforced(token: Pushed, field: str, length: int) -> None:
    assert f"/{field}" in refused(token.put(**{field: "x" * (length + 1)}), 200, 2001)
    refused(token.get(), 404, 2001)
    succeeded(token.put(**{field: "de" if length == 2 else "x" * length}), 201)


@pytest.mark.req("TF-78")
def test_the_longest_id_is_taken_and_a_longer_one_is_not(cpo: PlayedPartner) -> None:
    succeeded(Pushed(cpo, "locations", "location_min", "i" * 39).put(), 201)
    assert "/id" in refused(Pushed(cpo, "locations", "location_min", "i" * 40).put(), 200, 2001)


@pytest.mark.req("TF-79")
@pytest.mark.parametrize("letter", ["é", "漢", "😀"])
def test_lengths_count_code_points(location: Pushed, letter: str) -> None:
    assert "/name" in refused(location.put(name=letter * 256), 200, 2001)
    succeeded(location.put(name=letter * 255), 201)
    assert location.stored()["name"] == letter * 255
