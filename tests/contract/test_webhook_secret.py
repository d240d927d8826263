"""The webhook secret and its replacement, in a file and in Secrets Manager: no receiver misses a call meanwhile."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from local import rotate_webhook_secret
from local.data import PREVIOUS_WEBHOOK_KEY, WEBHOOK_KEY, ensure_webhook_secret, write_private
from ocpi.kept_secret import KEEP_SECONDS, SecretUnreadable
from ocpi.observability import logger
from ocpi.outbound.webhook_keys import OVERLAP_SECONDS, WebhookKeys, webhook_keys_reader
from ocpi.outbound.webhook_signature import UnusableWebhookSecret, read_webhook_secret, signed_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FIRST, SECOND, THIRD = (f"whsec_{base64.b64encode(letter * 32).decode()}" for letter in (b"1", b"2", b"3"))
UNFIT = "whsec_c2hvcnQ="


@dataclass
class Place:
    """Where the secret is kept; ``passed`` is how many seconds have gone by for the functions that sign with it."""

    where: str
    replace: Callable[[str], object]
    passed: float = 0.0

    def function(self) -> Callable[[], WebhookKeys]:
        """A process that has just started."""
        return webhook_keys_reader(self.where, steady=lambda: self.passed, wall=lambda: time.time() + self.passed)


@pytest.fixture(params=["file", "moto"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if request.param == "file":
        write_private(tmp_path / WEBHOOK_KEY, f"{FIRST}\n")

        def replace(secret: str) -> None:
            # What the command does, with a secret of the test's choice.
            with monkeypatch.context() as patched:
                patched.setattr(rotate_webhook_secret, "new_webhook_secret", lambda: secret)
                rotate_webhook_secret.rotate(tmp_path)

        yield Place(f"file:{tmp_path / WEBHOOK_KEY}", replace)
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client: Any = boto3.client("secretsmanager")
        arn = client.create_secret(Name=f"secret-{os.getpid()}", SecretString=FIRST)["ARN"]
        yield Place(f"secretsmanager:{arn}", lambda secret: client.put_secret_value(SecretId=arn, SecretString=secret))


def verifying(keys: WebhookKeys) -> set[str]:
    """With which of the secrets a receiver finds a call genuine, by the rules of Standard Webhooks."""
    headers = signed_headers(keys.current, "{}", message_id="m", at=1, previous=keys.previous)
    signatures = headers["webhook-signature"].split(" ")
    assert len(signatures) == 1 + (keys.previous is not None)
    expected = {
        secret: hmac.new(read_webhook_secret(secret), b"m.1.{}", hashlib.sha256) for secret in (FIRST, SECOND, THIRD)
    }
    return {
        secret
        for secret, digest in expected.items()
        if f"v1,{base64.b64encode(digest.digest()).decode()}" in signatures
    }


def test_a_receiver_may_switch_to_the_new_secret_whenever_it_likes_that_day(place: Place) -> None:
    warm = place.function()
    assert verifying(warm()) == verifying(place.function()()) == {FIRST}
    place.replace(SECOND)
    # Only the old one verifies all calls until every process has read the new one.
    assert (verifying(warm()), verifying(place.function()())) == ({FIRST}, {FIRST, SECOND})
    place.passed = KEEP_SECONDS + 1
    assert verifying(warm()) == {FIRST, SECOND}
    place.passed = OVERLAP_SECONDS - 30
    assert verifying(warm()) == verifying(place.function()()) == {FIRST, SECOND}
    place.passed = OVERLAP_SECONDS + KEEP_SECONDS + 30
    assert verifying(warm()) == verifying(place.function()()) == {SECOND}


def test_a_secret_is_looked_at_again_once_it_is_older_than_is_said(tmp_path: Path) -> None:
    path, now = tmp_path / WEBHOOK_KEY, [1000.0]
    write_private(path, FIRST)
    read = webhook_keys_reader(f"file:{path}", steady=lambda: now[0])
    assert verifying(read()) == {FIRST}
    path.write_text(SECOND, encoding="utf-8")
    now[0] += KEEP_SECONDS
    assert verifying(read()) == {FIRST}
    now[0] += 0.5
    assert verifying(read()) == {SECOND}


def test_the_overlap_is_a_day_to_the_second(tmp_path: Path) -> None:
    path, replaced = tmp_path / WEBHOOK_KEY, 1_800_000_000
    write_private(tmp_path / PREVIOUS_WEBHOOK_KEY, FIRST)
    write_private(path, SECOND)
    os.utime(path, (replaced, replaced))
    signing = {
        passed: verifying(webhook_keys_reader(f"file:{path}", wall=partial(float, replaced + passed))())
        for passed in (24 * 3600 - 1, 24 * 3600)
    }
    assert signing == {24 * 3600 - 1: {FIRST, SECOND}, 24 * 3600: {SECOND}}


def test_the_newest_secret_signs_first(place: Place) -> None:
    place.replace(SECOND)
    assert place.function()() == WebhookKeys(read_webhook_secret(SECOND), read_webhook_secret(FIRST))


def test_what_was_replaced_twice_signs_nothing(place: Place) -> None:
    place.replace(SECOND)
    place.replace(THIRD)
    assert verifying(place.function()()) == {SECOND, THIRD}


def test_a_new_secret_that_is_none_leaves_the_old_one_signing_for_a_day_and_is_reported(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr(logger, "error", lambda message, **_: reported.append(message))
    place.replace(UNFIT)
    assert verifying(place.function()()) == {FIRST}
    assert reported == ["the new webhook secret is not used"]
    place.passed = OVERLAP_SECONDS + 30
    with pytest.raises(UnusableWebhookSecret):
        place.function()()


def test_an_old_secret_that_is_none_does_not_keep_the_new_one_from_signing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr(logger, "warning", reported.append)
    place.replace(UNFIT)
    place.replace(SECOND)
    assert verifying(place.function()()) == {SECOND}
    assert reported == ["the webhook secret that was replaced cannot be signed with"]


def test_a_secret_that_is_not_there_is_an_error(place: Place) -> None:
    with pytest.raises(SecretUnreadable):
        webhook_keys_reader(f"{place.where}-not")()


def test_the_command_keeps_the_old_secret_beside_the_new_one_for_its_owner_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_webhook_secret(tmp_path)
    path, previous = tmp_path / WEBHOOK_KEY, tmp_path / PREVIOUS_WEBHOOK_KEY
    old = path.read_text(encoding="utf-8")
    assert rotate_webhook_secret.main(["--data", str(tmp_path)]) == 0
    new = path.read_text(encoding="utf-8")
    assert (previous.read_text(encoding="utf-8"), len(new)) == (old, len(old))
    assert new != old
    assert len(read_webhook_secret(new)) == 32
    assert {each.stat().st_mode & 0o077 for each in (path, previous)} == {0}
    assert new.strip() not in capsys.readouterr().out


def test_where_there_is_no_secret_none_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rotate_webhook_secret.main(["--data", str(tmp_path)]) == 1
    assert "no webhook secret yet" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
