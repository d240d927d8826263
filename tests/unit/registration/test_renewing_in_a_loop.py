"""Renewals without end: the tokens that open stay few, and among them are those that the partner may have."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import PartnerFailed, Unauthorized
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.registration.tokens import MOST_UNUSED, OVERLAP_SECONDS, in_seconds, offer, succession
from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.port import Grant, Partner, PartnerChange, PartnerStatus
from ocpi.times import now_precise
from ocpi.transport.authentication import authenticate, token_hash
from ocpi.vault.keyfile import KeyFileVault
from tests.support.stores import moto_backend, sqlite_backend
from tests.support.storm.table import StormyTable
from tests.unit.registration.counterpart import Counterpart
from tests.unit.registration.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.port import Store

LOOP = 50
MOST_BYTES = 8000
"""Of a partner with all tokens that it may have; an item of DynamoDB may have 400 kB."""


class Grants:
    """The grants that the store knows."""

    def __init__(self, *grants: Grant) -> None:
        self._grants = {grant.hash: grant for grant in grants}

    def grant(self, hashed: str) -> Grant | None:
        return self._grants.get(hashed)


def partner(*hashes: str) -> Partner:
    return Partner("p-1", "EMSP", "Partner", PartnerStatus.REGISTERED, "2026-01-01T00:00:00Z", grants=hashes)


def grant(hashed: str, seconds: int | None = None, *, older: tuple[str, ...] = ()) -> Grant:
    replaces, ends = (older[0], older[1:]) if older else (None, ())
    expires_at = None if seconds is None else in_seconds(seconds)
    return Grant(hashed, "p-1", "registered", expires_at=expires_at, replaces=replaces, ends=ends)


def successors(count: int) -> list[Grant]:
    """Of the token ``c``, newest first, with ``c`` behind them: only the newest is nobody's forerunner yet."""
    fading = [grant(f"d{number}", 3000 - number, older=("c",)) for number in range(1, count)]
    return [grant("d0", older=("c",)), *fading, grant("c", 3500)]


@pytest.mark.parametrize(("count", "dropped"), [(MOST_UNUSED, ()), (MOST_UNUSED + 1, (f"d{MOST_UNUSED}",))])
def test_of_more_successors_than_are_kept_the_oldest_goes(count: int, dropped: tuple[str, ...]) -> None:
    known = successors(count)
    now = partner(*(each.hash for each in known))
    found = succession(Grants(*known), now, "new", replaces="c", began=now)  # type: ignore[arg-type] # what it asks
    assert found.drop == dropped
    assert found.grants == (token_hash("new"), *(f"d{number}" for number in range(MOST_UNUSED)), "c")
    assert found.put[0].replaces == "c"
    assert found.put[0].ends[0] == "d0"


@pytest.mark.parametrize(("count", "dropped"), [(MOST_UNUSED, ()), (MOST_UNUSED + 1, ("o0",))])
def test_of_more_offers_than_are_kept_the_oldest_goes(count: int, dropped: tuple[str, ...]) -> None:
    offers = [grant(f"o{number}", 3000 + number) for number in range(count)]
    known = [grant("d", older=("c",)), grant("c", 60), *offers, grant("over", -1)]
    now = partner(*(each.hash for each in known))
    found = offer(Grants(*known), now, "new")  # type: ignore[arg-type] # what it asks
    kept = tuple(each.hash for each in offers if each.hash not in dropped)
    assert found.grants == ("d", "c", *kept, token_hash("new"))
    assert set(found.drop) == {"over", *dropped}
    (offered,) = found.put
    assert (offered.hash, offered.kind, offered.older) == (token_hash("new"), "registered", ())
    assert in_seconds(OVERLAP_SECONDS - 60) < str(offered.expires_at) <= in_seconds(OVERLAP_SECONDS)


def test_a_loop_from_one_side_drops_no_offer_of_the_other() -> None:
    known = [*successors(MOST_UNUSED + 1), grant("offer", 1)]
    now = partner(*(each.hash for each in known))
    found = succession(Grants(*known), now, "new", replaces="c", began=now)  # type: ignore[arg-type] # what it asks
    assert "offer" in found.grants


def test_the_newest_stays_in_front_though_it_opens_nothing_any_more() -> None:
    found = offer(Grants(grant("d", -1)), partner("d", "c"), "new")  # type: ignore[arg-type] # what it asks
    assert (found.grants, found.drop) == (("d", token_hash("new")), ("c",))


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        with sqlite_backend(tmp_path) as backend:
            yield backend.open()
    else:
        table: Any = StormyTable(Random(1))
        yield DynamoDBStore("table", table)


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    return world_of(store, tmp_path)


def world_of(store: Any, folder: Path) -> World:
    return World(store, KeyFileVault(folder / "vault.key"), Counterpart(store.partners))


def opens(world: World, token: str) -> bool:
    """Without its being used, which would end others."""
    known = world.partners.grant(token_hash(token))
    stored = world.known[0]
    return (
        known is not None
        and (known.expires_at is None or known.expires_at > now_precise())
        and known.hash in stored.grants
    )


def is_refused(world: World, token: str) -> bool:
    try:
        authenticate(world.partners, f"Token {token}", our_role="CPO")
    except Unauthorized:
        return True
    return False


@pytest.mark.req("CR-14")
def test_a_partner_that_renews_in_a_loop_with_one_token_stays_small_and_is_let_in(world: World) -> None:
    used = world.post(world.invite())
    given = [world.put(used) for _ in range(LOOP)]
    assert [opens(world, token) for token in given] == [False] * (LOOP - MOST_UNUSED - 1) + [True] * (MOST_UNUSED + 1)
    assert opens(world, used)
    assert len(json.dumps(asdict(world.known[0]))) < MOST_BYTES
    assert is_refused(world, given[0])
    assert not is_refused(world, used)
    for token in (given[-MOST_UNUSED - 1], given[-1]):
        assert not is_refused(world, token)
    assert is_refused(world, used)


def test_the_oldest_successors_go_in_the_transaction_of_the_renewal(tmp_path: Path) -> None:
    with moto_backend() as backend:
        world = world_of(backend.open(), tmp_path)
        used = world.post(world.invite())
        before = world.known[0]
        known = tuple(replace(each, partner_id=before.id) for each in successors(LOOP)[:-1])
        full = replace(before, grants=(*(each.hash for each in known), token_hash(used)))
        world.partners.save(PartnerChange(full, expected=before.revision, put_grants=known))
        newest = world.put(used)
        kept = tuple(each.hash for each in known[:MOST_UNUSED])
        assert world.known[0].grants == (token_hash(newest), *kept, token_hash(used))
        found = [world.partners.grant(each.hash) is not None for each in known]
        assert found == [True] * MOST_UNUSED + [False] * (LOOP - MOST_UNUSED)


def test_a_token_that_the_partner_uses_outlives_any_number_of_ours_until_one_of_them_is_used(world: World) -> None:
    used = world.post(world.invite())
    first = world.put(used)
    for _ in range(MOST_UNUSED + 5):
        world.initiator().renew(world.known[0])
    assert opens(world, used)
    assert not opens(world, first)
    assert len(world.known[0].grants) == MOST_UNUSED + 3
    assert not is_refused(world, used)
    assert not is_refused(world, str(world.partner.on_us))
    assert is_refused(world, used)


def test_offers_whose_answer_is_lost_stay_few_and_the_last_ones_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = world.post(world.invite())
    offered: list[str] = []

    def lost(*arguments: object, **_: object) -> None:
        offered.append(str(arguments[-1]))
        try:
            raise PartnerUnreachable("timeout", "no answer")
        except PartnerUnreachable as error:
            raise PartnerFailed("no answer", status_code=3001, step="credentials") from error

    monkeypatch.setattr("ocpi.registration.initiator.Initiator._exchange", lost)
    for _ in range(MOST_UNUSED + 5):
        with pytest.raises(PartnerFailed):
            world.initiator().renew(world.known[0])
    assert [opens(world, token) for token in offered] == [False] * 4 + [True] * (MOST_UNUSED + 1)
    assert opens(world, used)
    assert not is_refused(world, offered[-1])
