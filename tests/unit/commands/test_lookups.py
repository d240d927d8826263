"""What is turned down at once: locations, EVSEs, connectors and sessions are looked up among our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ocpi.commands.lookups import Lookups, UnknownLocation
from ocpi.objects.documents import draft
from ocpi.store.port import OWN, Collection, Key
from tests.support.party import fixture
from tests.unit.commands.world import request

if TYPE_CHECKING:
    from tests.unit.commands.world import World

AT_A_PLACE = ("RESERVE_NOW", "START_SESSION", "UNLOCK_CONNECTOR")
CAPABILITIES = {
    "RESERVE_NOW": "RESERVABLE",
    "START_SESSION": "REMOTE_START_STOP_CAPABLE",
    "UNLOCK_CONNECTOR": "UNLOCK_CAPABLE",
}
OUR_EMSP, OTHER_EMSP = "DE-EMS", "DE-OTH"


def keep(world: World, module: str, document: dict[str, Any], audience: str = "*") -> None:
    key = Key(Collection(OWN, module), document["id"])
    world.objects.put(key, draft("2.1.1", document, audience=audience), expected=None)


def evse(uid: str = "E-100", *capabilities: str, **changes: Any) -> dict[str, Any]:
    everything = ("RESERVABLE", "REMOTE_START_STOP_CAPABLE", "UNLOCK_CAPABLE")
    return fixture("evse_max", **{"uid": uid, "capabilities": list(capabilities or everything), **changes})


def place(world: World, *evses: dict[str, Any], **changes: Any) -> None:
    keep(world, "locations", fixture("location_max", evses=list(evses), **changes))


def session(world: World, audience: str = OUR_EMSP, **changes: Any) -> None:
    location = fixture("location_max", evses=[evse()])
    keep(world, "sessions", fixture("session_min", **{"location": location, **changes}), audience)


def objection(world: World, command_type: str, **changes: Any) -> str | None:
    return Lookups(world.objects, OUR_EMSP).objection(command_type, request(command_type, **changes))


@pytest.mark.parametrize("command_type", AT_A_PLACE)
def test_what_names_an_evse_of_ours_that_can_do_it_goes_on(world: World, command_type: str) -> None:
    place(world, evse())
    assert objection(world, command_type) is None


@pytest.mark.req("CMD-15", "SC-05")
@pytest.mark.parametrize("command_type", AT_A_PLACE)
@pytest.mark.parametrize("location_id", ["L-2", "l-1", "L-1 "])
def test_a_location_that_is_not_ours_to_the_letter_is_unknown(
    world: World, command_type: str, location_id: str
) -> None:
    place(world, evse())
    with pytest.raises(UnknownLocation):
        objection(world, command_type, location_id=location_id)


@pytest.mark.req("CMD-16")
@pytest.mark.parametrize("command_type", AT_A_PLACE)
@pytest.mark.parametrize("uid", ["E-2", "e-100", "NL*WMC*E100*1"])
def test_an_evse_that_is_not_at_the_location_is_unknown(world: World, command_type: str, uid: str) -> None:
    place(world, evse())
    with pytest.raises(UnknownLocation):
        objection(world, command_type, evse_uid=uid)


@pytest.mark.req("CMD-16")
def test_a_connector_that_is_not_at_the_evse_is_unknown(world: World) -> None:
    place(world, evse())
    with pytest.raises(UnknownLocation):
        objection(world, "UNLOCK_CONNECTOR", connector_id="9")


@pytest.mark.req("CMD-39")
@pytest.mark.parametrize("command_type", AT_A_PLACE)
def test_an_evse_that_was_removed_is_rejected(world: World, command_type: str) -> None:
    place(world, evse(status="REMOVED"))
    assert objection(world, command_type) == "REJECTED"


@pytest.mark.req("CMD-39")
@pytest.mark.parametrize("command_type", ["RESERVE_NOW", "START_SESSION"])
def test_a_location_of_which_every_evse_was_removed_is_rejected(world: World, command_type: str) -> None:
    place(world, evse("E-1", status="REMOVED"), evse("E-2", status="REMOVED"))
    assert objection(world, command_type, evse_uid=...) == "REJECTED"


@pytest.mark.req("CMD-23")
@pytest.mark.parametrize("command_type", AT_A_PLACE)
def test_an_evse_without_the_capability_does_not_support_it(world: World, command_type: str) -> None:
    others = set(CAPABILITIES.values()) - {CAPABILITIES[command_type]}
    place(world, evse("E-100", *others))
    assert objection(world, command_type) == "NOT_SUPPORTED"


@pytest.mark.req("CMD-23")
def test_an_evse_of_which_no_capability_is_known_supports_nothing(world: World) -> None:
    place(world, evse(capabilities=...))
    assert objection(world, "START_SESSION") == "NOT_SUPPORTED"


@pytest.mark.req("CMD-14", "CMD-23")
@pytest.mark.parametrize("command_type", ["RESERVE_NOW", "START_SESSION"])
def test_without_an_evse_one_that_is_there_and_can_do_it_is_enough(world: World, command_type: str) -> None:
    able, unable = CAPABILITIES[command_type], "RFID_READER"
    place(world, evse("E-1", unable), evse("E-2", able))
    assert objection(world, command_type, evse_uid=...) is None
    assert objection(world, command_type, evse_uid="E-1") == "NOT_SUPPORTED"


@pytest.mark.req("CMD-23", "CMD-39")
def test_without_an_evse_one_that_was_removed_does_not_count(world: World) -> None:
    place(world, evse("E-1", "RFID_READER"), evse("E-2", status="REMOVED"))
    assert objection(world, "START_SESSION", evse_uid=...) == "NOT_SUPPORTED"


@pytest.mark.req("CMD-22")
@pytest.mark.parametrize(("seconds", "expected"), [(-3600, "REJECTED"), (-1, "REJECTED"), (0, "REJECTED"), (60, None)])
def test_a_reservation_that_has_expired_is_rejected(world: World, seconds: int, expected: str | None) -> None:
    place(world, evse())
    assert objection(world, "RESERVE_NOW", expiry_date=world.clock.after(seconds)) == expected


@pytest.mark.req("CMD-17")
def test_a_session_that_nobody_knows_is_unknown(world: World) -> None:
    assert objection(world, "STOP_SESSION") == "UNKNOWN_SESSION"


@pytest.mark.req("CMD-18")
@pytest.mark.parametrize("status", ["ACTIVE", "COMPLETED"])
def test_the_session_of_another_emsp_is_as_unknown_as_none(world: World, status: str) -> None:
    session(world, OTHER_EMSP, status=status)
    assert objection(world, "STOP_SESSION") == "UNKNOWN_SESSION"


@pytest.mark.req("CMD-17")
def test_a_session_under_another_spelling_is_unknown(world: World) -> None:
    session(world)
    assert objection(world, "STOP_SESSION", session_id="s-2") == "UNKNOWN_SESSION"


@pytest.mark.parametrize("status", ["ACTIVE", "PENDING"])
def test_a_session_that_goes_on_can_be_stopped_wherever_it_is(world: World, status: str) -> None:
    session(world, status=status)
    assert objection(world, "STOP_SESSION") is None


@pytest.mark.parametrize("status", ["COMPLETED", "INVALID"])
def test_a_session_that_has_ended_cannot_be_stopped(world: World, status: str) -> None:
    session(world, status=status)
    assert objection(world, "STOP_SESSION") == "REJECTED"


@pytest.mark.req("CMD-23")
def test_a_session_at_an_evse_that_cannot_be_stopped_from_afar_does_not_support_it(world: World) -> None:
    session(world, status="ACTIVE")
    place(world, evse("E-100", "RESERVABLE"))
    assert objection(world, "STOP_SESSION") == "NOT_SUPPORTED"
