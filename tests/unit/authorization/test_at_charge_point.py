"""May this token charge here: who decides, and what the operator is told (reading A-29)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from ocpi.authorization.at_charge_point import authorize
from ocpi.authorization.real_time import Asking, Question, Reply
from tests.unit.authorization.emsps import emsp, given

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocpi.store.port import Partner, Store

PLACE = {"location_id": "L-1"}
TEXT = {"language": "en", "text": "Welcome"}


class Asked:
    """Stands for :class:`Asking`: partners reply in this order, and who was asked what is remembered."""

    def __init__(self, **replies: Reply) -> None:
        self.scripted = replies
        self.partners: list[str] = []
        self.questions: list[Question] = []

    def replies(self, partners: Sequence[Partner], question: Question) -> Iterator[tuple[Partner, Reply]]:
        self.questions.append(question)
        self.partners = [str(partner.party_id) for partner in partners]
        by_id = {partner.party_id: partner for partner in partners}
        yield from ((by_id[party_id], reply) for party_id, reply in self.scripted.items() if party_id in by_id)


def answered(allowed: str, **more: Any) -> Reply:
    return Reply("answered", {"allowed": allowed, **more})


def told(store: Store, asked: Asked, token_type: str | None = None) -> dict[str, Any]:
    """What the operator is told of the token U-1 at PLACE."""
    return authorize(store, cast("Asking", asked), "U-1", token_type, PLACE, until=time.monotonic() + 3)


def result(allowed: str, source: str, partner: str | None, **more: Any) -> dict[str, Any]:
    return {"allowed": allowed, "location": None, "info": None, "source": source, "partner": partner, **more}


@pytest.mark.req("TOK-18", "TOK-20")
@pytest.mark.parametrize(
    ("whitelist", "valid", "allowed"),
    [("ALWAYS", True, "ALLOWED"), ("ALWAYS", False, "BLOCKED"), ("ALLOWED", True, "ALLOWED")],
)
def test_what_the_whitelist_decides_is_asked_of_nobody(store: Store, whitelist: str, valid: bool, allowed: str) -> None:
    given(store, emsp(store, "AAA", "https://a"), "U-1", whitelist=whitelist, valid=valid)
    asked = Asked(AAA=answered("NO_CREDIT"))
    assert told(store, asked) == result(allowed, "whitelist", "partner-aaa")
    assert asked.questions == []


TO_BE_ASKED = [
    ("ALLOWED", False, "NOT_ALLOWED"),
    ("ALLOWED_OFFLINE", True, "ALLOWED"),
    ("ALLOWED_OFFLINE", False, "NOT_ALLOWED"),
    ("NEVER", True, "NOT_ALLOWED"),
    ("NEVER", False, "NOT_ALLOWED"),
]


@pytest.mark.req("TOK-17", "TOK-19", "TOK-20", "TOK-45")
@pytest.mark.parametrize(("whitelist", "valid", "offline"), TO_BE_ASKED)
def test_otherwise_the_partner_whose_token_it_is_decides(
    store: Store, whitelist: str, valid: bool, offline: str
) -> None:
    given(store, emsp(store, "AAA", "https://a"), "U-1", whitelist=whitelist, valid=valid, type="OTHER")
    emsp(store, "BBB", "https://b")
    answer = answered("ALLOWED", location=PLACE, info=TEXT)
    for reply, expected in (
        (answer, result("ALLOWED", "realtime", "partner-aaa", location=PLACE, info=TEXT)),
        *((answered(no), result(no, "realtime", "partner-aaa")) for no in ("BLOCKED", "EXPIRED", "NO_CREDIT")),
        (Reply("refused"), result("NOT_ALLOWED", "realtime", "partner-aaa")),
        (Reply("unknown"), result("NOT_ALLOWED", "unknown", "partner-aaa")),
        (Reply("unreachable"), result(offline, "offline", "partner-aaa")),
    ):
        asked = Asked(AAA=reply, BBB=answered("ALLOWED"))
        assert told(store, asked) == expected
        assert asked.partners == ["AAA"]
        assert (asked.questions[0].token_type, asked.questions[0].asked) == ("OTHER", PLACE)
    assert told(store, Asked()) == result(offline, "offline", "partner-aaa")  # no reply in time


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"AAA": Reply("unknown"), "BBB": answered("ALLOWED")}, ("ALLOWED", "realtime", "partner-bbb")),
        ({"BBB": answered("BLOCKED"), "AAA": answered("ALLOWED")}, ("ALLOWED", "realtime", "partner-aaa")),
        ({"BBB": answered("EXPIRED"), "AAA": answered("BLOCKED")}, ("EXPIRED", "realtime", "partner-bbb")),
        ({"AAA": Reply("unknown"), "BBB": answered("NOT_ALLOWED")}, ("NOT_ALLOWED", "realtime", "partner-bbb")),
        ({"AAA": Reply("unknown"), "BBB": Reply("unknown")}, ("NOT_ALLOWED", "unknown", None)),
        ({"AAA": Reply("refused"), "BBB": Reply("unreachable")}, ("NOT_ALLOWED", "unknown", None)),
        ({}, ("NOT_ALLOWED", "unknown", None)),
    ],
)
def test_a_token_that_nobody_gave_us_is_asked_of_everybody_who_serves_tokens(
    store: Store, replies: dict[str, Reply], expected: tuple[str, str, str | None]
) -> None:
    for party_id, url in (("AAA", "https://a"), ("BBB", "https://b"), ("CCC", None)):
        emsp(store, party_id, url)
    asked = Asked(**replies)
    assert told(store, asked) == result(*expected)
    assert asked.partners == ["AAA", "BBB"]
    assert asked.questions[0].token_type == "RFID"


def test_the_first_allowed_ends_the_asking(store: Store) -> None:
    emsp(store, "AAA", "https://a")

    class Endless(Asked):
        def replies(self, partners: Sequence[Partner], question: Question) -> Iterator[tuple[Partner, Reply]]:
            yield partners[0], answered("ALLOWED")
            pytest.fail("nobody waits for the others")

    assert told(store, Endless())["allowed"] == "ALLOWED"


@pytest.mark.req("TOK-38")
def test_another_type_of_a_known_uid_is_another_token(store: Store) -> None:
    given(store, emsp(store, "AAA", "https://a"), "U-1", whitelist="ALWAYS")
    asked = Asked(AAA=Reply("unknown"))
    assert told(store, asked, "OTHER") == result("NOT_ALLOWED", "unknown", None)
    assert asked.questions[0].token_type == "OTHER"


def test_with_no_partner_at_all_a_token_is_unknown(store: Store) -> None:
    assert told(store, Asked()) == result("NOT_ALLOWED", "unknown", None)
