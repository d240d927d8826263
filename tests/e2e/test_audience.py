"""Whose our sessions and CDRs are: the eMSP's whose token they name, or that the operator names."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of, ended, problem
from tests.support.ids import fresh_id, in_url
from tests.support.lists import listed
from tests.support.party import PlayedPartner, fixture
from tests.support.upkeep import deployment_over, let_time_pass, run_upkeep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.support.gateway import Gateway
    from tests.support.party import Operator

BASES = {"sessions": "session_max", "cdrs": "cdr_max"}
OLD, NEW, NEWEST = "2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z", "2024-12-01T00:00:00Z"
NUMBERS = count(1)

both = pytest.mark.parametrize("module", BASES)


@pytest.fixture
def auth_id() -> str:
    """An ``auth_id`` that no token has yet."""
    return f"NL-EXM-C{next(NUMBERS):08}-A"


@pytest.fixture(scope="module")
def other(operator: Operator) -> Iterator[PlayedPartner]:
    """A second eMSP."""
    with PlayedPartner("EMSP", "NL", "OTH", token="token-b-of-the-other") as partner:
        partner.register(operator.invite("EMSP"))
        yield partner


def give(emsp: PlayedPartner, auth_id: str, **changes: Any) -> dict[str, Any]:
    """Let a partner give us a token."""
    token = fixture("token_max", **{"uid": fresh_id("U"), "auth_id": auth_id, **changes})
    ended(emsp.put(emsp.own_url("tokens", token["uid"]), token), 201, 1000)
    return token


def example(module: str, auth_id: str, **changes: Any) -> dict[str, Any]:
    return fixture(BASES[module], **{"id": fresh_id("O"), "auth_id": auth_id, **changes})


def put(operator: Operator, module: str, value: dict[str, Any], **query: Any) -> httpx.Response:
    return operator.put(f"/2.1.1/{module}/{in_url(value['id'])}", json=value, params=query)


def audience(operator: Operator, module: str, value: dict[str, Any]) -> str | None:
    """As the operator sees it, by writing the same again."""
    answer = put(operator, module, value)
    assert answer.status_code == 200, answer.text
    found: str | None = answer.json()["audience"]
    return found


def made(operator: Operator, module: str, auth_id: str, /, **changes: Any) -> tuple[dict[str, Any], str | None]:
    """A new object of ours, and its audience."""
    answer = put(operator, module, example(module, auth_id, **changes))
    assert answer.status_code == 201, answer.text
    return answer.json()["object"], answer.json()["audience"]


def sees(emsp: PlayedPartner, module: str, value: dict[str, Any]) -> bool:
    """Whether an object is in the list of a partner; it must be there just once, and be counted."""
    found = listed(emsp, module)
    times = found.count(value)
    assert times <= 1
    assert times == [each["id"] for each in found].count(value["id"])
    return bool(times)


# Found by the token


@pytest.mark.req("SES-05", "SES-29", "CDR-02")
@both
@pytest.mark.parametrize("spelled", [str.upper, str.lower, str])
def test_an_object_is_the_partners_whose_token_it_names_in_whatever_case(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, auth_id: str, module: str, spelled: Any
) -> None:
    give(emsp, auth_id)
    value, whose = made(operator, module, spelled(auth_id))
    assert whose == emsp.partner_id
    assert value["auth_id"] == spelled(auth_id)
    assert (sees(emsp, module, value), sees(other, module, value)) == (True, False)


@pytest.mark.req("SES-29")
def test_the_uid_of_a_token_does_not_say_whose_an_object_is(operator: Operator, emsp: PlayedPartner) -> None:
    token = give(emsp, "NL-EXM-CUID", uid="UID-ONLY")
    assert made(operator, "sessions", token["uid"])[1] is None


@both
def test_what_our_own_customers_did_is_no_partners(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, auth_id: str, module: str
) -> None:
    give(emsp, auth_id)
    assert operator.put_object("tokens", fixture("token_max", uid=fresh_id("U"), auth_id=auth_id)).status_code == 201
    value, whose = made(operator, module, auth_id)
    assert whose is None
    give(other, auth_id.lower())
    assert audience(operator, module, value) is None
    assert (sees(emsp, module, value), sees(other, module, value)) == (False, False)


@both
@pytest.mark.parametrize("changes", [{"last_updated": OLD}, {"last_updated": NEWEST, "valid": False}])
def test_of_two_partners_that_gave_a_token_the_first_one_counts(
    operator: Operator,
    emsp: PlayedPartner,
    other: PlayedPartner,
    auth_id: str,
    module: str,
    changes: dict[str, Any],
) -> None:
    give(emsp, auth_id.lower(), **changes)
    give(other, auth_id, last_updated=NEW)
    value, whose = made(operator, module, auth_id)
    assert whose == emsp.partner_id
    assert (sees(emsp, module, value), sees(other, module, value)) == (True, False)


# Said by the operator


@both
def test_the_operator_may_say_whose_an_object_is(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, auth_id: str, module: str
) -> None:
    give(other, auth_id)
    value = example(module, auth_id)
    answer = put(operator, module, value, partner=emsp.partner_id)
    assert (answer.status_code, answer.json()["audience"]) == (201, emsp.partner_id)
    assert (sees(emsp, module, value), sees(other, module, value)) == (True, False)


@both
def test_whose_an_object_is_is_settled_once(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, auth_id: str, module: str
) -> None:
    value, _ = made(operator, module, auth_id)
    assert put(operator, module, value, partner=emsp.partner_id).json()["audience"] == emsp.partner_id
    problem(put(operator, module, value, partner=other.partner_id), 409)
    problem(operator.patch(f"/2.1.1/{module}/{value['id']}", json={}, params={"partner": other.partner_id}), 409)
    give(other, auth_id)
    assert put(operator, module, value, partner=emsp.partner_id).status_code == 200
    assert audience(operator, module, value) == emsp.partner_id
    assert (sees(emsp, module, value), sees(other, module, value)) == (True, False)


def test_another_token_in_a_session_does_not_make_it_anothers(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, auth_id: str
) -> None:
    give(emsp, auth_id)
    give(other, f"{auth_id}2")
    session, _ = made(operator, "sessions", auth_id, status="ACTIVE")
    answer = operator.patch(f"/2.1.1/sessions/{session['id']}", json={"auth_id": f"{auth_id}2"})
    assert (answer.status_code, answer.json()["audience"]) == (200, emsp.partner_id)
    assert not sees(other, "sessions", answer.json()["object"])


@both
@pytest.mark.parametrize("wrong", ["", "nobody", "*", "DE-EMS", "the CPO", "invited"])
def test_a_partner_that_cannot_be_the_one_is_refused(
    operator: Operator, cpo: PlayedPartner, auth_id: str, module: str, wrong: str
) -> None:
    known = {"the CPO": cpo.partner_id, "invited": operator.invite("EMSP").partner_id}
    value = example(module, auth_id)
    document = problem(put(operator, module, value, partner=known.get(wrong, wrong)), 400)
    assert "partner" in document["detail"]
    problem(operator.get(f"/2.1.1/{module}/{value['id']}"), 404)


def test_what_is_for_everybody_is_for_no_single_partner(operator: Operator, emsp: PlayedPartner) -> None:
    location = fixture("location_min", id=fresh_id("L"))
    problem(put(operator, "locations", location, partner=emsp.partner_id), 400)
    assert put(operator, "locations", location).json()["audience"] == "*"


# Not known yet


@both
@pytest.mark.parametrize("by", ["PUT", "PATCH"])
def test_an_object_waits_for_its_token_and_is_nobodys_until_then(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, auth_id: str, module: str, by: str
) -> None:
    value, whose = made(operator, module, auth_id)
    assert whose is None
    assert audience(operator, module, value) is None
    assert (sees(emsp, module, value), sees(other, module, value)) == (False, False)
    if by == "PUT":
        give(emsp, auth_id.lower())
    else:
        token = give(emsp, f"{auth_id}-old")
        ended(emsp.patch(emsp.own_url("tokens", token["uid"]), {"auth_id": auth_id}), 200, 1000)
    assert (sees(emsp, module, value), sees(other, module, value)) == (True, False)
    assert audience(operator, module, value) == emsp.partner_id


@both
def test_many_objects_wait_for_one_token(operator: Operator, emsp: PlayedPartner, auth_id: str, module: str) -> None:
    values = [made(operator, module, auth_id)[0] for _ in range(30)]
    give(emsp, auth_id)
    assert all(sees(emsp, module, value) for value in values)


@pytest.mark.req("TF-40", "TF-42", "CDR-02")
def test_cdrs_that_find_their_audience_while_it_crawls_come_at_the_end_of_its_crawl(
    operator: Operator, stranger: PlayedPartner, auth_id: str
) -> None:
    stranger.register(operator.invite("EMSP"))
    waiting = [made(operator, "cdrs", auth_id)[0]["id"] for _ in range(3)]
    give(stranger, f"{auth_id}-2")
    known = [made(operator, "cdrs", f"{auth_id}-2")[0]["id"] for _ in range(3)]
    page = stranger.get(stranger.endpoint("cdrs"), params={"limit": 2})
    seen = [each["id"] for each in data_of(page)]
    assert (seen, page.headers["X-Total-Count"]) == (known[:2], "3")

    give(stranger, auth_id)
    while "Link" in page.headers:
        page = stranger.get(page.headers["Link"].partition(">")[0].removeprefix("<"))
        assert page.headers["X-Total-Count"] == "6"
        seen += [each["id"] for each in data_of(page)]
    assert seen[:3] == known
    assert sorted(seen[3:]) == sorted(waiting)
    assert operator.delete(f"/partners/{stranger.partner_id}?force=true").status_code == 204


@both
def test_what_waited_does_not_change_when_it_finds_its_audience(
    operator: Operator, emsp: PlayedPartner, auth_id: str, module: str
) -> None:
    value, _ = made(operator, module, auth_id)
    give(emsp, auth_id)
    assert operator.get(f"/2.1.1/{module}/{value['id']}").json() == value
    assert sees(emsp, module, value)


# Final states, findings and times, as the operator sees them


@pytest.mark.req("SES-21", "SES-22")
@pytest.mark.parametrize("status", ["COMPLETED", "INVALID"])
def test_a_session_of_ours_that_has_ended_can_be_repeated_and_not_changed(
    operator: Operator, emsp: PlayedPartner, auth_id: str, status: str
) -> None:
    give(emsp, auth_id)
    session, _ = made(operator, "sessions", auth_id, status=status)
    path = f"/2.1.1/sessions/{session['id']}"
    assert operator.put(path, json=session).status_code == 200
    assert operator.patch(path, json={"status": status}).status_code == 200
    for change in ({"kwh": 1}, {"status": "ACTIVE"}, {"last_updated": "2030-01-01T00:00:00Z"}):
        assert status in problem(operator.put(path, json=session | change), 409)["detail"]
        problem(operator.patch(path, json=change), 409)
    problem(operator.delete(path), 405)
    assert operator.get(path).json() == session
    assert sees(emsp, "sessions", session)


def parts_of(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a value."""
    if isinstance(value, dict):
        yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts_of(member)


@both
@pytest.mark.parametrize("top", [{"last_updated": NEW}, {}])
def test_times_that_are_left_out_inside_are_the_objects_own(
    operator: Operator, auth_id: str, module: str, top: dict[str, str]
) -> None:
    whole, bare = example(module, auth_id), example(module, auth_id)
    timed = [part for part in parts_of(bare) if part.pop("last_updated", None)]
    answer = put(operator, module, bare | top | {"id": whole["id"]})
    assert answer.status_code == 201, answer.text
    value = answer.json()["object"]
    times = [part["last_updated"] for part in parts_of(value) if "last_updated" in part]
    assert times == [value["last_updated"]] * len(timed)
    assert top.items() <= value.items()
    again = put(operator, module, bare | top | {"id": whole["id"]})
    assert (again.status_code, again.json()["object"]) == (200, value)
    assert again.headers["ETag"] == answer.headers["ETag"]
    for part in parts_of(whole):
        if "last_updated" in part:
            part["last_updated"] = value["last_updated"]
    assert value == whole


def test_periods_are_merged_by_their_start(operator: Operator, auth_id: str) -> None:
    session, _ = made(operator, "sessions", auth_id, status="ACTIVE")
    first, second = session["charging_periods"]
    third = {"start_date_time": "2024-03-05T09:50:00Z", "dimensions": [{"type": "PARKING_TIME", "volume": 0.1}]}
    changed = second | {"dimensions": [{"type": "PARKING_TIME", "volume": 0.08}]}
    answer = operator.patch(f"/2.1.1/sessions/{session['id']}", json={"charging_periods": [third, changed]})
    assert answer.json()["object"]["charging_periods"] == [first, changed, third]


def test_what_does_not_fit_is_a_warning_and_what_is_not_valid_is_refused(operator: Operator, auth_id: str) -> None:
    answer = put(operator, "sessions", example("sessions", auth_id, kwh=41000))
    assert answer.status_code == 201
    assert any(warning.startswith("/kwh: ") for warning in answer.json()["warnings"])
    for module in BASES:
        document = problem(put(operator, module, example(module, auth_id, currency="XXZ")), 422)
        assert [error["pointer"] for error in document["errors"]] == ["/currency"]


# Many at once


@both
def test_bulk_finds_the_audience_of_each_line_and_stops_at_none(
    operator: Operator, emsp: PlayedPartner, other: PlayedPartner, auth_id: str, module: str
) -> None:
    give(emsp, auth_id)
    give(other, f"{auth_id}-2")
    mine, theirs, nobodys = (example(module, f"{auth_id}{end}") for end in ("", "-2", "-3"))
    values = [mine, theirs, {"id": "X"}, nobodys, mine, mine | {"currency": "SEK"}]
    answer = bulk(operator, module, values)
    assert [line["outcome"] for line in answer] == ["created"] * 2 + ["refused", "created", "unchanged", "refused"]
    assert [line["problem"]["status"] for line in answer if line["outcome"] == "refused"] == [422, 409]
    assert [[sees(each, module, value) for value in (mine, theirs, nobodys)] for each in (emsp, other)] == [
        [True, False, False],
        [False, True, False],
    ]
    given = bulk(operator, module, [nobodys, theirs], partner=emsp.partner_id)
    assert [line["outcome"] for line in given] == ["updated", "refused"]
    assert given[1]["problem"]["status"] == 409
    assert [sees(emsp, module, value) for value in (mine, theirs, nobodys)] == [True, False, True]


def bulk(operator: Operator, module: str, values: list[dict[str, Any]], **query: Any) -> list[dict[str, Any]]:
    lines = "\n".join(map(json.dumps, values))
    headers = {"Content-Type": "application/x-ndjson"}
    answer = operator.post(f"/2.1.1/{module}/bulk", content=lines, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def file(shared_gateway: Gateway) -> Path:
    """Where the gateway keeps its objects."""
    return shared_gateway.data / "ocpi.db"


def test_a_token_that_comes_at_the_same_time_as_its_session_and_cdr_is_not_missed(
    operator: Operator,
    emsp: PlayedPartner,
    other: PlayedPartner,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = [f"RACE-{number}" for number in range(40)]

    def write(name: str) -> list[dict[str, Any]]:
        return [example(module, name, id=name) for module in BASES]

    with ThreadPoolExecutor(6) as pool:
        writes: list[Any] = []
        for name in rounds:
            for module, value in zip(BASES, write(name), strict=True):
                writes.append(pool.submit(put, operator, module, value))
            writes.append(pool.submit(give, emsp, name.lower(), uid=name))
        for each in writes:
            each.result()
    let_time_pass(file)
    with deployment_over(file, monkeypatch):
        run_upkeep()
    for name in rounds:
        for module, value in zip(BASES, write(name), strict=True):
            assert sees(emsp, module, value), (module, name)
            assert not sees(other, module, value)


@pytest.mark.req("SES-24")
def test_a_session_that_stays_pending_becomes_invalid_and_its_partner_sees_that(
    operator: Operator, emsp: PlayedPartner, auth_id: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(emsp, auth_id)
    pending, _ = made(operator, "sessions", auth_id, status="PENDING", last_updated=OLD)
    began, _ = made(operator, "sessions", auth_id, status="PENDING")
    assert operator.patch(f"/2.1.1/sessions/{began['id']}", json={"status": "ACTIVE"}).status_code == 200
    with deployment_over(file, monkeypatch):
        run_upkeep()
        assert operator.get(f"/2.1.1/sessions/{pending['id']}").json() == pending
        let_time_pass(file, pending["id"])
        let_time_pass(file, began["id"])
        assert run_upkeep() == 1
    ended_session = operator.get(f"/2.1.1/sessions/{pending['id']}").json()
    assert ended_session == pending | {"status": "INVALID", "last_updated": ended_session["last_updated"]}
    assert ended_session["last_updated"] > NEWEST
    assert sees(emsp, "sessions", ended_session)
    problem(operator.patch(f"/2.1.1/sessions/{pending['id']}", json={"status": "ACTIVE"}), 409)
    assert operator.get(f"/2.1.1/sessions/{began['id']}").json()["status"] == "ACTIVE"
