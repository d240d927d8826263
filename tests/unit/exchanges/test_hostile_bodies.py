"""Bodies that are made to be dear, or to have a card's number shown under a harmless name."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpi.commands.answers import RESULTS
from ocpi.exchanges.blots import BLOT, LONGEST_SECRET, MOST_SECRETS, Blots
from ocpi.exchanges.bodies import MOST_BYTES, explanation, sentence
from ocpi.v2_1_1.tokens import Allowed, TokenType, WhitelistType

CARD = "CARDX9"


def knowing(*secrets: object) -> Blots:
    blots = Blots()
    for secret in secrets:
        blots.add(secret)
    return blots


def explained(request: Any, answer: Any, module: str | None, blots: Blots) -> Any:
    return json.loads(str(explanation(json.dumps(request).encode(), json.dumps(answer).encode(), module, blots)))


class CountingBlots(Blots):
    """Counts the texts and characters that are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.texts = self.characters = 0

    def clean(self, text: str) -> str:
        self.texts += 1
        self.characters += len(text)
        return super().clean(text)


def _as_it_was(secrets: list[str]) -> re.Pattern[str]:
    """How secrets were looked for before there was a limit to them."""
    spellings = {each for text in secrets for each in (text, quote(text, safe=""), text.replace("/", r"\/"))}

    def one(spelling: str) -> str:
        escaped = re.escape(spelling)
        return escaped if len(spelling) >= 4 else rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])"

    return re.compile("|".join(map(one, sorted(spellings, key=len, reverse=True))), re.IGNORECASE)


_LETTERS = st.text(alphabet="abAB/é İıſKſ1-.", max_size=40)
_SECRETS = st.lists(st.text(alphabet="abAB/éiIsk1-", min_size=1, max_size=7), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(secrets=_SECRETS, text=_LETTERS)
def test_whatever_an_alternation_finds_is_blotted(secrets: list[str], text: str) -> None:
    pattern = _as_it_was([secret.strip() for secret in secrets if secret.strip()])
    cleaned = knowing(*secrets).clean(text)
    left = iter(pattern.sub("", text))
    assert all(character in left for character in cleaned.replace(BLOT, "")), "nothing is shown that was not before"
    for part in cleaned.split(BLOT):
        assert not [match for match in pattern.finditer(part) if len(match[0]) >= 4]


@pytest.mark.parametrize(
    ("secret", "text"),
    [("ſtraße", "STRASSE STRAẞE"[8:]), ("kelvin", "\u212aELVIN"), ("disc", "DıSC"), ("ΐabc", "\u1fd3ABC")],
)
def test_letters_that_differ_by_case_only_are_one(secret: str, text: str) -> None:
    assert knowing(secret).clean(f"<{text}>") == f"<{BLOT}>"


def test_overlapping_secrets_leave_nothing() -> None:
    assert knowing("abab", "babc").clean("xababc ababab") == "x… …"


def test_so_many_secrets_are_looked_for_and_no_more() -> None:
    blots = knowing(*range(10_000, 10_000 + MOST_SECRETS))
    assert blots.clean("all is well 10000") == "all is well …"
    blots.add(10_000)
    assert not blots.is_overfull, "one that is known already is no other"
    blots.add("one more")
    assert blots.is_overfull
    assert blots.clean("all is well") == BLOT
    assert sentence("all is well", blots) == BLOT


def test_a_secret_as_long_as_a_page_is_not_looked_for() -> None:
    assert knowing("x" * LONGEST_SECRET).clean("all is well") == "all is well"
    assert knowing("x" * (LONGEST_SECRET + 1)).clean("all is well") == BLOT


def test_of_a_text_that_is_full_of_a_secret_nothing_is_shown() -> None:
    assert knowing("aaaa").clean("a" * 100 + " and more") == "… and more"
    assert knowing("aaaa").clean("a" * 60_000 + " and more") == BLOT


def test_bodies_with_thousands_of_secrets_are_not_kept() -> None:
    uids = [f"u{number}" for number in range(5000)]
    shown = explained({"uid": uids, "type": "zz/ " * 100}, {"text": "zz/ " * 8000}, "tokens", Blots())
    assert re.fullmatch("[0-9]+ bytes, with too many secrets to be kept", shown["request"])
    assert re.fullmatch("[0-9]+ bytes, with too many secrets to be kept", shown["answer"])


@pytest.mark.parametrize("module", ["locations", "tokens"])
def test_no_more_texts_are_looked_at_than_are_kept(module: str) -> None:
    blots = CountingBlots()
    texts = {"uid": "0123456789", "name": ["zz"] * 5000, "text": {f"n{chr(97 + n)}": "zz" for n in range(26)}}
    text = explanation(json.dumps(texts).encode(), json.dumps([texts] * 2).encode(), module, blots)
    assert len(str(text).encode()) <= MOST_BYTES
    assert "zz" in str(text)
    assert blots.texts <= 2 * MOST_BYTES
    assert blots.characters <= 2 * MOST_BYTES + 100


WORDS = {"type": TokenType, "whitelist": WhitelistType, "allowed": Allowed, "result": RESULTS}


@pytest.mark.parametrize("name", WORDS)
def test_each_word_that_a_field_may_hold_is_shown(name: str) -> None:
    for word in WORDS[name]:
        assert explained({name: word}, {}, "tokens", Blots())["request"] == {name: word}


@pytest.mark.parametrize("module", ["tokens", "commands", "credentials", None])
@pytest.mark.parametrize(
    "name",
    [
        *("type", "valid", "whitelist", "language", "last_updated", "timestamp", "expiry_date", "allowed", "result"),
        *("status_code", "country_code", "party_id", "version", "versions", "identifier"),
    ],
)
def test_a_card_under_a_harmless_name_is_hidden(name: str, module: str | None) -> None:
    for value in (CARD, [CARD], {name: CARD}):
        assert CARD not in json.dumps(explained({name: value}, {"data": {name: value}}, module, Blots()))
    if name != "status_code":
        assert explained({name: 4711}, {}, module, Blots())["request"] == {name: BLOT}
