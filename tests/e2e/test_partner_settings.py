"""Settings that absorb a partner's habits, each with a partner that needs it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.ids import fresh_id
from tests.support.keeping_partner import MISSING, SECONDS, KeepingPartner, in_base64, keeping_partner
from tests.support.partner_server import Reply, wait_until
from tests.support.party import Operator, fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.keeping_partner import Push

NULL_FIELDS = {
    "locations": ("location_min", ("name", "images", "evses")),
    "sessions": ("session_min", ("end_datetime", "total_cost")),
    "cdrs": ("cdr_min", ("remark", "total_parking_time")),
    "tariffs": ("tariff_free", ("tariff_alt_url", "energy_mix")),
    "tokens": ("token_min", ("visual_number", "language")),
}


@pytest.fixture
def keeping_cpo(operator: Operator) -> Iterator[KeepingPartner]:
    """As ``keeping``, a CPO."""
    with keeping_partner(operator, "CPO") as partner:
        yield partner.joined()


def put(operator: Operator, module: str, partner: KeepingPartner, example: str, **changes: Any) -> str:
    identity = "uid" if module == "tokens" else "id"
    value = fixture(example, **{identity: fresh_id("X"), **changes})
    query = {"partner": partner.partner_id} if module in ("sessions", "cdrs") else {}
    answer = operator.put(f"/2.1.1/{module}/{value[identity]}", json=value, params=query)
    assert answer.status_code in (200, 201), answer.text
    return str(value[identity])


def put_location(operator: Operator, **changes: Any) -> str:
    value = fixture("location_min", **{"id": fresh_id("L"), "evses": [fixture("evse_min", uid="E-1")], **changes})
    assert operator.put_object("locations", value).status_code in (200, 201)
    return str(value["id"])


def set_status(operator: Operator, name: str, status: str) -> None:
    answer = operator.patch(f"/2.1.1/locations/{name}/evses/E-1", json={"status": status})
    assert answer.status_code == 200, answer.text


def raw_paths(partner: KeepingPartner, name: str) -> list[str]:
    return [push.request.path for push in partner.about(name)]


def slashed(wanted: bool, otherwise: Callable[[Push], Reply]) -> Callable[[Push], Reply | None]:
    """A partner that knows its URLs only with (or without) a slash at the end."""
    return lambda push: None if push.request.path.endswith("/") is wanted else otherwise(push)


def test_a_partner_that_takes_the_token_in_base64_only_gets_it_so(operator: Operator, keeping: KeepingPartner) -> None:
    keeping.accepted = {in_base64(keeping.issued)}
    keeping.set(token_encoding="base64")
    name = put_location(operator)
    keeping.wait_for(name)
    keeping.wait_in_sync()
    assert [push.request.headers["authorization"] for push in keeping.about(name)] == [in_base64(keeping.issued)]


def test_base64_is_learned_from_the_first_refusal_and_remembered(operator: Operator, keeping: KeepingPartner) -> None:
    keeping.accepted = {in_base64(keeping.issued)}
    first = put_location(operator)
    keeping.wait_for(first, 2)
    keeping.wait_in_sync()
    plain = f"Token {keeping.issued}"
    assert [each.request.headers["authorization"] for each in keeping.about(first)] == [
        plain,
        next(iter(keeping.accepted)),
    ]
    second = put_location(operator)
    keeping.wait_for(second)
    keeping.wait_in_sync()
    assert {each.request.headers["authorization"] for each in keeping.about(second)} == keeping.accepted
    assert len(keeping.about(second)) == 1
    # What was learned is no setting: the operator still leaves it to us.
    assert operator.get(keeping.at).json()["settings"]["token_encoding"] == "auto"

    keeping.accepted = {plain}
    third = put_location(operator)
    keeping.wait_for(third, 2)
    keeping.wait_in_sync()
    assert [each.request.headers["authorization"] for each in keeping.about(third)] == [
        in_base64(keeping.issued),
        plain,
    ]


def test_a_setting_plain_is_not_tried_otherwise(operator: Operator, keeping: KeepingPartner) -> None:
    keeping.accepted = {in_base64(keeping.issued)}
    keeping.set(token_encoding="plain")
    name = put_location(operator)
    keeping.wait_for(name)
    wait_until(lambda: keeping.delivery(name)["http_status"] == 401, SECONDS)
    assert {push.request.headers["authorization"] for push in keeping.pushes} == {f"Token {keeping.issued}"}
    keeping.set(token_encoding="base64")
    keeping.wait_in_sync()


@pytest.mark.parametrize("module", NULL_FIELDS)
def test_absent_optional_fields_go_out_as_null_where_the_partner_wants_it(
    operator: Operator, keeping: KeepingPartner, keeping_cpo: KeepingPartner, module: str
) -> None:
    partner = keeping_cpo if module == "tokens" else keeping
    example, absent = NULL_FIELDS[module]
    for nulls in (False, True):
        partner.set(explicit_nulls=nulls)
        name = put(operator, module, partner, example, **dict.fromkeys(absent, ...))
        (push,) = partner.wait_for(name)
        expected: Any = None if nulls else "absent"
        assert {field: push.body.get(field, "absent") for field in absent} == dict.fromkeys(absent, expected)


@pytest.mark.parametrize("nulls", [True, False])
def test_a_field_that_is_cleared_reaches_the_partner(operator: Operator, keeping: KeepingPartner, nulls: bool) -> None:
    keeping.set(explicit_nulls=nulls)
    name = put_location(operator, name="To be cleared")
    keeping.wait_for(name)
    keeping.wait_in_sync()
    assert operator.patch(f"/2.1.1/locations/{name}", json={"name": None}).status_code == 200
    push = keeping.wait_for(name, 2)[1]
    assert push.method == ("PATCH" if nulls else "PUT")
    assert ("name" in push.body, push.body.get("name")) == (nulls, None)
    keeping.wait_in_sync()
    assert keeping.held("locations", name).get("name") is None


@pytest.mark.parametrize(("setting", "wanted"), [("add", True), ("strip", False)])
def test_urls_end_with_a_slash_or_not_as_the_setting_says(
    operator: Operator, keeping: KeepingPartner, setting: str, wanted: bool
) -> None:
    keeping.spoil = slashed(wanted, lambda _: MISSING)
    keeping.set(trailing_slash=setting)
    name, cdr = put_location(operator), put(operator, "cdrs", keeping, "cdr_min")
    keeping.wait_for(name)
    set_status(operator, name, "CHARGING")
    keeping.wait_for(name, 2)
    keeping.wait_for(cdr)
    keeping.wait_in_sync()
    paths = [push.request.path for push in keeping.pushes]
    assert len(paths) == 3
    assert {path.endswith("/") for path in paths} == {wanted}
    assert not any("//" in path for path in paths)


@pytest.mark.parametrize(
    "otherwise",
    [
        lambda push: Reply(307, headers={"Location": f"{push.request.path}/"}),
        lambda push: Reply(301, headers={"Location": f"{push.request.path}/"}),
        lambda push: Reply(404, b"<html>", {"Content-Type": "text/html"}),
        lambda push: Reply(405),
    ],
    ids=["307", "301", "404", "405"],
)
def test_a_slash_that_the_partner_needs_is_learned_and_remembered(
    operator: Operator, keeping: KeepingPartner, otherwise: Callable[[Push], Reply]
) -> None:
    keeping.spoil = slashed(True, otherwise)
    first = put_location(operator)
    keeping.wait_for(first, 2)
    keeping.wait_in_sync()
    path = f"/emsp/2.1.1/locations/NL/EXA/{first}"
    assert raw_paths(keeping, first) == [path, f"{path}/"]
    second, cdr = put_location(operator), put(operator, "cdrs", keeping, "cdr_min")
    keeping.wait_for(second)
    keeping.wait_for(cdr)
    keeping.wait_in_sync()
    assert raw_paths(keeping, second) == [f"/emsp/2.1.1/locations/NL/EXA/{second}/"]
    assert raw_paths(keeping, cdr) == ["/emsp/2.1.1/cdrs/"]
    assert len(keeping.posted) == 1


def test_a_module_that_is_switched_off_gets_nothing_and_on_again_what_it_missed(
    operator: Operator, keeping: KeepingPartner
) -> None:
    known, dropped = put_location(operator), put(operator, "tariffs", keeping, "tariff_free")
    keeping.wait_for(known)
    keeping.wait_for(dropped)
    keeping.wait_in_sync()
    keeping.set(push={"locations": False, "cdrs": False, "tariffs": False})
    for status in ("CHARGING", "BLOCKED"):
        set_status(operator, known, status)
    new, cdr = put_location(operator), put(operator, "cdrs", keeping, "cdr_min")
    assert operator.delete(f"/2.1.1/tariffs/{dropped}").status_code == 204
    session = put(operator, "sessions", keeping, "session_min")
    keeping.wait_for(session)
    wait_until(lambda: keeping.behind == 4, SECONDS)
    assert keeping.retry() == 0
    assert keeping.retry(all=False) == 0
    time.sleep(0.5)
    assert [len(keeping.about(name)) for name in (known, new, cdr, dropped)] == [1, 0, 0, 1]
    assert operator.get(keeping.at).json()["settings"]["push"] == {
        "locations": False,
        "sessions": True,
        "cdrs": False,
        "tariffs": False,
        "tokens": True,
    }
    keeping.set(push={"locations": True})
    keeping.wait_for(new)
    wait_until(lambda: keeping.behind == 2, SECONDS)
    keeping.set(push={"cdrs": True, "tariffs": True})
    keeping.wait_in_sync()
    assert [push.method for push in keeping.about(known)] == ["PUT", "PATCH"]
    assert keeping.held("locations", known)["evses"][0]["status"] == "BLOCKED"
    assert len(keeping.about(new)) == 1
    assert [push.said for push in keeping.about(cdr)] == ["POST cdrs"]
    assert keeping.said(dropped)[-1] == f"DELETE tariffs/NL/EXA/{dropped}"


def test_a_partner_that_knows_no_patch_gets_whole_objects(operator: Operator, keeping: KeepingPartner) -> None:
    keeping.spoil = lambda push: Reply.ocpi(status=405, status_code=2000) if push.method == "PATCH" else None
    keeping.set(patch=False)
    name = put_location(operator)
    keeping.wait_for(name)
    set_status(operator, name, "CHARGING")
    pushes = keeping.wait_for(name, 2)
    keeping.wait_in_sync()
    assert [push.said for push in pushes] == [f"PUT locations/NL/EXA/{name}"] * 2
    assert pushes[1].body == operator.get(f"/2.1.1/locations/{name}").json()


@pytest.mark.parametrize("limit", [30, 60])
def test_no_more_requests_go_out_than_the_limit_of_a_minute_lets_through(
    operator: Operator, keeping: KeepingPartner, limit: int
) -> None:
    keeping.set(requests_per_minute=limit)
    for _ in range(limit):
        put_location(operator)
    burst = limit // 4
    wait_until(lambda: len(keeping.pushes) >= burst, SECONDS)
    time.sleep(4)
    times = [push.at for push in keeping.pushes]
    interval = 60 / (limit - burst)
    assert len(times) >= burst + 1
    assert len(times) <= burst + (times[-1] - times[0]) / interval + 1
    assert keeping.behind >= limit - len(times) - 1


def test_one_request_a_minute_means_one(operator: Operator, keeping: KeepingPartner) -> None:
    keeping.set(requests_per_minute=1)
    for _ in range(3):
        put_location(operator)
    wait_until(lambda: keeping.behind == 2, SECONDS)
    time.sleep(1)
    assert len(keeping.pushes) == 1
