"""Which of too many tokens stay, by the rules of :mod:`ocpi.registration.tokens` alone."""

from __future__ import annotations

from typing import Any, cast

from ocpi.registration.tokens import Succession, offer, succession
from ocpi.store.port import Grant, Partner, PartnerStatus

NEWEST = Grant("newest", "p-1", "registered")


class Grants:
    """The grants that a partner has, the newest first; ``NEWEST`` before them."""

    def __init__(self, *grants: Grant) -> None:
        self._known = {grant.hash: grant for grant in (NEWEST, *grants)}
        self.partner = Partner(
            "p-1",
            "EMSP",
            "Partner",
            PartnerStatus.REGISTERED,
            "2026-01-01T00:00:00Z",
            grants=tuple(self._known),
        )

    def grant(self, hashed: str) -> Grant | None:
        return self._known.get(hashed)

    def offered(self) -> Succession:
        return offer(cast("Any", self), self.partner, "new")


def grant(hashed: str, age: int, **more: Any) -> Grant:
    """One that ends in a far year; of a greater ``age`` earlier."""
    return Grant(hashed, "p-1", "registered", expires_at=f"{2999 - age}-01-01T00:00:00.000000Z", **more)


def test_ten_offers_and_ten_successors_of_one_another_are_not_too_many() -> None:
    offers = [grant(f"offer {age}", age) for age in range(10)]
    chain = [grant(f"successor {age}", age, replaces=f"successor {age + 1}") for age in range(10)]
    grants = Grants(*offers, *chain)
    found = grants.offered()
    assert found.drop == ()
    assert found.grants[:-1] == grants.partner.grants


def test_of_two_tokens_that_were_used_the_one_that_was_replaced_first_stays() -> None:
    used = [
        grant("used first", 103),
        grant("used second", 102),
        grant("after first", 101, replaces="used first"),
        grant("after second", 100, replaces="used second"),
    ]
    unused = [grant(f"unused {age}", age, replaces="gone") for age in range(16)]
    found = Grants(*unused, *used).offered()
    assert set(found.drop) == {"used second", "after first", "after second"}


def test_the_first_use_of_a_token_ends_eight_others() -> None:
    older = [Grant(f"unused {number}", "p-1", "registered") for number in range(10)]
    grants = Grants(*older)
    found = succession(cast("Any", grants), grants.partner, "new", replaces="newest", began=grants.partner)
    assert len(found.put[0].ends) == 8
