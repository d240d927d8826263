"""A store in which something of everything is, and all of it is as it should be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ocpi import strict_json
from ocpi.commands.command import Command, command_draft
from ocpi.delivery.catching_up import Job, written
from ocpi.jobs.job import running_draft
from ocpi.objects.audience import ours_lookup, token_lookup, waiting_lookup
from ocpi.objects.documents import draft
from ocpi.pull.outage import note_run
from ocpi.pull.scheduling import new_schedule, schedule_draft
from ocpi.pull.seen import Seen
from ocpi.pull.sync import KIND as SYNC
from ocpi.pull.sync import ModulePull, Sync
from ocpi.reconciliation.reconciliation import KIND as RECONCILIATION
from ocpi.reconciliation.reconciliation import Reconciliation
from ocpi.registration.tokens import fading
from ocpi.store.deliveries import Channel, Delivery, DeliveryKey, DeliveryState
from ocpi.store.exchanges import Exchange
from ocpi.store.port import Collection, Draft, Grant, Key, Partner, PartnerChange, PartnerStatus
from ocpi.times import now_precise, now_wire
from ocpi.transport.authentication import token_hash
from ocpi.v2_1_1.module_rules import module_rules
from tests.support.party import fixture

if TYPE_CHECKING:
    from ocpi.store.port import Record, Store

UID = "SECRETCARD012345"
"""Of a card: never to be seen."""
TOKEN = "ocpi_secret-token-that-a-partner-uses-on-us"
NOW, THEN = "2026-01-02T00:00:00Z", "2026-01-02T00:00:00.000000Z"
MODULES = ("locations", "sessions", "cdrs", "tariffs", "tokens")


def fill(store: Store) -> None:
    """Put it all there."""
    for partner_id, role, party in (("emsp", "EMSP", "EMS"), ("cpo", "CPO", "CPO")):
        _register(store, partner_id, role, party)
    _invite(store, "invited")
    _objects(store)
    _commands(store)
    _jobs(store)
    _deliveries(store)
    subject = Exchange(now_precise(), "emsp", "in", "GET", "/ocpi/cpo", 200, 1000, 5, "c-1", subject="sessions/s1")
    store.exchanges.append([subject, replace(subject, subject=None, partner_id="-")], days=14)
    store.failures.count("192.0.2.1", 4_000_000_000, most=10)
    store.signing_key()


def partner(partner_id: str, role: str, party_id: str, **changes: Any) -> Partner:
    """A registered partner that takes everything."""
    registered = Partner(
        partner_id,
        cast("Any", role),
        party_id,
        PartnerStatus.REGISTERED,
        NOW,
        version="2.1.1",
        country_code="DE",
        party_id=party_id,
        versions_url="https://partner.example/versions",
        endpoints=tuple({"identifier": each, "url": f"https://partner.example/{each}"} for each in MODULES),
        token=f"sealed-{partner_id}",
        grants=(token_hash(f"{TOKEN}-{partner_id}"),),
        registered_at=NOW,
    )
    return replace(registered, **changes)


def _register(store: Store, partner_id: str, role: str, party_id: str) -> None:
    new, old = token_hash(f"{TOKEN}-{partner_id}"), token_hash(f"{TOKEN}-old-{partner_id}")
    saved = partner(partner_id, role, party_id, grants=(new, old))
    grants = (Grant(new, partner_id, "registered", replaces=old), fading(partner_id, old))
    store.partners.save(PartnerChange(saved, expected=None, put_grants=grants, claim_party=True))
    store.partners.learn(partner_id, {"token_encoding": "base64"})
    store.partners.seen(partner_id, THEN)


def _invite(store: Store, partner_id: str) -> None:
    hashed = token_hash(f"{TOKEN}-a")
    invited = Partner(partner_id, "EMSP", "New", PartnerStatus.INVITED, NOW, grants=(hashed,), expires_at=NOW)
    grant = Grant(hashed, partner_id, "invitation", expires_at="2026-01-09T00:00:00.000000Z")
    store.partners.save(PartnerChange(invited, expected=None, put_grants=(grant,)))


def put(store: Store, collection: str, object_id: str, value: dict[str, Any], **beside: Any) -> Record:
    """Store an object as it should be, its document checked by the module's rules."""
    owner = Collection.parse(collection)
    rules = module_rules(owner.module)
    assert rules is not None
    made = draft("2.1.1", rules.check(strict_json.read(json.dumps(value))), **beside)
    return store.objects.put(Key(owner, object_id), made, expected=None)


def _objects(store: Store) -> None:
    location = put(store, "own/locations", "L1", fixture("location_min", id="L1"), audience="*")
    journal = json.dumps([[2, [["name"]]]])
    store.objects.put(location.key, location.draft(journal=journal, findings=("a finding",)), expected=1)
    put(store, "own/tariffs", "T1", fixture("tariff_max", id="T1"), audience="*")
    token = fixture("token_min", uid=UID, type="RFID", auth_id="AUTH-3")
    put(store, "own/tokens", f"RFID/{UID}", token, audience="*", lookup=token_lookup(token))
    session = fixture("session_min", auth_id="AUTH-1", status="ACTIVE")
    put(store, "own/sessions", "S1", {**session, "id": "S1"}, audience="DE-EMS")
    waiting = {"lookup": waiting_lookup("AUTH-2"), "due": NOW}
    put(store, "own/sessions", "S2", {**session, "id": "S2", "auth_id": "AUTH-2"}, **waiting)
    put(store, "own/sessions", "S3", {**session, "id": "S3", "status": "PENDING"}, audience="DE-EMS", due=NOW)
    put(store, "own/sessions", "S4", {**session, "id": "S4", "auth_id": "AUTH-3"}, lookup=ours_lookup("AUTH-3"))
    put(store, "own/cdrs", "C1", fixture("cdr_min", id="C1"), audience="DE-EMS")
    rule = Draft("2.1.1", '{"allowed":"ALLOWED"}', now_wire())
    store.objects.put(Key(Collection("own", "authorizations"), f"RFID/{UID}"), rule, expected=None)
    reservation = Draft("2.1.1", '{"command_ids":["one"]}', NOW)
    store.objects.put(Key(Collection("own", "reservations"), "DE-EMS/L1/1"), reservation, expected=None)
    token = fixture("token_min", uid=UID, type="RFID", auth_id="AUTH-1")
    put(store, "DE-EMS/tokens", f"RFID/{UID}", token, lookup=token_lookup(token), journal=THEN)
    put(store, "DE-CPO/locations", "L9", fixture("location_min", id="L9"))


def command(command_id: str, **changes: Any) -> Command:
    """A command of the eMSP that waits for its answer."""
    made = Command(command_id, "2.1.1", "emsp", "received", "STOP_SESSION", {}, "https://partner.example/r", NOW, NOW)
    return replace(made, next_look_at=NOW, **changes)


def _commands(store: Store) -> None:
    for each in (command("c1"), command("c2", direction="sent", state="timed_out", answered_at=NOW)):
        store.objects.put(each.key, command_draft(replace(each, next_look_at=NOW)), expected=None)


def _jobs(store: Store) -> None:
    sync = Sync("s1", "cpo", NOW, modules={"locations": ModulePull(full=True)})
    store.objects.put(SYNC.key("s1"), running_draft(sync, NOW), expected=None)
    store.objects.put(RECONCILIATION.key("r1"), running_draft(Reconciliation("r1", "emsp", NOW), NOW), expected=None)
    store.objects.put(Key(Collection("jobs", "reconciling"), "emsp"), Draft("2.1.1", '"r1"', NOW), expected=None)
    schedule = new_schedule("cpo", NOW, {})
    store.objects.put(schedule.key, schedule_draft(schedule), expected=None)
    Seen(store.objects, "s1", "locations").add(0, ["L9"])
    note_run(store.objects, now_precise())


def delivery(module: str, object_id: str, state: DeliveryState = DeliveryState.PENDING, **changes: Any) -> Delivery:
    """A delivery to the eMSP."""
    due = THEN if state is DeliveryState.PENDING else None
    return replace(Delivery(DeliveryKey("emsp", module, object_id), state, THEN, due=due), **changes)


def _deliveries(store: Store) -> None:
    store.deliveries.put_many(
        [
            delivery("locations", "L1"),
            delivery("sessions", "S1", DeliveryState.FAILED, http_status=400),
            delivery("cdrs", "C1", DeliveryState.DELIVERED, holds="1-x", url="https://partner.example/cdrs/C1"),
            delivery("tariffs", "gone", due=THEN, holds="1-x"),
            Delivery(DeliveryKey("cpo", "tokens", f"RFID/{UID}"), DeliveryState.PENDING, THEN, due=THEN),
        ]
    )
    caught_up = written([Job("objects", "locations")])
    store.channels.put(Channel("emsp", taken_at=THEN, catch_up=caught_up))
    store.channels.put(Channel("cpo", failures=2, paused_until=now_precise()))
