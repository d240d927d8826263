"""The operator key and its replacement, wherever it is kept: a file, moto's Secrets Manager, ministack's."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from local.data import OPERATOR_KEY, write_private
from local.rotate_operator_key import rotate
from ocpi import aws
from ocpi.kept_secret import KEEP_SECONDS, SecretUnreadable
from ocpi.operator_key import AGAIN_SECONDS, LOOKS, OVERLAP_SECONDS, STALE_SECONDS, OperatorKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ocpi.kept_secret import SecretVersions

FIRST, SECOND, THIRD = "the first operator key", "the second operator key", "the third operator key"


@dataclass
class Place:
    """Where the key is kept; ``passed`` is how many seconds have gone by for the functions that use it."""

    where: str
    replace: Callable[[str], object]
    passed: float = 0.0
    functions: list[OperatorKeys] = field(default_factory=list)

    def function(self) -> OperatorKeys:
        """A process that has just started."""
        return OperatorKeys(self.where, steady=lambda: self.passed, wall=lambda: time.time() + self.passed)


@contextmanager
def secrets_manager(endpoint: str | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if endpoint is not None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    aws._session.cache_clear()
    client = boto3.client("secretsmanager", endpoint_url=endpoint)
    arn = client.create_secret(Name=f"key-{os.getpid()}-{time.time_ns()}", SecretString=FIRST)["ARN"]
    yield Place(f"secretsmanager:{arn}", lambda key: client.put_secret_value(SecretId=arn, SecretString=key))
    aws._session.cache_clear()


@contextmanager
def file(folder: Path) -> Iterator[Place]:
    write_private(folder / OPERATOR_KEY, f"{FIRST}\n")

    def replace(key: str) -> None:
        # What the command does, with a key of the test's choice.
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("local.rotate_operator_key.new_operator_key", lambda: key)
            rotate(folder)

    yield Place(f"file:{folder / OPERATOR_KEY}", replace)


@pytest.fixture(params=["file", "moto", "ministack"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name, value in (
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
    ):
        monkeypatch.setenv(name, value)
    match request.param:
        case "file":
            with file(tmp_path) as kept:
                yield kept
        case "moto":
            with mock_aws(), secrets_manager(None, monkeypatch) as kept:
                yield kept
        case _:
            with secrets_manager(request.getfixturevalue("ministack"), monkeypatch) as kept:
                yield kept


def opening(keys: OperatorKeys) -> set[str]:
    """Which of the keys open."""
    return {key for key in (FIRST, SECOND, THIRD) if keys.opens(key)}


def test_a_new_key_opens_at_once_and_the_old_one_for_an_hour(place: Place) -> None:
    warm, told_of_the_new_one = place.function(), place.function()
    assert opening(warm) == opening(told_of_the_new_one) == {FIRST}
    place.replace(SECOND)
    assert told_of_the_new_one.opens(SECOND)
    assert opening(told_of_the_new_one) == opening(place.function()) == {FIRST, SECOND}
    place.passed = OVERLAP_SECONDS - 30
    assert opening(warm) == opening(told_of_the_new_one) == opening(place.function()) == {FIRST, SECOND}
    place.passed = OVERLAP_SECONDS + 30
    assert opening(warm) == opening(told_of_the_new_one) == opening(place.function()) == {SECOND}


def test_the_overlap_ends_in_a_function_that_has_just_read_both(place: Place) -> None:
    place.replace(SECOND)
    place.passed = OVERLAP_SECONDS - 30
    keys = place.function()
    assert opening(keys) == {FIRST, SECOND}
    place.passed += 60
    assert not keys.opens(FIRST)


def test_a_function_that_nobody_shows_the_new_key_notices_it_within_minutes(place: Place) -> None:
    place.replace(SECOND)
    keys = place.function()
    assert opening(keys) == {FIRST, SECOND}
    place.replace(THIRD)
    place.passed = KEEP_SECONDS + 1
    assert not keys.opens(FIRST)


def test_twice_replaced_a_key_opens_nothing(place: Place) -> None:
    place.replace(SECOND)
    place.replace(THIRD)
    assert opening(place.function()) == {SECOND, THIRD}


@pytest.mark.parametrize("unfit", ["too short", FIRST[:19]])
def test_a_new_key_that_is_too_short_shuts_nobody_out_while_the_old_one_opens(place: Place, unfit: str) -> None:
    place.replace(unfit)
    keys = place.function()
    assert (keys.opens(FIRST), keys.opens(unfit)) == (True, False)
    place.passed = OVERLAP_SECONDS + 1
    with pytest.raises(ValueError, match="shorter than 20"):
        place.function().opens(unfit)


def test_a_new_key_opens_at_once_though_wrong_ones_were_shown_just_before(place: Place) -> None:
    keys = place.function()
    assert keys.opens(FIRST)
    for _ in range(LOOKS - 1):
        assert not keys.opens("wrong")
    place.replace(SECOND)
    assert keys.opens(SECOND)


def test_in_a_flood_of_wrong_keys_a_new_one_opens_within_seconds_and_in_a_file_at_once(place: Place) -> None:
    keys = place.function()
    assert keys.opens(FIRST)
    for _ in range(LOOKS * 3):
        assert not keys.opens("wrong")
    place.replace(SECOND)
    assert keys.opens(SECOND) == place.where.startswith("file:")
    place.passed = AGAIN_SECONDS
    assert keys.opens(SECOND)


def test_keys_are_read_once_in_minutes_and_for_wrong_ones_a_few_times_and_then_once_in_seconds(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = place.function()
    reads: list[float] = []
    read_versions = keys._read_versions

    def read(changed_after: float) -> SecretVersions:
        reads.append(place.passed)
        return read_versions(changed_after)

    monkeypatch.setattr(keys, "_read_versions", read)
    for _ in range(100):
        assert keys.opens(FIRST)
    place.passed = KEEP_SECONDS
    assert keys.opens(FIRST)
    assert reads == [0]
    shown = 100
    for _ in range(shown):
        assert not keys.opens("wrong")
    for place.passed in (KEEP_SECONDS + AGAIN_SECONDS * n for n in (1, 2, 3)):
        for _ in range(shown):
            assert not keys.opens("wrong")
    # The bucket, one more of each wait; the keys are old enough once to be read whoever asks.
    looked = 4 * shown if place.where.startswith("file:") else LOOKS + 3
    assert len(reads) == 1 + looked
    assert keys.opens(FIRST)


def test_a_key_that_cannot_be_read_again_is_trusted_for_an_hour(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = place.function()
    tried: list[float] = []

    def fail(_: Any) -> Any:
        tried.append(place.passed)
        raise SecretUnreadable("Secrets Manager: EndpointConnectionError")

    with monkeypatch.context() as patched:
        patched.setattr(keys, "_read_versions", fail)
        with pytest.raises(SecretUnreadable):
            keys.opens(FIRST)
    assert keys.opens(FIRST)
    monkeypatch.setattr(keys, "_read_versions", fail)
    place.passed = STALE_SECONDS
    tried.clear()
    for _ in range(10):
        assert (keys.opens(FIRST), keys.opens(SECOND)) == (True, False)
    assert len(tried) == 1
    place.passed = STALE_SECONDS + KEEP_SECONDS + 1
    with pytest.raises(SecretUnreadable):
        keys.opens(FIRST)
