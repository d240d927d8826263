"""Tokens and what becomes of a partner's grants, by the rules of :mod:`ocpi.registration.tokens` alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ocpi.registration import tokens
from ocpi.registration.tokens import (
    HANDSHAKE_SECONDS,
    INVITATION_SECONDS,
    MOST_ENDED,
    OVERLAP_SECONDS,
    fading,
    in_seconds,
    new_token,
    registered,
    succession,
)
from ocpi.store.port import Grant, Partner, PartnerStatus
from ocpi.transport.authentication import token_hash

NOW, LATER = "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000001Z"
NEW = token_hash("new")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "now_precise", lambda: NOW)


class Grants:
    """The grants that the store knows."""

    def __init__(self, *grants: Grant) -> None:
        self._grants = {grant.hash: grant for grant in grants}

    def grant(self, hashed: str) -> Grant | None:
        return self._grants.get(hashed)


def grant(hashed: str, expires_at: str | None = None, **more: Any) -> Grant:
    return Grant(hashed, "p-1", "registered", expires_at=expires_at, **more)


def partner(*hashes: str) -> Partner:
    return Partner("p-1", "EMSP", "Partner", PartnerStatus.REGISTERED, "2026-01-01T00:00:00Z", grants=hashes)


def succeed(grants: Grants, now: Partner, replaces: str, began: Partner | None = None) -> Any:
    return succession(grants, now, "new", replaces=replaces, began=began or now)  # type: ignore[arg-type] # what it asks


def ends(found: Any) -> tuple[str, ...]:
    answer: tuple[str, ...] = found.put[0].ends
    return answer


def test_times_are_those_that_are_promised() -> None:
    assert (INVITATION_SECONDS, OVERLAP_SECONDS, HANDSHAKE_SECONDS, MOST_ENDED) == (604_800, 3600, 300, 8)


def test_a_token_is_256_random_bits_behind_its_prefix() -> None:
    made = {new_token() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"ocpi_[A-Za-z0-9_-]{43}", token) for token in made)


def test_an_instant_is_told_to_the_microsecond() -> None:
    before = datetime.now(UTC)
    found = in_seconds(90)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found)
    assert before <= datetime.fromisoformat(found) - timedelta(seconds=90) <= datetime.now(UTC)


def test_a_registered_grant_holds_the_hash_and_what_it_is_told() -> None:
    assert registered("p-1", "new") == Grant(NEW, "p-1", "registered")
    assert registered("p-1", "new", replaces="c", expires_at=LATER) == grant(NEW, LATER, replaces="c")


def test_a_replaced_token_fades_within_the_hour_and_still_ends_what_it_replaced() -> None:
    plain, known = fading("p-1", "c"), fading("p-1", "c", grant("c", replaces="b", ends=("a",)))
    assert (plain.hash, plain.partner_id, plain.kind, plain.replaces) == ("c", "p-1", "registered", None)
    assert (known.hash, known.kind, known.replaces, known.ends) == ("c", "registered", "b", ("a",))
    offered = fading("p-1", "c", Grant("c", "p-1", "handshake"))
    assert offered.kind == "registered"
    for each in (plain, known, offered):
        assert each.expires_at is not None
        lasts = datetime.fromisoformat(each.expires_at) - datetime.now(UTC)
        assert timedelta(seconds=3595) < lasts <= timedelta(hours=1)


def test_a_new_token_replaces_the_one_that_was_shown() -> None:
    found = succeed(Grants(grant("c")), partner("c"), "c")
    assert found.grants == (NEW, "c")
    assert found.put[0] == grant(NEW, replaces="c")
    assert [each.hash for each in found.put] == [NEW, "c"]
    assert found.put[1].expires_at is not None
    assert found.drop == ()


def test_a_token_that_is_no_grant_any_more_fades_all_the_same() -> None:
    found = succeed(Grants(), partner("c"), "c")
    assert (found.grants, [each.hash for each in found.put]) == ((NEW, "c"), [NEW, "c"])


def test_what_has_ended_is_dropped_at_its_very_instant() -> None:
    grants = Grants(grant("over", NOW), grant("open", LATER), grant("c"))
    found = succeed(grants, partner("over", "open", "gone", "c"), "c")
    assert found.grants == (NEW, "open", "c")
    assert found.drop == ("over", "gone")


def test_what_was_shown_stays_though_its_time_is_over() -> None:
    found = succeed(Grants(grant("c", NOW)), partner("c"), "c")
    assert (found.grants, found.drop) == ((NEW, "c"), ())


def test_an_earlier_successor_that_was_never_used_fades_and_ends_with_the_new_one() -> None:
    grants = Grants(grant("d", replaces="c"), grant("c", LATER))
    found = succeed(grants, partner("d", "c"), "c")
    assert found.grants == (NEW, "d", "c")
    assert ends(found) == ("d",)
    new, old, earlier = found.put
    assert (new.replaces, old.hash, earlier.hash, earlier.replaces) == ("c", "c", "d", "c")
    assert earlier.expires_at is not None


def test_what_the_shown_one_would_have_ended_ends_with_the_new_one() -> None:
    grants = Grants(grant("d", replaces="c", ends=("b",)), grant("c", LATER), grant("b", LATER))
    found = succeed(grants, partner("d", "c", "b"), "d")
    assert found.grants == (NEW, "c", "b", "d")
    assert ends(found) == ("c", "b")


def test_an_offer_with_an_end_of_its_own_is_not_ended() -> None:
    found = succeed(Grants(grant("c"), grant("offer", LATER)), partner("c", "offer"), "c")
    assert found.grants == (NEW, "offer", "c")
    assert ends(found) == ()
    assert [each.hash for each in found.put] == [NEW, "c"]


def test_what_came_since_the_renewal_began_is_not_ended() -> None:
    grants = Grants(grant("e", replaces="c"), grant("d"), grant("c", LATER))
    found = succeed(grants, partner("e", "d", "c"), "c", began=partner("d", "c"))
    assert found.grants == (NEW, "e", "d", "c")
    assert ends(found) == ("d",)
    assert [each.hash for each in found.put] == [NEW, "c", "d"]


def test_where_nobody_knows_what_came_since_nothing_is_ended() -> None:
    grants = Grants(grant("e"), grant("d"), grant("c", LATER))
    found = succeed(grants, partner("e", "d", "c"), "c", began=partner("b"))
    assert (found.grants, ends(found)) == ((NEW, "e", "d", "c"), ())


def test_a_token_that_the_partner_has_already_is_put_first_once() -> None:
    found = succeed(Grants(grant(NEW, LATER), grant("c")), partner("c", NEW), "c")
    assert found.grants == (NEW, "c")
    assert found.put[0] == grant(NEW, replaces="c")
    assert found.drop == ()


def test_eight_successors_end_with_the_new_one_and_more_have_their_hour() -> None:
    older = tuple(f"d{number}" for number in range(MOST_ENDED + 1))
    found = succeed(Grants(grant("c"), *map(grant, older)), partner(*older, "c"), "c")
    assert ends(found) == older[:MOST_ENDED]
    assert found.grants == (NEW, *older, "c")
    assert [each.hash for each in found.put[2:]] == list(older)
    assert all(each.expires_at is not None for each in found.put[1:])
