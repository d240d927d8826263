"""Tokens at their edges: the last moment, the first use, two callers with one token at every step of each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import Unauthorized
from ocpi.faults import Invalid
from ocpi.registration.tokens import OVERLAP_SECONDS
from ocpi.store.port import Grant, PartnerChange, PartnerStatus
from ocpi.transport import authentication
from ocpi.transport.authentication import token_hash
from tests.unit.registration.killer import Killer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.registration.world import World

MICROSECOND = timedelta(microseconds=1)
LOOKED_UP = 2
"""The step of a request by which it knows its caller: the grant first, then the partner."""


class Meanwhile(Killer):
    """At the n-th step of a flow another one runs, from its beginning to its end."""

    def __init__(self, n: int, other: Callable[[], object]) -> None:
        super().__init__(0, "before")
        self._at, self._other = n, other
        self.ran = False

    def call(self, method: Any, args: Any, kwargs: Any) -> Any:
        self._at -= 1
        if self._at == 0:
            self.ran = True
            self._other()
        return super().call(method, args, kwargs)


def at_every_step(other: Callable[[], object]) -> Iterator[Meanwhile]:
    """As :func:`tests.unit.registration.killer.every_step`."""
    n, ran = 0, True
    while ran:
        n += 1
        meanwhile = Meanwhile(n, other)
        yield meanwhile
        ran = meanwhile.ran
    assert n > 2, "the flow took no steps: it was not watched"


def attempt(flow: Callable[..., str], *args: Any, **more: Any) -> str | None:
    """The token that a flow gives, ``None`` if it is refused."""
    try:
        return flow(*args, **more)
    except (Unauthorized, Invalid):
        return None


def beside(world: World, flow: Callable[..., str], token: str) -> str | None:
    """As :func:`attempt`, by a second caller: what the first one let us call it with goes on to open."""
    of_the_first = set(world.partner.ours)
    try:
        return attempt(flow, token)
    finally:
        world.partner.ours |= of_the_first


def at(monkeypatch: pytest.MonkeyPatch, instant: datetime) -> None:
    """Let it be that time for whoever authenticates."""
    monkeypatch.setattr(authentication, "now_precise", lambda: f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}")


def end_of(world: World, token: str) -> datetime:
    grant = world.partners.grant(token_hash(token))
    assert grant is not None
    assert grant.expires_at is not None
    return datetime.fromisoformat(grant.expires_at)


@pytest.mark.req("CR-37")
def test_of_two_callers_with_one_token_a_exactly_one_registers_whenever_they_meet(
    new_world: Callable[[], World],
) -> None:
    tokens: dict[str, Any] = {}

    def other() -> None:
        tokens["other"] = beside(tokens["world"], tokens["world"].post, tokens["a"])

    for meanwhile in at_every_step(other):
        world = new_world()
        tokens |= {"world": world, "a": world.invite(), "other": None}
        first = attempt(world.post, tokens["a"], meanwhile)
        got = [token for token in (first, tokens["other"]) if token is not None]
        assert len(got) == 1
        (partner,) = world.known
        assert partner.status is PartnerStatus.REGISTERED
        assert partner.grants == (token_hash(got[0]),)
        assert world.partner.opens(got[0]) == "registered"
        assert world.partner.opens(tokens["a"]) is None
        assert attempt(world.post, tokens["a"]) is None


@pytest.mark.req("CR-14")
def test_two_renewals_with_one_token_lose_neither_new_token_whenever_they_meet(new_world: Callable[[], World]) -> None:
    tokens: dict[str, Any] = {}

    def other() -> None:
        tokens["other"] = beside(tokens["world"], tokens["world"].put, tokens["c"])

    for step, meanwhile in enumerate(at_every_step(other), 1):
        world = new_world()
        token_c = world.post(world.invite())
        tokens |= {"world": world, "c": token_c, "other": None}
        first = attempt(world.put, token_c, meanwhile)
        given = [token for token in (first, tokens["other"]) if token is not None]
        assert given
        if step <= LOOKED_UP:
            # The other one was over before this one began: one that is repeated, whose tokens are used as they came.
            given.reverse()
        assert {world.partner.opens(token) for token in given} == {"registered"}
        assert world.partner.opens(token_c) is None


@pytest.mark.req("CR-14")
def test_the_first_use_of_a_new_token_at_any_step_of_a_request_with_the_old_one_ends_the_old_one(
    new_world: Callable[[], World],
) -> None:
    state: dict[str, Any] = {}

    def other() -> None:
        assert state["world"].partner.opens(state["d"]) == "registered"

    for meanwhile in at_every_step(other):
        world = new_world()
        token_c = world.post(world.invite())
        state |= {"world": world, "d": world.put(token_c)}
        renewed = attempt(world.put, token_c, meanwhile)
        if meanwhile.ran:
            assert world.partner.opens(token_c) is None
        # What the partner was given last opens, unless it was refused.
        assert world.partner.opens(renewed or state["d"]) == "registered"


def test_an_invitation_opens_until_the_microsecond_at_which_it_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_a = world.invite()
    (partner,) = world.known
    end = datetime.now(UTC) + timedelta(days=7)
    grant = Grant(token_hash(token_a), partner.id, "invitation", expires_at=f"{end:%Y-%m-%dT%H:%M:%S.%fZ}")
    world.partners.save(PartnerChange(partner, expected=partner.revision, put_grants=(grant,)))
    for moment, opens in ((end - MICROSECOND, "invitation"), (end, None), (end + MICROSECOND, None)):
        at(monkeypatch, moment)
        assert world.partner.opens(token_a) == opens
    with pytest.raises(Unauthorized):
        world.post(token_a)


@pytest.mark.req("CR-14")
def test_a_replaced_token_opens_until_the_microsecond_at_which_its_hour_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_c = world.post(world.invite())
    before = datetime.now(UTC)
    token_d = world.put(token_c)
    end = end_of(world, token_c)
    assert before + timedelta(seconds=OVERLAP_SECONDS) <= end <= datetime.now(UTC) + timedelta(seconds=OVERLAP_SECONDS)
    at(monkeypatch, end - MICROSECOND)
    assert world.partner.opens(token_c) == "registered"
    at(monkeypatch, end)
    assert world.partner.opens(token_c) is None
    assert world.partner.opens(token_d) == "registered"
