"""The operator key at its edges: by a clock and a place of the test's own."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ocpi import operator_key
from ocpi.kept_secret import SecretUnreadable, SecretVersions
from ocpi.observability import logger
from ocpi.operator_key import OperatorKeys

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST, SECOND = "the first operator key", "the second operator key"
TODAY = 1_800_000_000.0


@dataclass
class Place:
    """What is kept, how often it was read and for changes since when; both clocks."""

    versions: SecretVersions | Exception = field(default_factory=lambda: SecretVersions(FIRST, TODAY - 10_000))
    asked: list[float] = field(default_factory=list)
    now: float = 0.0

    def read(self, changed_after: float) -> SecretVersions:
        self.asked.append(changed_after)
        if isinstance(self.versions, Exception):
            raise self.versions
        return self.versions


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def keys_at(place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], OperatorKeys]:
    def make(where: str) -> OperatorKeys:
        return OperatorKeys(where, steady=lambda: place.now, wall=lambda: TODAY + place.now)

    def reader(where: str) -> Any:
        assert where in ("file:x", "secretsmanager:x")
        return place.read

    monkeypatch.setattr(operator_key, "versions_reader", reader)
    return make


@pytest.fixture
def keys(keys_at: Callable[[str], OperatorKeys]) -> OperatorKeys:
    return keys_at("secretsmanager:x")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    noted: list[Any] = []
    for level in ("warning", "error"):
        monkeypatch.setattr(logger, level, lambda message, level=level, **more: noted.append((level, message, more)))
    return noted


def test_the_times_are_those_that_are_promised() -> None:
    promised = (operator_key.SHORTEST, operator_key.OVERLAP_SECONDS, operator_key.LOOKS)
    assert promised == (20, 3600, 5)
    assert (operator_key.AGAIN_SECONDS, operator_key.STALE_SECONDS) == (5, 3600)


def test_what_changed_within_the_last_hour_is_asked_for(keys: OperatorKeys, place: Place) -> None:
    place.now = 7.0
    assert keys.opens(FIRST)
    assert place.asked == [TODAY + 7.0 - 3600]


def test_keys_are_read_again_after_300_seconds_and_not_before(keys: OperatorKeys, place: Place) -> None:
    assert keys.opens(FIRST)
    place.now = 300.0
    assert keys.opens(FIRST)
    assert len(place.asked) == 1
    place.now = 300.5
    assert keys.opens(FIRST)
    assert len(place.asked) == 2
    place.now = 600.5
    assert keys.opens(FIRST)
    assert len(place.asked) == 2


def test_the_old_key_ends_at_the_very_second_at_which_its_hour_does(keys: OperatorKeys, place: Place) -> None:
    place.versions = SecretVersions(SECOND, TODAY - 3400, FIRST)
    assert keys.opens(FIRST)
    place.now = 199.75
    assert (keys.opens(FIRST), keys.opens(SECOND)) == (True, True)
    place.now = 200.0
    assert (keys.opens(FIRST), keys.opens(SECOND)) == (False, True)


def test_an_unknown_key_is_looked_up_before_it_is_refused(keys: OperatorKeys, place: Place) -> None:
    assert not keys.opens(SECOND)
    assert len(place.asked) == 1, "the first look is for whoever comes"
    place.versions = SecretVersions(SECOND, TODAY, FIRST)
    assert keys.opens(SECOND)
    assert keys.opens(FIRST)
    assert len(place.asked) == 2


@pytest.mark.parametrize(("where", "looks"), [("secretsmanager:x", 1 + 5), ("file:x", 20)])
def test_wrong_keys_have_five_looks_where_looking_costs(
    keys_at: Callable[[str], OperatorKeys], place: Place, where: str, looks: int
) -> None:
    keys = keys_at(where)
    for _ in range(20):
        assert not keys.opens("wrong")
    assert len(place.asked) == looks


def test_a_place_that_failed_is_left_alone_for_five_seconds(keys: OperatorKeys, place: Place, lines: list[Any]) -> None:
    assert keys.opens(FIRST)
    place.versions = SecretUnreadable("Secrets Manager: EndpointConnectionError")
    place.now = 1.0
    assert not keys.opens("wrong")
    assert lines == [
        (
            "warning",
            "the operator key could not be read again",
            {"reason": "Secrets Manager: EndpointConnectionError"},
        )
    ]
    place.versions = SecretVersions(SECOND, TODAY, FIRST)
    for place.now in (1.0, 6.0):
        assert not keys.opens(SECOND)
    assert len(place.asked) == 2
    place.now = 6.25
    assert keys.opens(SECOND)
    assert len(place.asked) == 3


def test_a_failure_to_read_again_counts_as_a_look_for_five_minutes(
    keys: OperatorKeys, place: Place, lines: list[Any]
) -> None:
    assert keys.opens(FIRST)
    place.versions = SecretUnreadable("gone")
    for place.now in (301.0, 601.0, 601.5):
        assert keys.opens(FIRST)
    assert len(place.asked) == 3
    assert len(lines) == 2


def test_a_key_that_cannot_be_read_is_trusted_for_an_hour_to_the_second(
    keys: OperatorKeys, place: Place, lines: list[Any]
) -> None:
    assert keys.opens(FIRST)
    place.versions = SecretUnreadable("gone")
    place.now = 3600.0
    assert keys.opens(FIRST)
    place.now = 3900.5
    with pytest.raises(SecretUnreadable, match=r"^gone$"):
        keys.opens(FIRST)


def test_a_key_that_is_an_hour_old_is_not_trusted_once_more(keys: OperatorKeys, place: Place) -> None:
    assert keys.opens(FIRST)
    place.versions = SecretUnreadable("gone")
    place.now = 3600.5
    with pytest.raises(SecretUnreadable, match=r"^gone$"):
        keys.opens(FIRST)


def test_a_function_that_never_read_a_key_opens_to_nobody(keys: OperatorKeys, place: Place) -> None:
    place.versions = SecretUnreadable("gone")
    for _ in range(2):
        with pytest.raises(SecretUnreadable):
            keys.opens("")
    assert len(place.asked) == 2


def test_a_short_new_key_is_told_and_the_old_one_opens(keys: OperatorKeys, place: Place, lines: list[Any]) -> None:
    place.versions = SecretVersions("x" * 19, TODAY, FIRST)
    assert (keys.opens(FIRST), keys.opens("x" * 19)) == (True, False)
    assert lines[0] == ("error", "the new operator key is not used: it is too short", {"shortest": 20})


def test_a_short_old_key_opens_nothing_and_a_key_of_twenty_does(
    keys: OperatorKeys, place: Place, lines: list[Any]
) -> None:
    place.versions = SecretVersions("x" * 20, TODAY, "y" * 19)
    assert (keys.opens("x" * 20), keys.opens("y" * 19), keys.opens("")) == (True, False, False)
    assert lines == []


@pytest.mark.parametrize("previous", [None, "", "x" * 19])
def test_no_usable_key_at_all_is_an_error_that_says_how_long_one_is(
    keys: OperatorKeys, place: Place, previous: str | None, lines: list[Any]
) -> None:
    place.versions = SecretVersions("", TODAY, previous)
    with pytest.raises(ValueError, match=r"^the operator key is shorter than 20 characters$"):
        keys.opens("")
    assert lines == []


def test_every_key_is_compared_in_constant_time_whichever_fits(
    keys: OperatorKeys, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    place.versions = SecretVersions(SECOND, TODAY, FIRST)
    assert keys.opens(SECOND)
    digests = [hashlib.sha256(key.encode()).digest() for key in (SECOND, FIRST)]
    assert compared == [(digests[0], digests[0]), (digests[0], digests[1])]


def test_a_key_is_read_as_utf_8(keys: OperatorKeys, place: Place) -> None:
    place.versions = SecretVersions("é" * 20, TODAY)
    assert keys.opens("é" * 20)


def test_the_clocks_are_the_steady_one_and_that_of_the_day(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_key, "versions_reader", lambda _: place.read)
    keys = OperatorKeys("file:x")
    before = time.time()
    assert keys.opens(FIRST)
    assert before - 3600 <= place.asked[0] <= time.time() - 3600
    assert keys._looked_at == pytest.approx(time.monotonic(), abs=60)
