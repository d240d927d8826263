"""The demo's sessions and CDRs: believable, free of findings, and the same however often they are made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import ceil
from typing import Any

import pytest

from local.demo.cdrs import cdrs
from local.demo.locations import in_use, locations
from local.demo.sessions import sessions
from local.demo.tariffs import tariffs
from local.demo.tokens import PARTNER, tokens
from local.demo.visits import Visit, visits
from ocpi.strict_json import read
from ocpi.times import parse_instant
from ocpi.v2_1_1.cdr_findings import cdr_findings
from ocpi.v2_1_1.cdrs import CDR
from ocpi.v2_1_1.locations import Location
from ocpi.v2_1_1.model import check
from ocpi.v2_1_1.session_findings import session_findings
from ocpi.v2_1_1.sessions import Session

PARTY = {"country_code": "NL", "party_id": "EXA", "business_details": {"name": "Scheldeland Laden"}}
LOCATIONS, CARDS = locations(PARTY), tokens(PARTNER)
NOW = datetime(2026, 3, 27, 16, 42, 17, 123456, tzinfo=UTC)
MOMENTS = [NOW + timedelta(hours=7 * number, minutes=13 * number) for number in range(30)]
"""At all hours, across a change of the clocks, Sundays and the end of a month."""


def visits_at(now: datetime) -> list[Visit]:
    return visits(LOCATIONS, CARDS, now)


def sessions_at(now: datetime) -> list[dict[str, Any]]:
    return sessions(visits_at(now), tariffs(), now)


def cdrs_at(now: datetime) -> list[dict[str, Any]]:
    return cdrs(visits_at(now), tariffs(), now)


def as_received(value: dict[str, Any], model: Any) -> dict[str, Any]:
    return check(model, read(json.dumps(value)), last_updated="optional")


@pytest.mark.parametrize("now", MOMENTS)
def test_at_any_time_some_cars_charge_and_most_have_left(now: datetime) -> None:
    statuses = [session["status"] for session in sessions_at(now)]
    assert statuses.count("ACTIVE") >= 2
    assert 125 <= statuses.count("COMPLETED") <= 160
    assert statuses.count("COMPLETED") - 8 <= len(cdrs_at(now)) <= statuses.count("COMPLETED")


@pytest.mark.req("SES-08")
@pytest.mark.parametrize("now", MOMENTS[::4])
def test_every_session_is_valid_and_has_no_findings(now: datetime) -> None:
    for session in sessions_at(now):
        assert session_findings(as_received(session, Session)) == []


@pytest.mark.req("CDR-06", "CDR-07", "CDR-09", "CDR-29")
@pytest.mark.parametrize("now", MOMENTS[::4])
def test_every_cdr_is_valid_and_has_no_findings(now: datetime) -> None:
    for cdr in cdrs_at(now):
        assert cdr_findings(as_received(cdr, CDR)) == []


def recomputed(cdr: dict[str, Any]) -> Decimal:
    """Cost by its tariff: energy by the Wh, a start fee once, parking from a time on by the started quarter."""
    (tariff,) = cdr["tariffs"]
    start, cost = parse_instant(cdr["start_date_time"]), Decimal()
    for element in tariff["elements"]:
        begins = start + timedelta(seconds=element.get("restrictions", {}).get("min_duration", 0))
        for component in element["price_components"]:
            amount = sum(
                Decimal(str(dimension["volume"]))
                for period in cdr["charging_periods"]
                if parse_instant(period["start_date_time"]) >= begins
                for dimension in period["dimensions"]
                if dimension["type"] == component["type"]
            )
            if component["type"] == "PARKING_TIME":
                # Volumes have four decimals, a third of a second: a whole quarter may look like a little more.
                amount = Decimal(ceil(round(amount * 3600) / component["step_size"])) * component["step_size"] / 3600
            cost += amount * Decimal(str(component["price"]))
    return cost


@pytest.mark.req("CDR-30")
def test_the_cost_of_every_cdr_follows_from_its_tariff_and_periods() -> None:
    written = cdrs_at(NOW)
    assert {cdr["tariffs"][0]["id"] for cdr in written} == {tariff["id"] for tariff in tariffs()}
    assert any(len(cdr["charging_periods"]) == 3 and cdr["total_cost"] for cdr in written)
    for cdr in written:
        assert abs(recomputed(cdr) - Decimal(str(cdr["total_cost"]))) < Decimal("0.0001")


def test_the_tariff_of_a_cdr_is_the_one_that_its_connector_names() -> None:
    for cdr in cdrs_at(NOW):
        assert cdr["tariffs"][0]["id"] == cdr["location"]["evses"][0]["connectors"][0]["tariff_id"]


def test_a_cdr_says_what_its_session_said() -> None:
    ended = {session["id"].replace("-S", "-C"): session for session in sessions_at(NOW)}
    for cdr in cdrs_at(NOW):
        session = ended[cdr["id"]]
        assert session["status"] == "COMPLETED"
        assert (cdr["total_energy"], cdr["total_cost"]) == (session["kwh"], session["total_cost"])
        for name in ("auth_id", "auth_method", "location", "currency", "charging_periods"):
            assert cdr[name] == session[name]


def test_what_is_over_is_the_same_at_any_later_time() -> None:
    for earlier, later in pairwise(MOMENTS[:8]):
        again = {each["id"]: each for each in [*sessions_at(later), *cdrs_at(later)]}
        final = [session for session in sessions_at(earlier) if session["status"] == "COMPLETED"] + cdrs_at(earlier)
        shared = [each for each in final if each["id"] in again]
        assert len(shared) > 200
        assert all(each == again[each["id"]] for each in shared)


def test_a_session_that_goes_on_only_grows_and_is_dated_by_its_meter() -> None:
    before = {session["id"]: session for session in sessions_at(NOW) if session["status"] == "ACTIVE"}
    assert {session["last_updated"] for session in before.values()} == {"2026-03-27T16:40:00Z"}
    assert sessions_at(NOW + timedelta(minutes=2)) == sessions_at(NOW)
    after = {session["id"]: session for session in sessions_at(NOW + timedelta(minutes=30))}
    for session_id, session in before.items():
        assert after[session_id]["kwh"] >= session["kwh"]
        assert after[session_id]["last_updated"] > session["last_updated"]
        assert "end_datetime" not in session


def test_nothing_is_in_the_future() -> None:
    now = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    for each in [*sessions_at(NOW), *cdrs_at(NOW)]:
        assert each["last_updated"] <= now
        assert all(period["start_date_time"] <= now for period in each["charging_periods"])


def test_no_evse_and_no_card_is_in_two_visits_at_once() -> None:
    for name in ("evse", "card"):
        taken: dict[str, list[Visit]] = {}
        for visit in visits_at(NOW):
            taken.setdefault(visit.card["uid"] if name == "card" else visit.site["evses"][0]["uid"], []).append(visit)
        assert any(len(theirs) > 1 for theirs in taken.values())
        assert all(former.left <= latter.arrived for theirs in taken.values() for former, latter in pairwise(theirs))


def test_customers_of_the_demo_partner_charge_with_valid_cards_of_theirs() -> None:
    valid = {card["auth_id"] for card in CARDS if card["valid"]}
    used = {session["auth_id"] for session in sessions_at(NOW)}
    assert used <= valid
    assert len(used) >= 15
    assert not {card["uid"] for card in CARDS} & {card["uid"] for card in tokens(PARTY)}


def test_an_evse_where_a_car_charges_says_so() -> None:
    going_on = sessions_at(NOW)
    shown = in_use(LOCATIONS, going_on)
    status = {evse["uid"]: evse["status"] for location in shown for evse in location["evses"]}
    before = {evse["uid"]: evse["status"] for location in LOCATIONS for evse in location["evses"]}
    busy = {session["location"]["evses"][0]["uid"] for session in going_on if session["status"] == "ACTIVE"}
    assert {uid for uid in status if status[uid] != before[uid]} <= busy
    assert {status[uid] for uid in busy} == {"CHARGING"}
    assert all(as_received(location, Location) for location in shown)


def test_nobody_arrives_at_a_site_that_is_closed_on_sundays() -> None:
    sunday = [visit for visit in visits_at(NOW) if visit.arrived.weekday() == 6]
    assert sunday
    assert all(visit.site["opening_times"]["twentyfourseven"] for visit in sunday)
