"""For each thing that must be true one entry of which it is not, planted by hand: it is found and named, mended where
that is safe, and nothing else is touched.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.commands.command import command_draft
from ocpi.store.deliveries import HELD, Channel, Delivery, DeliveryKey, DeliveryState
from ocpi.store.port import Collection, Draft, Grant, Key, PartnerChange
from ocpi.transport.authentication import token_hash
from tests.support.party import fixture
from tests.unit.doctor.healthy import NOW, TOKEN, UID, command, delivery, partner
from tests.unit.doctor.shelves import look

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.doctor.shelves import Laid

    Plant = Callable[[Laid], object]

LOCATION, SESSION, WAITING = ("own/locations", "L1"), ("own/sessions", "S1"), ("own/sessions", "S2")
OURS = ("own/sessions", "S4")
RECEIVED = ("DE-CPO/locations", "L9")
TOKEN_A, CARD = ("DE-EMS/tokens", f"RFID/{UID}"), ("own/tokens", f"RFID/{UID}")
FAR = "9000-01-01T00:00:00.000000Z"


def of(table: str, which: tuple[str, ...], **values: Any) -> Plant:
    """Change an entry by hand."""
    return lambda laid: laid.change(table, which, **values)


def stored(collection: str, object_id: str, document: str, **beside: Any) -> Plant:
    """An object that no function would write."""
    key, made = Key(Collection.parse(collection), object_id), Draft("2.1.1", document, NOW, **beside)
    return lambda laid: laid.store.objects.put(key, made, expected=None)


def changed_partner(partner_id: str, **changes: Any) -> Plant:
    def plant(laid: Laid) -> None:
        now = laid.store.partners.get(partner_id)
        assert now is not None
        laid.store.partners.save(PartnerChange(replace(now, **changes), expected=now.revision))

    return plant


def lonely_partner(party: str, *grants: str) -> Plant:
    """A partner that names tokens of which none is its own."""

    def plant(laid: Laid) -> None:
        made = partner("lonely", "EMSP", party, grants=grants)
        laid.store.partners.save(PartnerChange(made, expected=None, claim_party=party != "EMS"))
        if laid.name == "dynamodb" and grants:
            laid.change("partners", ("lonely",), held_grants={"SS": list(grants)})

    return plant


def channel_to_nobody(laid: Laid) -> None:
    """None can be made without its partner."""
    laid.store.partners.save(PartnerChange(partner("nobody", "EMSP", "EMS"), expected=None, claim_party=False))
    laid.store.channels.put(Channel("nobody"))
    laid.remove("partners", ("nobody",))


def delivered(made: Delivery) -> Plant:
    return lambda laid: laid.store.deliveries.put_many([made])


def grant(hashed: str, partner_id: str) -> Plant:
    def plant(laid: Laid) -> None:
        now = laid.store.partners.get("emsp")
        assert now is not None
        change = PartnerChange(now, now.revision, put_grants=(Grant(hashed, partner_id, "registered"),))
        laid.store.partners.save(change)
        if laid.name == "dynamodb":  # which remembers whose it was made with
            laid.change("partners", ("emsp",), held_grants={"SS": list(now.grants)})

    return plant


def channel(**changes: Any) -> Plant:
    def plant(laid: Laid) -> None:
        now = laid.store.channels.get("emsp")
        laid.store.channels.put(replace(now, **{"catch_up": None, **changes}))

    return plant


def held(laid: Laid) -> None:
    channel()(laid)
    laid.store.deliveries.put_many([delivery("sessions", "S3", due=HELD)])


def waiting_for_ever(laid: Laid) -> None:
    made = command_draft(replace(command("c1"), next_look_at=None))
    laid.store.objects.put(command("c1").key, made, expected=1)


NAMED: dict[str, tuple[Plant, str, str]] = {
    "no JSON": (of("objects", LOCATION, document="{"), "own/locations/L1", "is not JSON"),
    "JSON that is refused": (of("objects", LOCATION, document='{"id":1,"id":1}'), "own/locations/L1", "is not JSON"),
    "no object of the model": (of("objects", LOCATION, document='{"id":"L1"}'), "own/locations/L1", "is not valid"),
    "no received object": (of("objects", RECEIVED, document='{"id":"L9"}'), "DE-CPO/locations/L9", "is not valid"),
    "another id": (
        of("objects", LOCATION, document=json.dumps(fixture("location_min", id="L2"))),
        "own/locations/L1",
        "another id",
    ),
    "a revision of nothing": (of("objects", RECEIVED, revision=0), "DE-CPO/locations/L9", "never"),
    "created at no instant": (of("objects", SESSION, received="yesterday"), "own/sessions/S1", "at no instant"),
    "a version that is not known": (of("objects", LOCATION, version="9.9"), "own/locations/L1", "version of OCPI"),
    "no command": (of("objects", ("own/commands-received", "c1"), document="{}"), "/c1", "is not a command"),
    "a module that is not known": (stored("own/parrots", "p1", "{}"), "own/parrots/…", "module that is not known"),
    "an owner that is not known": (stored("X/locations", "l1", "{}"), "X/locations/l1", "is not known"),
    "a job of an unknown kind": (stored("jobs/parrots", "p1", "{}"), "jobs/parrots/p1", "unknown kind"),
    "a rule of no authorization": (stored("own/authorizations", "OTHER/x", "{}"), "OTHER/…", "is not valid"),
    "no partner": (of("partners", ("cpo",), document="{"), "partner cpo", "cannot be read"),
    "another partner": (of("partners", ("invited",), document="[]"), "partner invited", "cannot be read"),
    "a partner without our token": (changed_partner("emsp", token=None), "partner emsp", "without our token"),
    "a partner whose tokens are gone": (lonely_partner("LON"), "partner lonely", "opens anything"),
    "two partners with one token": (
        lonely_partner("LON", token_hash(f"{TOKEN}-emsp")),
        "partner lonely",
        "another partner names too",
    ),
    "two partners with one party": (lonely_partner("EMS"), "partner lonely", "another partner holds"),
    "a token of an unknown kind": (of("grants", (token_hash(f"{TOKEN}-a"),), kind="x"), "token ", "unknown kind"),
    "a delivery in no state": (of("deliveries", ("emsp", "locations", "L1"), state="x"), "of locations/L1", "be read"),
    "a pending delivery that is never due": (
        of("deliveries", ("emsp", "sessions", "S1"), state="pending"),
        "of sessions/S1",
        "be read",
    ),
    "a delivery of a CDR that is gone": (
        delivered(delivery("cdrs", "C9", DeliveryState.DELIVERED, holds="1-x")),
        "of cdrs/C9",
        "not there",
    ),
}
MENDED: dict[str, tuple[Plant, str, str]] = {
    "last_updated of another time": (of("objects", LOCATION, last_updated=NOW), "own/locations/L1", "last_updated"),
    "a location for nobody": (of("objects", LOCATION, audience=None), "own/locations/L1", "audience"),
    "a received object for others": (of("objects", RECEIVED, audience="*"), "DE-CPO/locations/L9", "audience"),
    "a received object that is due": (of("objects", RECEIVED, due=NOW), "DE-CPO/locations/L9", "due"),
    "a session that nothing finds": (of("objects", WAITING, lookup=None), "own/sessions/S2", "lookup"),
    "a session that waits for ever": (of("objects", WAITING, due=None), "own/sessions/S2", "due"),
    "a session due at no instant": (of("objects", WAITING, due="soon"), "own/sessions/S2", "due"),
    "a pending session": (of("objects", ("own/sessions", "S3"), due=None), "own/sessions/S3", "due"),
    "a token that nothing finds": (of("objects", TOKEN_A, lookup="token/x"), "DE-EMS/tokens/RFID/…", "lookup"),
    "a token of ours that nothing finds": (of("objects", CARD, lookup=None), "own/tokens/RFID/…", "lookup"),
    "a session of our customer's as another's": (of("objects", OURS, lookup="ours/x"), "own/sessions/S4", "lookup"),
    "a token given at no instant": (of("objects", TOKEN_A, journal="[]"), "DE-EMS/tokens/RFID/…", "journal"),
    "a journal of nothing": (of("objects", LOCATION, journal='[["x"]]'), "own/locations/L1", "journal"),
    "a command without a deadline": (
        waiting_for_ever,
        "own/commands-received/c1",
        "without a deadline",
    ),
    "a command that is never looked at": (
        of("objects", ("own/commands-received", "c1"), due=None),
        "own/commands-received/c1",
        "due",
    ),
    "a command of another state": (
        of("objects", ("own/commands-received", "c1"), audience="answered"),
        "own/commands-received/c1",
        "audience",
    ),
    "no reservation": (
        of("objects", ("own/reservations", "DE-EMS/L1/1"), document="[]"),
        "own/reservations/DE-EMS/L1/1",
        "no commands",
    ),
    "a sync that is never looked at": (of("objects", ("jobs/syncs", "s1"), due=None), "jobs/syncs/s1", "no more"),
    "no sync": (of("objects", ("jobs/syncs", "s1"), document="[]"), "jobs/syncs/s1", "is not a job"),
    "a sync of another id": (
        stored("jobs/syncs", "s2", '{"id":"s3","partner":"cpo","requested_at":"x","modules":{}}', due=NOW),
        "jobs/syncs/s2",
        "another id",
    ),
    "no reconciliation": (of("objects", ("jobs/reconciliations", "r1"), document="{}"), "/r1", "is not a job"),
    "no schedule": (of("objects", ("jobs/schedules", "cpo"), document="{}"), "jobs/schedules/cpo", "not the schedule"),
    "a schedule of nobody": (
        stored("jobs/schedules", "x", '{"partner":"x","next":{"pull":"%s","full":"%s"}}' % (NOW, NOW), due=NOW),  # noqa: UP031 - braces
        "jobs/schedules/x",
        "not there",
    ),
    "a run of upkeep at no instant": (
        of("objects", ("jobs/upkeep", "last-run"), document='"x"'),
        "jobs/upkeep/last-run",
        "says nothing",
    ),
    "ids that nobody has seen": (
        of("objects", ("jobs/seen-s1-locations", "0"), document="{}"),
        "jobs/seen-s1-locations/0",
        "names no ids",
    ),
    "a party that nobody holds": (lambda laid: laid.remove("parties", ("EMSP", "DE-EMS")), "partner emsp", "own party"),
    "a token of nobody": (grant("f" * 64, "nobody"), "token ffffffff…", "not there"),
    "a token that its partner does not name": (grant("e" * 64, "cpo"), "token eeeeeeee…", "names"),
    "a delivery to nobody": (
        delivered(Delivery(DeliveryKey("nobody", "locations", "L1"), DeliveryState.PENDING, FAR, due=NOW)),
        "delivery to nobody",
        "not there",
    ),
    "a delivery of nothing": (delivered(delivery("locations", "L77")), "of locations/L77", "not there"),
    "a delivery of what a role is not pushed": (delivered(delivery("tokens", "RFID/1")), "of tokens/RFID/…", "role"),
    "a delivery that is held": (held, "of sessions/S3", "is held"),
    "a delivery due at no instant": (delivered(delivery("sessions", "S3", due="soon")), "of sessions/S3", "no instant"),
    "a delivery due far away": (delivered(delivery("sessions", "S3", due=FAR)), "of sessions/S3", "later than"),
    "a lease that never ends": (channel(leased_until=FAR), "channel to emsp", "leased_until"),
    "a pause until no instant": (channel(paused_until="later"), "channel to emsp", "paused_until"),
    "a comparison of nothing": (channel(catch_up="{"), "channel to emsp", "compared"),
    "a channel to nobody": (channel_to_nobody, "channel to nobody", "not there"),
    "no channel": (of("channels", ("cpo",), document="{"), "channel to cpo", "cannot be read"),
}


def difference(one: dict[Any, Any], other: dict[Any, Any]) -> set[Any]:
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def secret_in(lines: list[str]) -> bool:
    return any(UID.lower() in line.lower() or TOKEN in line or token_hash(f"{TOKEN}-emsp") in line for line in lines)


def told(lines: list[str], name: str, what: str) -> list[str]:
    return [line for line in lines if name in line.partition(": ")[0] and what in line.partition(": ")[2]]


@pytest.mark.parametrize("case", NAMED)
def test_what_cannot_be_mended_safely_is_named_and_left_alone(
    laid: Laid, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    plant, name, what = NAMED[case]
    plant(laid)
    planted = laid.everything()
    for repair in (False, True):
        left, lines = look(laid, capsys, repair=repair)
        assert told(lines, name, what), lines
        assert left == len(lines)
        assert not secret_in(lines)
        assert not any("repaired" in line for line in told(lines, name, what))
    assert difference(planted, laid.everything()) == set()


@pytest.mark.parametrize("case", MENDED)
def test_what_can_be_mended_safely_is(laid: Laid, capsys: pytest.CaptureFixture[str], case: str) -> None:
    plant, name, what = MENDED[case]
    healthy = laid.everything()
    plant(laid)
    planted = laid.everything()
    left, lines = look(laid, capsys)
    assert left == len(lines) >= 1
    assert told(lines, name, what), lines
    assert laid.everything() == planted
    left, mended = look(laid, capsys, repair=True)
    assert left == 0
    assert told(mended, name, what)[0].endswith("; repaired")
    assert not secret_in(lines + mended)
    assert difference(planted, laid.everything()) <= difference(healthy, planted)
    assert look(laid, capsys) == (0, [])
