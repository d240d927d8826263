"""Which requests a push consists of, and what counts as the same object at a partner."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ocpi import strict_json
from ocpi.v2_1_1.places import rules_of
from ocpi.v2_1_1.pushes import MAX_REQUESTS, PushRequest, deletion, lookup, push_plan, same, whole
from tests.support.party import fixture

Document = dict[str, Any]
Path = tuple[str, ...]

AT = "2024-05-01T10:00:00Z"
OLDER, NEWER = "2024-05-01T09:59:59Z", "2024-05-01T10:00:01Z"
EXAMPLES = {
    "locations": "location_max",
    "sessions": "session_max",
    "cdrs": "cdr_max",
    "tariffs": "tariff_max",
    "tokens": "token_max",
}


def example(module: str, **changes: Any) -> Document:
    return rules_of(module).check({**strict_json.read(json.dumps(fixture(EXAMPLES[module]))), **changes})


def connector(name: str = "1", **changes: Any) -> Document:
    return fixture("connector_min", id=name, last_updated=AT, **changes)


def evse(uid: str = "E1", *connectors: Document, **changes: Any) -> Document:
    return fixture("evse_min", uid=uid, last_updated=AT, connectors=list(connectors or [connector()]), **changes)


def location(*evses: Document, **changes: Any) -> Document:
    given = fixture("location_min", id="L/1", last_updated=AT, evses=list(evses or [evse()]), **changes)
    return rules_of("locations").check(given)


def plan(module: str, document: Document, *changed: Path, patch: bool = True, nulls: bool = False) -> list[PushRequest]:
    return push_plan(module, document, frozenset(changed), patch=patch, nulls=nulls)


def one(requests: list[PushRequest]) -> PushRequest:
    assert len(requests) == 1
    return requests[0]


# What changed, and the request that says so


@pytest.mark.parametrize("module", EXAMPLES)
def test_nothing_that_changed_needs_no_request(module: str) -> None:
    assert plan(module, example(module)) == []


@pytest.mark.parametrize("module", ["locations", "sessions", "tariffs", "tokens"])
def test_what_the_partner_has_not_is_put_as_a_whole(module: str) -> None:
    document = example(module)
    name = document["uid" if module == "tokens" else "id"]
    requests = push_plan(module, document, None, patch=True, nulls=False)
    assert requests == [PushRequest("PUT", (name,), "", document, whole=True)]


@pytest.mark.req("CDR-28")
@pytest.mark.parametrize("changed", [None, frozenset({("remark",)})])
def test_a_cdr_is_posted_whatever_is_thought_to_have_changed(changed: frozenset[Path] | None) -> None:
    document = example("cdrs")
    requests = push_plan("cdrs", document, changed, patch=True, nulls=False)
    assert requests == [PushRequest("POST", (), "", document, whole=True)]


@pytest.mark.req("LOC-71", "LOC-75")
def test_a_change_of_an_evses_status_is_a_patch_on_the_evses_url_with_its_last_updated() -> None:
    document = location(evse("E0"), evse("E1", status="CHARGING"))
    request = one(plan("locations", document, ("evses", "E1", "status")))
    body = {"status": "CHARGING", "last_updated": AT}
    assert request == PushRequest("PATCH", ("L/1", "E1"), "", body, whole=False)


@pytest.mark.req("LOC-72")
def test_an_evse_that_is_removed_is_patched_and_never_deleted() -> None:
    request = one(plan("locations", location(evse("E1", status="REMOVED")), ("evses", "E1", "status")))
    assert (request.method, request.body) == ("PATCH", {"status": "REMOVED", "last_updated": AT})
    with pytest.raises(ValueError, match="never deleted"):
        deletion("locations", "L/1")


def test_a_field_of_a_connector_is_a_patch_on_the_connectors_url() -> None:
    document = location(evse("E1", connector("1"), connector("2", amperage=63)))
    request = one(plan("locations", document, ("evses", "E1", "connectors", "2", "amperage")))
    assert request == PushRequest("PATCH", ("L/1", "E1", "2"), "", {"amperage": 63, "last_updated": AT}, whole=False)


def test_fields_of_the_location_alone_are_a_patch_of_it_without_its_evses() -> None:
    request = one(plan("locations", location(name="Here"), ("name",), ("address",)))
    assert (request.method, request.segments) == ("PATCH", ("L/1",))
    assert request.body is not None
    assert set(request.body) == {"name", "address", "last_updated"}


def test_a_new_evse_is_put_and_so_is_a_new_connector() -> None:
    new = location(evse("E1", connector("1"), connector("2")), evse("E2"))
    requests = plan("locations", new, ("evses", "E2"), ("evses", "E1", "connectors", "2"))
    assert requests == [
        PushRequest("PUT", ("L/1", "E1", "2"), "", new["evses"][0]["connectors"][1], whole=False),
        PushRequest("PUT", ("L/1", "E2"), "", new["evses"][1], whole=False),
    ]


def test_an_evse_with_changes_at_several_places_is_put_once() -> None:
    document = location(evse("E1", connector("1"), connector("2")))
    several = [("evses", "E1", "status"), ("evses", "E1", "connectors", "2", "amperage")]
    assert one(plan("locations", document, *several)) == PushRequest(
        "PUT", ("L/1", "E1"), "", document["evses"][0], whole=False
    )


def test_a_connector_that_is_gone_is_a_put_of_its_evse() -> None:
    document = location(evse("E1"))
    request = one(plan("locations", document, ("evses", "E1", "connectors")))
    assert (request.method, request.segments) == ("PUT", ("L/1", "E1"))


@pytest.mark.parametrize(
    "changed", [("evses",), ("evses", "gone", "status"), ("evses", "E1", "connectors", "gone", "id")]
)
def test_evses_out_of_order_and_changes_of_what_is_gone_are_a_put_of_the_whole(changed: Path) -> None:
    document = location(evse("E1"))
    assert plan("locations", document, changed) == [whole("locations", document, nulls=False)]


def test_a_few_evses_are_a_request_each_in_their_order_then_the_location_and_many_are_the_whole() -> None:
    uids = [f"E{9 - number}" for number in range(MAX_REQUESTS)]
    document = location(*map(evse, uids), name="Here")
    evses: list[Path] = [("evses", uid, "status") for uid in sorted(uids)]
    few = plan("locations", document, *evses[1:], ("name",))
    assert [request.segments for request in few] == [*(("L/1", uid) for uid in uids[:-1]), ("L/1",)]
    assert {request.method for request in few} == {"PATCH"}
    assert one(plan("locations", document, *evses, ("name",))) == whole("locations", document, nulls=False)


@pytest.mark.parametrize(
    ("changed", "segments"),
    [
        (("name",), ("L/1",)),
        (("evses", "E1", "floor_level"), ("L/1", "E1")),
        (("evses", "E1", "connectors", "1", "tariff_id"), ("L/1", "E1", "1")),
    ],
)
def test_a_cleared_field_is_a_put_of_what_had_it_or_a_patch_with_null_for_who_gets_nulls(
    changed: Path, segments: Path
) -> None:
    put = one(plan("locations", location(), changed))
    assert (put.method, put.segments) == ("PUT", segments)
    patch = one(plan("locations", location(), changed, nulls=True))
    assert (patch.method, patch.segments) == ("PATCH", segments)
    assert patch.body == {changed[-1]: None, "last_updated": AT}


@pytest.mark.parametrize(
    "changed", [("x_unknown",), ("evses", "E1", "x_unknown"), ("evses", "E1", "connectors", "1", "x")]
)
def test_no_null_is_sent_for_a_field_that_ocpi_does_not_know(changed: Path) -> None:
    assert one(plan("locations", location(), changed, nulls=True)).method == "PUT"


def test_a_field_with_a_list_in_it_is_never_in_a_patch() -> None:
    document = location(
        evse("E1", capabilities=["RESERVABLE"]), opening_times={"regular_hours": [], "twentyfourseven": True}
    )
    assert one(plan("locations", document, ("evses", "E1", "capabilities"))).method == "PUT"
    assert one(plan("locations", document, ("opening_times",))).method == "PATCH"
    with_hours = example("locations")
    assert one(plan("locations", with_hours, ("opening_times",))).whole


def test_an_object_that_lost_a_member_is_a_put() -> None:
    document = location(operator={"name": "A"})
    assert one(plan("locations", document, ("operator",))).method == "PATCH"
    assert one(plan("locations", document, ("operator",), ("operator", "website"))).whole


def test_last_updated_that_moved_alone_is_a_patch_of_it() -> None:
    assert one(plan("locations", location(), ("evses", "E1", "last_updated"))).body == {"last_updated": AT}


@pytest.mark.parametrize("module", ["locations", "sessions", "tokens"])
@pytest.mark.parametrize("changed", ["last_updated", "evses"])
def test_without_patch_everything_is_put_as_a_whole(module: str, changed: str) -> None:
    document = example(module)
    assert plan(module, document, (changed,), patch=False) == [whole(module, document, nulls=False)]


@pytest.mark.req("SES-20")
def test_a_session_is_patched_but_put_when_its_charging_periods_or_location_changed() -> None:
    document = example("sessions", kwh=Decimal("1.50"), last_updated=AT)
    request = one(plan("sessions", document, ("kwh",), ("status",)))
    assert (request.method, request.segments) == ("PATCH", (document["id"],))
    assert request.body == {"kwh": Decimal("1.50"), "status": document["status"], "last_updated": AT}
    for changed in ("charging_periods", "location"):
        assert one(plan("sessions", document, ("kwh",), (changed,), nulls=True)) == whole(
            "sessions", document, nulls=True
        )
    cleared = {name: value for name, value in document.items() if name != "charging_periods"}
    assert one(plan("sessions", cleared, ("charging_periods",), nulls=True)).whole


@pytest.mark.req("TOK-15")
@pytest.mark.parametrize(("kind", "query"), [("RFID", ""), ("OTHER", "type=OTHER")])
def test_a_token_that_is_withdrawn_is_patched_with_valid_false(kind: str, query: str) -> None:
    document = example("tokens", type=kind, valid=False, last_updated=AT)
    body = {"valid": False, "last_updated": AT}
    assert plan("tokens", document, ("valid",)) == [PushRequest("PATCH", (document["uid"],), query, body, whole=False)]
    assert lookup("tokens", f"{kind}/{document['uid']}") == PushRequest(
        "GET", (document["uid"],), query, None, whole=False
    )


def test_a_token_with_a_cleared_field_is_put() -> None:
    document = example("tokens", language=None)
    assert one(plan("tokens", document, ("language",))) == whole("tokens", document, nulls=False)


@pytest.mark.req("TAR-21")
def test_a_tariff_is_always_put_and_can_be_deleted() -> None:
    document = example("tariffs")
    assert plan("tariffs", document, ("tariff_alt_url",)) == [whole("tariffs", document, nulls=False)]
    assert deletion("tariffs", "T/1") == PushRequest("DELETE", ("T/1",), "", None, whole=False)


def test_a_request_is_looked_up_where_it_was_sent() -> None:
    request = one(plan("tokens", example("tokens", type="OTHER"), ("valid",)))
    assert request.lookup() == PushRequest("GET", request.segments, "type=OTHER", None, whole=False)
    assert lookup("cdrs", "C1") == PushRequest("GET", ("C1",), "", None, whole=False)


def test_who_gets_nulls_gets_them_in_objects_and_in_what_a_patch_carries() -> None:
    document = location(evse("E1"), operator={"name": "A"})
    patch = one(plan("locations", document, ("operator",), nulls=True))
    assert patch.body == {"operator": {"name": "A", "website": None, "logo": None}, "last_updated": AT}
    put = one(plan("locations", document, ("evses", "E1"), nulls=True))
    assert put.body is not None
    assert (put.body["floor_level"], put.body["connectors"][0]["tariff_id"]) == (None, None)
    body = whole("locations", document, nulls=True).body
    assert body is not None
    assert (body["images"], body["evses"][0]) == (None, put.body)


def test_an_unknown_module_is_no_module() -> None:
    with pytest.raises(LookupError):
        deletion("things", "T1")


# What a partner holds


@pytest.mark.parametrize("module", EXAMPLES)
def test_an_object_is_the_same_as_itself_and_as_itself_in_a_list(module: str) -> None:
    document = example(module)
    assert same(module, document, document) == []
    assert same(module, document, [document]) == []


@pytest.mark.parametrize("module", EXAMPLES)
@pytest.mark.parametrize("theirs", [None, "text", [], {}, 5])
def test_something_that_is_no_such_object_is_not_the_same(module: str, theirs: Any) -> None:
    assert same(module, example(module), theirs) != []


def told_differently(value: Any) -> Any:
    """The same object as other systems write it."""
    if isinstance(value, dict):
        told = {name: told_differently(member) for name, member in value.items()}
        return {"x_ours": [1], "related_locations": None, "images": [], **told} if "images" not in told else told
    if isinstance(value, list):
        return [told_differently(element) for element in reversed(value)]
    if isinstance(value, str) and value.endswith("Z") and value[:2] == "20":
        return value.removesuffix("Z") + ".250+00:00"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value) * Decimal("1.000")
    return value


@pytest.mark.parametrize("module", ["locations", "sessions", "cdrs", "tokens"])
def test_nulls_empty_lists_more_fields_and_other_spellings_make_no_difference(module: str) -> None:
    document = example(module, tariffs=None)
    assert same(module, document, told_differently(document)) == []


def test_degrees_ids_in_another_case_and_defaults_make_no_difference() -> None:
    ours = location(coordinates={"latitude": "52.370216", "longitude": "4.895168"})
    coordinates = {"latitude": "52.3702160", "longitude": Decimal("4.895168")}
    theirs = {**ours, "id": "l/1", "coordinates": coordinates, "charging_when_closed": True}
    assert same("locations", ours, theirs) == []
    assert same("locations", ours, {**theirs, "coordinates": {**coordinates, "latitude": "north"}}) == ["/coordinates"]
    assert same("locations", ours, {**theirs, "charging_when_closed": False}) == ["/charging_when_closed"]


def test_differences_are_named_where_they_are() -> None:
    ours = location(evse("E1"), evse("E2", connector("1", tariff_id="T")), name="Here")
    theirs = location(evse("E2", connector("1", tariff_id="U")), name="There", facilities=["CAFE"])
    assert same("locations", ours, theirs) == ["/name", "/evses/0", "/evses/1/connectors/0/tariff_id", "/facilities"]


@pytest.mark.parametrize(("status", "expected"), [("REMOVED", []), ("AVAILABLE", ["/evses"])])
def test_an_evse_that_we_have_not_counts_unless_it_is_removed(status: str, expected: list[str]) -> None:
    assert same("locations", location(), location(evse("E1"), evse("E2", status=status))) == expected


@pytest.mark.parametrize("evses", [[evse("E1"), evse("e1")], "none", [5]])
def test_evses_that_are_no_list_of_distinct_evses_are_a_difference(evses: Any) -> None:
    assert same("locations", location(), {**location(), "evses": evses}) == ["/evses"]


def test_the_elements_of_a_tariff_are_compared_in_their_order() -> None:
    tariff = example("tariffs")
    assert len(tariff["elements"]) > 1
    assert same("tariffs", tariff, {**tariff, "elements": tariff["elements"][::-1]}) == ["/elements"]


@pytest.mark.parametrize(
    ("theirs", "expected"), [(OLDER, []), (AT, []), (NEWER, ["/last_updated"]), (None, ["/last_updated"])]
)
def test_the_time_of_a_parent_may_be_older_at_the_partner_and_not_newer(
    theirs: str | None, expected: list[str]
) -> None:
    assert same("locations", location(), {**location(), "last_updated": theirs}) == expected
    assert same("locations", location(), {**evse(), "last_updated": theirs}, at=("L/1", "E1")) == expected


def test_the_time_of_what_has_no_parts_must_be_ours() -> None:
    assert same("locations", location(), {**connector(), "last_updated": OLDER}, at=("L/1", "E1", "1")) == [
        "/last_updated"
    ]
    token = example("tokens", last_updated=AT)
    assert same("tokens", token, {**token, "last_updated": OLDER}) == ["/last_updated"]
    without = {name: value for name, value in location().items() if name != "evses"}
    assert same("locations", without, {**without, "last_updated": OLDER}) == ["/last_updated"]


def test_a_part_is_compared_where_its_url_was_read() -> None:
    ours = location(evse("E1", status="CHARGING"))
    assert same("locations", ours, evse("E1", status="CHARGING"), at=("L/1", "E1")) == []
    assert same("locations", ours, evse("E1"), at=("L/1", "E1")) == ["/status"]
    assert same("locations", ours, evse("E1"), at=("L/1", "gone")) == [""]
