"""Stories of two deployments, told by Hypothesis: each step is something that one of the operators does, that the
network does, or time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.twins.world import LOCATIONS, RESULTS, SESSIONS, STATUSES, TARIFFS, TOKENS

if TYPE_CHECKING:
    from collections import Counter

    from tests.support.twins.world import Twins

SIDES = st.sampled_from(["cpo", "emsp"])


def one_of(names: tuple[str, ...]) -> st.SearchStrategy[int]:
    """The place of one of these."""
    return st.integers(0, len(names) - 1)


class Story(RuleBasedStateMachine):
    """``twins`` is set by who tells; ``told`` counts its steps by name."""

    twins: ClassVar[Twins]
    told: ClassVar[Counter[str]]

    @initialize(seed=st.integers(0, 2**32), inviting=SIDES, strength=st.sampled_from([0.0, 0.1, 0.4]))
    def begin(self, seed: int, inviting: str, strength: float) -> None:
        self.twins.begin(seed)
        self.twins.network.strength = strength
        if not self.twins.register(inviting):
            self.twins.network.strength = 0.0
            assert self.twins.register(inviting)

    @rule(strength=st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9]))
    def weather(self, strength: float) -> None:
        self.twins.network.strength = strength

    @rule(strength=st.sampled_from([0.0, 0.2, 0.6]))
    def roughen(self, strength: float) -> None:
        self.twins.roughen(strength)

    @rule(who=SIDES, last=st.integers(0, 12))
    def kill(self, who: str, last: int) -> None:
        self.twins.kill(who, last)

    @rule(who=SIDES, seconds=st.sampled_from([5.0, 120.0, 1_200.0]))
    def down(self, who: str, seconds: float) -> None:
        self.twins.network.down = {self.twins.both[who].host}
        self.twins.wait(seconds)
        self.twins.network.down = set()

    @rule(seconds=st.sampled_from([0.5, 3.0, 30.0, 90.0, 600.0, 7_000.0]))
    def wait(self, seconds: float) -> None:
        self.twins.wait(seconds)

    @rule(who=SIDES, at_most=st.integers(1, 5))
    def work(self, who: str, at_most: int) -> None:
        self.twins.work(who, at_most)

    @rule(who=SIDES)
    def renew(self, who: str) -> None:
        self.twins.renew(who)

    @rule(inviting=SIDES)
    def register_again(self, inviting: str) -> None:
        self.twins.register(inviting)

    @rule(which=one_of(LOCATIONS), variant=st.integers(0, 3))
    def put_location(self, which: int, variant: int) -> None:
        self.twins.put_location(which, variant)

    @rule(which=one_of(LOCATIONS), status=st.sampled_from(STATUSES))
    def set_status(self, which: int, status: str) -> None:
        self.twins.set_status(which, status)

    @rule(which=one_of(TARIFFS), price=st.integers(0, 3))
    def put_tariff(self, which: int, price: int) -> None:
        self.twins.put_tariff(which, price)

    @rule(which=one_of(TARIFFS))
    def delete_tariff(self, which: int) -> None:
        self.twins.delete_tariff(which)

    @rule(which=one_of(TOKENS), valid=st.booleans())
    def put_token(self, which: int, *, valid: bool) -> None:
        self.twins.put_token(which, valid=valid)

    @rule(session=one_of(SESSIONS), token=one_of(TOKENS))
    def charge(self, session: int, token: int) -> None:
        self.twins.charge(session, token)

    @rule(session=one_of(SESSIONS))
    def finish(self, session: int) -> None:
        self.twins.finish(session)

    @rule(token=one_of(TOKENS), kind=st.sampled_from(["START_SESSION", "STOP_SESSION"]))
    def command(self, token: int, kind: str) -> None:
        self.twins.command(token, kind)

    @rule(result=st.sampled_from(RESULTS))
    def answer_command(self, result: str) -> None:
        self.twins.answer_commands(result)

    @rule(who=SIDES, full=st.booleans())
    def sync(self, who: str, *, full: bool) -> None:
        self.twins.sync(who, full=full)

    @rule(who=SIDES, repair=st.booleans())
    def reconcile(self, who: str, *, repair: bool) -> None:
        self.twins.reconcile(who, repair=repair)

    @invariant()
    def nothing_goes_back(self) -> None:
        self.told["steps"] += 1
        self.twins.look()

    def teardown(self) -> None:
        self.told["stories"] += 1
        self.twins.quiet()
