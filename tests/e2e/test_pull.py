"""Pulling over the network, from partners that keep to the book and partners that do not."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from tests.support.answers import problem
from tests.support.ids import fresh_id
from tests.support.partner_server import Received, Reply
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TARIFFS = "/cpo/2.1.1/tariffs"
SECONDS = 60.0


@pytest.fixture
def partner(operator: Operator) -> Iterator[PlayedPartner]:
    """A registered CPO that no other test has, with nothing to pull."""
    with PlayedPartner("CPO", "FR", fresh_id("P").replace("-", "0")[-3:].rjust(3, "P")) as cpo:
        cpo.register(operator.invite("CPO"))
        for module in ("tariffs", "locations", "sessions", "cdrs"):
            cpo.server.on("GET", f"/cpo/2.1.1/{module}", Reply.ocpi([]))
        yield cpo


def tariffs(*ids: str) -> list[dict[str, Any]]:
    return [fixture("tariff_free", id=identity) for identity in ids]


def start(operator: Operator, partner: PlayedPartner, *modules: str, full: bool = True) -> dict[str, Any]:
    """Start a sync; another one may be going on, which upkeep started."""
    url, deadline = f"/partners/{partner.partner_id}/sync", time.monotonic() + SECONDS
    while True:
        answer = operator.post(url, json={"modules": list(modules), "full": full})
        if answer.status_code == 202:
            break
        assert answer.status_code == 409
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    started: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/operator/partners/{partner.partner_id}/syncs/{started['id']}"
    return started


def ended(operator: Operator, partner: PlayedPartner, sync_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        sync: dict[str, Any] = operator.get(f"/partners/{partner.partner_id}/syncs/{sync_id}").json()
        if sync["state"] != "running":
            return sync
        time.sleep(0.05)
    raise AssertionError(f"the sync did not end: {sync}")


def pull(operator: Operator, partner: PlayedPartner, module: str = "tariffs", *, full: bool = True) -> dict[str, Any]:
    """How the sync of one module ends."""
    sync = ended(operator, partner, start(operator, partner, module, full=full)["id"])
    result: dict[str, Any] = sync["modules"][module]
    return result


def received(operator: Operator, partner: PlayedPartner, module: str = "tariffs") -> list[str]:
    """The ids of what we have of the partner."""
    items = operator.get(f"/partners/{partner.partner_id}/{module}").json()["items"]
    return sorted(item["id"] for item in items)


def paged(objects: list[Any], size: int, **extra: str) -> Callable[[Received], Reply]:
    """Answers by the book, in pages of a size."""

    def page(request: Received) -> Reply:
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        offset = int(query.get("offset", 0))
        headers = {"X-Total-Count": str(len(objects)), "X-Limit": str(size), **extra}
        if offset + size < len(objects):
            url = f"http://{request.headers['host']}{request.path}?offset={offset + size}&limit={size}"
            headers["Link"] = f'<{url}>; rel="next"'
        return Reply.ocpi(objects[offset : offset + size], headers=headers)

    return page


@pytest.mark.req("TF-49", "TAR-22")
def test_tariffs_are_pulled_page_by_page_and_replaced(operator: Operator, partner: PlayedPartner) -> None:
    partner.server.on("GET", TARIFFS, paged(tariffs("T1", "T2", "T3"), 2))
    first = pull(operator, partner)
    assert {name: first[name] for name in ("received", "stored", "unchanged", "skipped", "complete", "errors")} == {
        "received": 3,
        "stored": 3,
        "unchanged": 0,
        "skipped": 0,
        "complete": True,
        "errors": [],
    }
    partner.server.on("GET", TARIFFS, paged(tariffs("T1", "T3"), 2))
    assert pull(operator, partner)["unchanged"] == 2
    assert received(operator, partner) == ["T1", "T3"]
    assert operator.get(f"/partners/{partner.partner_id}").json()["last_synced_at"] is not None
    assert partner.server.received("GET", TARIFFS)[0].headers["authorization"] == f"Token {partner.issued}"


@pytest.mark.req("TF-52")
def test_a_bad_object_in_a_page_is_skipped_counted_and_reported(operator: Operator, partner: PlayedPartner) -> None:
    partner.server.on("GET", TARIFFS, Reply.ocpi([*tariffs("G1"), {"id": "BAD"}, *tariffs("G2", "G2")]))
    result = pull(operator, partner)
    assert (result["received"], result["stored"], result["unchanged"], result["skipped"]) == (4, 2, 1, 1)
    assert result["errors"][0]["object_id"] == "BAD"
    assert received(operator, partner) == ["G1", "G2"]


@pytest.mark.req("TF-50")
@pytest.mark.parametrize("headers", [{}, {"Link": ""}, {"Link": '<http://x.example/>; rel="prev"'}])
def test_a_page_without_next_is_the_last(operator: Operator, partner: PlayedPartner, headers: dict[str, str]) -> None:
    partner.server.on("GET", TARIFFS, Reply.ocpi(tariffs("T1"), headers=headers))
    assert pull(operator, partner)["complete"] is True


@pytest.mark.parametrize(
    ("link", "stored", "complete"),
    [
        ("</cpo/2.1.1/tariffs?offset=1>; rel=next", 2, True),
        (f'<http://127.0.0.1:1{TARIFFS}>; rel="next"', 1, False),
        ("this is no link", 1, False),
    ],
)
def test_a_link_that_is_relative_is_followed_and_one_elsewhere_or_malformed_is_not(
    operator: Operator, partner: PlayedPartner, link: str, stored: int, complete: bool
) -> None:
    def page(request: Received) -> Reply:
        if "offset=1" in request.query:
            return Reply.ocpi(tariffs("T2"))
        return Reply.ocpi(tariffs("T1"), headers={"Link": link})

    partner.server.on("GET", TARIFFS, page)
    result = pull(operator, partner)
    assert (result["stored"], result["complete"], bool(result["errors"])) == (stored, complete, not complete)


def test_a_loop_of_links_ends(operator: Operator, partner: PlayedPartner) -> None:
    loop = {"Link": f'<{partner.server.url}{TARIFFS}?again>; rel="next"'}
    partner.server.on("GET", TARIFFS, Reply.ocpi(tariffs("T1"), headers=loop))
    result = pull(operator, partner)
    assert (result["stored"], result["complete"]) == (1, False)
    assert len(partner.server.received("GET", TARIFFS)) < 6


@pytest.mark.req("TF-51")
def test_a_total_that_falls_makes_the_page_be_fetched_again(operator: Operator, partner: PlayedPartner) -> None:
    rows = tariffs(*(f"T{n}" for n in range(6)))

    def page(request: Received) -> Reply:
        if "offset=2" in request.query and len(rows) == 6:
            rows.pop(0)
        return paged(rows, 2)(request)

    partner.server.on("GET", TARIFFS, page)
    assert pull(operator, partner)["complete"] is True
    assert any("offset=1" in request.query for request in partner.server.received("GET", TARIFFS))
    assert set(received(operator, partner)) >= {f"T{n}" for n in range(1, 6)}


@pytest.mark.parametrize(
    "failure",
    [
        Reply.ocpi(status=503),
        Reply.ocpi(status_code=2002),
        Reply(raw=[b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"]),
        Reply(body=b'{"status_code": 1000, "data": [{'),
    ],
)
def test_a_page_that_fails_once_is_fetched_again(operator: Operator, partner: PlayedPartner, failure: Reply) -> None:
    pull(operator, partner)  # so that no other sync meets the failure
    partner.server.on("GET", TARIFFS, failure, Reply.ocpi(tariffs("T1")))
    result = pull(operator, partner)
    assert (result["stored"], result["complete"]) == (1, True)


def test_a_module_that_fails_does_not_stop_the_others(operator: Operator, partner: PlayedPartner) -> None:
    partner.server.on("GET", TARIFFS, Reply.ocpi(status=404))
    partner.server.on("GET", "/cpo/2.1.1/locations", Reply.ocpi([fixture("location_max", id="L1")]))
    sync = ended(operator, partner, start(operator, partner, "tariffs", "locations")["id"])
    assert sync["state"] == "done"
    assert (sync["modules"]["tariffs"]["complete"], sync["modules"]["locations"]["stored"]) == (False, 1)


def test_the_evses_of_a_location_that_is_gone_are_removed(operator: Operator, partner: PlayedPartner) -> None:
    path = "/cpo/2.1.1/locations"
    partner.server.on("GET", path, Reply.ocpi([fixture("location_max", id="L1"), fixture("location_max", id="L2")]))
    pull(operator, partner, "locations")
    partner.server.on("GET", path, Reply.ocpi([fixture("location_max", id="L1")]))
    pull(operator, partner, "locations")
    gone = operator.get(f"/partners/{partner.partner_id}/locations/L2").json()
    assert {evse["status"] for evse in gone["evses"]} == {"REMOVED"}


@pytest.mark.req("SES-27", "TF-60")
def test_the_second_pull_asks_for_what_changed_and_sessions_always_with_a_date(
    operator: Operator, partner: PlayedPartner
) -> None:
    for module in ("cdrs", "sessions"):
        path = f"/cpo/2.1.1/{module}"
        pull(operator, partner, module)
        first = partner.server.received("GET", path)[-1].query
        pull(operator, partner, module, full=False)
        second = partner.server.received("GET", path)[-1].query
        assert ("date_from" in first) == (module == "sessions")
        assert parse_qs(second)["date_from"][0] > "2026-01-01T00:00:00Z"


@pytest.mark.req("TOK-16")
def test_tokens_are_updated_and_added_and_none_is_dropped(operator: Operator) -> None:
    path = "/emsp/2.1.1/tokens"
    with PlayedPartner("EMSP", "DE", "TKP") as emsp:
        emsp.server.on("GET", path, Reply.ocpi([fixture("token_max", uid="A"), fixture("token_max", uid="B")]))
        emsp.register(operator.invite("EMSP"))
        pull(operator, emsp, "tokens")
        emsp.server.on("GET", path, Reply.ocpi([fixture("token_max", uid="B", valid=False)]))
        assert pull(operator, emsp, "tokens")["stored"] == 1
        items = operator.get(f"/partners/{emsp.partner_id}/tokens").json()["items"]
    assert {item["uid"]: item["valid"] for item in items} == {"A": True, "B": False}


def test_a_large_page_is_taken(operator: Operator, partner: PlayedPartner) -> None:
    evses = [fixture("evse_max", uid=f"E{n}") for n in range(60)]
    large = [fixture("location_max", id=f"L{n}", evses=evses) for n in range(40)]
    assert len(json.dumps(large)) > 1_500_000
    partner.server.on("GET", "/cpo/2.1.1/locations", Reply.ocpi(large))
    assert pull(operator, partner, "locations")["stored"] == 40


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"modules": ["tokens"]}, "/modules/0"),
        ({"modules": ["tariffs", "nonsense"]}, "/modules/1"),
        ({"modules": []}, "/modules"),
        ({"modules": "tariffs"}, "/modules"),
        ({"full": "yes"}, "/full"),
        ({"all": True}, "/all"),
        ({"a/b~c": True}, "/a~1b~0c"),
    ],
)
def test_a_sync_of_what_is_not_there_is_refused(
    operator: Operator, partner: PlayedPartner, body: dict[str, Any], pointer: str
) -> None:
    refusal = problem(operator.post(f"/partners/{partner.partner_id}/sync", json=body), 422)
    assert [error["pointer"] for error in refusal["errors"]] == [pointer]


def test_a_sync_of_a_partner_that_is_not_connected_is_refused(operator: Operator, partner: PlayedPartner) -> None:
    url = f"/partners/{partner.partner_id}"
    operator.patch(url, json={"status": "SUSPENDED"})
    problem(operator.post(f"{url}/sync"), 409)
    problem(operator.post(f"/partners/{operator.invite('CPO').partner_id}/sync", json={}), 409)
    problem(operator.post("/partners/nobody/sync"), 404)


def test_a_sync_is_shown_with_its_own_partner_only(operator: Operator, partner: PlayedPartner) -> None:
    sync_id = start(operator, partner, "tariffs")["id"]
    ended(operator, partner, sync_id)
    other = operator.invite("CPO").partner_id
    problem(operator.get(f"/partners/{other}/syncs/{sync_id}"), 404)
    problem(operator.get(f"/partners/{partner.partner_id}/syncs/nothing"), 404)


def test_without_a_body_everything_is_pulled(operator: Operator, partner: PlayedPartner) -> None:
    answer = operator.post(f"/partners/{partner.partner_id}/sync")
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert list(answer.json()["modules"]) == ["tariffs", "locations", "sessions", "cdrs"]
    assert ended(operator, partner, answer.json()["id"])["state"] == "done"


def test_a_partner_that_wants_a_slash_at_the_end_is_asked_with_one_from_then_on(
    operator: Operator, partner: PlayedPartner
) -> None:
    partner.server.on("GET", TARIFFS, Reply.ocpi(status=404))
    partner.server.on("GET", f"{TARIFFS}/", Reply.ocpi(tariffs("T1")))
    assert pull(operator, partner)["stored"] == 1
    asked = len(partner.server.received("GET", TARIFFS))
    assert pull(operator, partner)["complete"] is True
    assert len(partner.server.received("GET", TARIFFS)) == asked


def test_a_partner_that_wants_the_token_in_base64_is_pulled_from(operator: Operator, partner: PlayedPartner) -> None:
    def page(request: Received) -> Reply:
        plain = request.headers["authorization"] == f"Token {partner.issued}"
        return Reply.ocpi(status=401, status_code=2000) if plain else Reply.ocpi(tariffs("T1"))

    partner.server.on("GET", TARIFFS, page)
    assert pull(operator, partner)["stored"] == 1
    asked = len(partner.server.received("GET", TARIFFS))
    assert pull(operator, partner)["complete"] is True
    plain = f"Token {partner.issued}"
    assert plain not in [each.headers["authorization"] for each in partner.server.received("GET", TARIFFS)[asked:]]
