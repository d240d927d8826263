"""Comparing what a partner holds of our objects with ours, and repairing it: the whole system, over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.partner_server import Received, Reply, wait_until
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gateway import Gateway

SECONDS = 20.0
KEPT = "/kept/"
"""Where the partner says that it keeps CDRs."""


class Shelf:
    """The receiver's side of a partner that keeps whole objects, and shows them. ``shows``: it answers GET."""

    def __init__(self, partner: PlayedPartner, *, shows: bool = True) -> None:
        self.partner, self.shows = partner, shows
        self.objects: dict[str, Any] = {}
        """By the path from the module on: ``tariffs/NL/EXA/T1``, or that of a CDR."""
        self.calls: list[tuple[str, str]] = []
        self._scripted = partner.server.answer
        partner.server.answer = self._answer  # type: ignore[method-assign] # any path, not only scripted ones

    def _answer(self, request: Received) -> Reply:
        scripted = self._scripted(request)
        path = request.path.partition("/2.1.1/")[2] or request.path
        if "/NL/EXA/" not in path and not path.startswith(("cdrs", KEPT)):
            return scripted
        self.calls.append((request.method, path))
        if request.method == "GET":
            return self._shown(path)
        if request.method == "POST":
            path = f"{KEPT}{request.json()['id']}"
        self.objects[path] = request.json()
        return Reply.ocpi(status=201, headers={"Location": path} if request.method == "POST" else {})

    def _shown(self, path: str) -> Reply:
        if not self.shows:
            return Reply.ocpi(status=405, status_code=2000)
        if path not in self.objects:
            return Reply.ocpi(status=404, status_code=2001)
        return Reply.ocpi(self.objects[path])

    def put(self, object_id: str) -> int:
        """How often an object was PUT or POSTed."""
        return sum(method in ("PUT", "POST") and path.endswith(object_id) for method, path in self.calls)

    def wait_for(self, *paths: str) -> None:
        """Return once it holds these."""
        wait_until(lambda: all(path in self.objects for path in paths), seconds=SECONDS)


@pytest.fixture
def at_home(gateway: Gateway) -> Iterator[tuple[Operator, PlayedPartner]]:
    """An eMSP with a gateway to itself."""
    with Operator(gateway) as operator, PlayedPartner("EMSP", "DE", "ONE") as partner:
        partner.register(operator.invite("EMSP"))
        yield operator, partner


def started(operator: Operator, partner: PlayedPartner, **body: Any) -> dict[str, Any]:
    answer = operator.post(f"/partners/{partner.partner_id}/reconcile", json=body or None)
    assert answer.status_code == 202, answer.text
    reconciliation: dict[str, Any] = answer.json()
    assert (
        answer.headers["location"] == f"/operator/partners/{partner.partner_id}/reconciliations/{reconciliation['id']}"
    )
    return reconciliation


def ended(operator: Operator, partner: PlayedPartner, reconciliation: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        url = f"/partners/{partner.partner_id}/reconciliations/{reconciliation['id']}"
        found.update(operator.get(url).json())
        return str(found["state"]) != "running"

    wait_until(has_ended, seconds=SECONDS)
    return found


def all_delivered(operator: Operator, partner: PlayedPartner, count: int) -> None:
    """Return once so many deliveries are noted as done."""
    url = f"/partners/{partner.partner_id}/deliveries"
    wait_until(lambda: operator.get(url, params={"state": "delivered"}).json()["total"] == count, seconds=SECONDS)


def test_what_a_partner_lost_is_reported_and_repaired_but_for_cdrs(at_home: tuple[Operator, PlayedPartner]) -> None:
    operator, partner = at_home
    shelf = Shelf(partner)
    for name in ("L1", "L2", "L3"):
        assert operator.put_object("locations", fixture("location_max", id=name)).status_code == 201
    assert operator.put_object("tariffs", fixture("tariff_free", id="T1")).status_code == 201
    for name in ("C1", "C2"):
        to = {"partner": partner.partner_id}
        assert operator.put(f"/2.1.1/cdrs/{name}", json=fixture("cdr_max", id=name), params=to).status_code == 201
    locations = [f"locations/NL/EXA/L{number}" for number in (1, 2, 3)]
    shelf.wait_for(*locations, "tariffs/NL/EXA/T1", f"{KEPT}C1", f"{KEPT}C2")
    all_delivered(operator, partner, 6)

    del shelf.objects[locations[0]]
    shelf.objects[locations[1]] = {**shelf.objects[locations[1]], "name": "Somewhere else"}
    tariff = json.loads(json.dumps(shelf.objects["tariffs/NL/EXA/T1"]))
    tariff["elements"][0]["price_components"][0].update(price=0.00, step_size=0)
    shelf.objects["tariffs/NL/EXA/T1"] = {**tariff, "tariff_alt_url": None, "tariff_alt_text": []}
    del shelf.objects[f"{KEPT}C2"]
    pushes = len([call for call in shelf.calls if call[0] != "GET"])

    told = ended(operator, partner, started(operator, partner))
    assert (told["state"], told["repair"], told["since"]) == ("done", False, None)
    wrong = [(each["module"], each["object_id"], each["problem"], each["pointers"]) for each in told["differences"]]
    assert sorted(wrong) == [
        ("cdrs", "C2", "missing", []),
        ("locations", "L1", "missing", []),
        ("locations", "L2", "different", ["/name"]),
    ]
    assert told["modules"]["locations"]["same"] == 1
    assert told["modules"]["tariffs"]["same"] == told["modules"]["tariffs"]["compared"] == 1
    assert told["modules"]["cdrs"]["same"] == 1
    assert len([call for call in shelf.calls if call[0] != "GET"]) == pushes

    young = ended(operator, partner, started(operator, partner, since="2999-01-01T00:00:00.5+01:00"))
    assert young["since"] == "2998-12-31T23:00:00Z"
    assert (young["modules"]["locations"]["compared"], young["modules"]["cdrs"]["compared"]) == (3, 0)

    told = ended(operator, partner, started(operator, partner, repair=True))
    repaired = {each["object_id"]: each["repaired"] for each in told["differences"]}
    assert repaired == {"L1": True, "L2": True, "C2": False}
    assert told["modules"]["locations"]["repaired"] == 2
    wait_until(lambda: shelf.put("L1") == shelf.put("L2") == 2, seconds=SECONDS)
    for path, name in zip(locations, ("L1", "L2", "L3"), strict=True):
        assert shelf.objects[path] == operator.get(f"/2.1.1/locations/{name}").json()
    assert (shelf.put("L3"), shelf.put("T1"), shelf.put("C1")) == (1, 1, 0)
    assert [call for call in shelf.calls if call[0] == "POST"] == [("POST", "cdrs")] * 2
    all_delivered(operator, partner, 6)

    told = ended(operator, partner, started(operator, partner, modules=["locations", "cdrs"]))
    assert [each["object_id"] for each in told["differences"]] == ["C2"]
    listed = operator.get(f"/partners/{partner.partner_id}/reconciliations").json()
    assert listed["total"] == 4
    assert listed["items"][-1] == {name: value for name, value in told.items() if name != "differences"}


def test_a_partner_that_does_not_answer_get_is_not_told_to_have_lost_everything(
    at_home: tuple[Operator, PlayedPartner],
) -> None:
    operator, partner = at_home
    shelf = Shelf(partner, shows=False)
    for number in range(8):
        operator.put_object("tariffs", fixture("tariff_free", id=f"T{number}"))
    all_delivered(operator, partner, 8)
    told = ended(operator, partner, started(operator, partner, modules=["tariffs"], repair=True))
    assert told["state"] == "done"
    assert told["differences"] == []
    assert "does not answer GET" in told["modules"]["tariffs"]["errors"][0]
    assert told["modules"]["tariffs"]["repaired"] == 0
    assert {path for method, path in shelf.calls if method == "GET"} == {f"tariffs/NL/EXA/T{n}" for n in range(5)}
    assert all(shelf.put(f"T{number}") == 1 for number in range(8))


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ({"modules": []}, ["/modules"]),
        ({"modules": ["tokens"]}, ["/modules/0"]),
        ({"modules": ["locations", {}]}, ["/modules/1"]),
        ({"since": "yesterday"}, ["/since"]),
        ({"since": 20260101}, ["/since"]),
        ({"repair": "yes", "full": True}, ["/full", "/repair"]),
        ({"a/b~c": 1}, ["/a~1b~0c"]),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    operator: Operator, emsp: PlayedPartner, body: Any, pointers: list[str]
) -> None:
    answer = operator.post(f"/partners/{emsp.partner_id}/reconcile", json=body)
    assert answer.status_code == 422
    assert sorted(error["pointer"] for error in answer.json()["errors"]) == pointers


def test_a_module_that_is_not_pushed_cannot_be_compared(operator: Operator, stranger: PlayedPartner) -> None:
    stranger.register(operator.invite("EMSP"))
    operator.patch(f"/partners/{stranger.partner_id}", json={"settings": {"push": {"sessions": False}}})
    answer = operator.post(f"/partners/{stranger.partner_id}/reconcile", json={"modules": ["sessions"]})
    assert answer.status_code == 422
    assert "not pushed" in answer.json()["errors"][0]["detail"]


def test_only_a_connected_partner_is_compared_with(operator: Operator) -> None:
    invited = operator.invite("EMSP")
    assert operator.post(f"/partners/{invited.partner_id}/reconcile").status_code == 409
    assert operator.post("/partners/nobody/reconcile").status_code == 404


def test_a_reconciliation_is_found_with_its_own_partner_only(
    operator: Operator, emsp: PlayedPartner, cpo: PlayedPartner
) -> None:
    reconciliation = started(operator, emsp, modules=["tariffs"])
    assert operator.get(f"/partners/{emsp.partner_id}/reconciliations/{reconciliation['id']}").status_code == 200
    assert operator.get(f"/partners/{cpo.partner_id}/reconciliations/{reconciliation['id']}").status_code == 404
    assert operator.get(f"/partners/{emsp.partner_id}/reconciliations/nothing").status_code == 404
    assert operator.get(f"/partners/{cpo.partner_id}/reconciliations").json()["total"] == 0
