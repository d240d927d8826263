"""A secret and what it was before, from a file and from Secrets Manager, request by request."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ocpi import aws
from ocpi.kept_secret import AWS_SECONDS, KEEP_SECONDS, SecretUnreadable, SecretVersions, versions_reader

if TYPE_CHECKING:
    from pathlib import Path

SINCE = 1_800_000_000


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(" new é \n", encoding="utf-8")
    (tmp_path / "key.previous").write_text(" old é\n", encoding="utf-8")
    os.utime(path, (SINCE, SINCE))
    return path


def test_the_times_are_those_that_are_promised() -> None:
    assert (KEEP_SECONDS, AWS_SECONDS) == (300, 2)


@pytest.mark.parametrize(
    ("changed_after", "previous"), [(SINCE - 1, "old é"), (SINCE - 0.5, "old é"), (SINCE, None), (SINCE + 1, None)]
)
def test_what_a_file_held_before_is_read_if_it_changed_after_the_instant(
    key: Path, changed_after: float, previous: str | None
) -> None:
    assert versions_reader(f"file:{key}")(changed_after) == SecretVersions("new é", SINCE, previous)


def test_what_was_read_does_not_show_itself(key: Path) -> None:
    found = versions_reader(f"file:{key}")(0)
    assert (found.current, found.previous) == ("new é", "old é")
    assert " é" not in repr(found)


def test_a_file_that_was_never_another_has_no_previous_one(key: Path) -> None:
    (key.parent / "key.previous").unlink()
    assert versions_reader(f"file:{key}")(0) == SecretVersions("new é", SINCE)


@pytest.mark.parametrize("name", ["key", "key.previous"])
def test_a_file_that_cannot_be_read_is_told_by_its_path_and_the_kind_of_error(key: Path, name: str) -> None:
    (key.parent / name).write_bytes(b"\xff")
    with pytest.raises(SecretUnreadable) as unreadable:
        versions_reader(f"file:{key}")(0)
    assert str(unreadable.value) == f"{key}: UnicodeDecodeError"
    assert isinstance(unreadable.value.__cause__, UnicodeDecodeError)
    key.unlink()
    with pytest.raises(SecretUnreadable) as missing:
        versions_reader(f"file:{key}")(0)
    assert str(missing.value) == f"{key}: FileNotFoundError"


@pytest.mark.parametrize("where", ["", "file", "file:", "secretsmanager:", "vault:x"])
def test_a_place_that_is_none_is_named(where: str) -> None:
    expected = f"a secret is at secretsmanager:<arn> or file:<path>, not at {where!r}"
    with pytest.raises(ValueError, match=r"^a secret is at") as refused:
        versions_reader(where)
    assert str(refused.value) == expected


def test_a_path_may_hold_a_colon(tmp_path: Path) -> None:
    (tmp_path / "a:b").write_text("x", encoding="utf-8")
    assert versions_reader(f"file:{tmp_path}/a:b")(SINCE * 10).current == "x"


class NotFound(Exception):
    """As botocore's clients have it."""


class Manager:
    """A client of Secrets Manager."""

    exceptions = SimpleNamespace(ResourceNotFoundException=NotFound)

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []
        self.made: list[tuple[str, Any]] = []

    def get_secret_value(self, **options: str) -> Any:
        self.asked.append(options)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


CREATED = datetime.fromtimestamp(SINCE, UTC)
CURRENT = {"SecretString": " new \n", "CreatedDate": CREATED}


def manager(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> Manager:
    made = Manager(*answers)

    def client(service: str, config: Any) -> Any:
        made.made.append((service, config))
        return made

    monkeypatch.setattr(aws, "client", client)
    return made


def test_secrets_manager_is_asked_for_both_versions_if_the_first_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    there = manager(monkeypatch, CURRENT, {"SecretString": " old "})
    assert versions_reader("secretsmanager:arn:aws:x")(SINCE - 1) == SecretVersions("new", SINCE, "old")
    assert there.asked == [
        {"SecretId": "arn:aws:x"},
        {"SecretId": "arn:aws:x", "VersionStage": "AWSPREVIOUS"},
    ]
    ((service, config),) = there.made
    assert service == "secretsmanager"
    assert (config.connect_timeout, config.read_timeout) == (2, 2)
    assert config.retries == {"total_max_attempts": 2}


@pytest.mark.parametrize("changed_after", [SINCE, SINCE + 1])
def test_what_is_old_enough_is_one_call(monkeypatch: pytest.MonkeyPatch, changed_after: float) -> None:
    there = manager(monkeypatch, CURRENT)
    assert versions_reader("secretsmanager:arn")(changed_after) == SecretVersions("new", SINCE, None)
    assert len(there.asked) == 1


def test_a_first_version_has_none_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    manager(monkeypatch, CURRENT, NotFound())
    assert versions_reader("secretsmanager:arn")(0) == SecretVersions("new", SINCE, None)


DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "secret text"}}, "GetSecretValue")
AWAY = EndpointConnectionError(endpoint_url="https://secret.example")


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([DENIED], "ClientError"),
        ([AWAY], "EndpointConnectionError"),
        ([{"CreatedDate": CREATED}], "KeyError"),
        ([CURRENT, AWAY], "EndpointConnectionError"),
        ([CURRENT, {}], "KeyError"),
    ],
)
def test_a_secret_that_cannot_be_read_is_told_by_the_kind_of_error_alone(
    monkeypatch: pytest.MonkeyPatch, answers: list[Any], kind: str
) -> None:
    manager(monkeypatch, *answers)
    with pytest.raises(SecretUnreadable) as unreadable:
        versions_reader("secretsmanager:arn")(0)
    assert str(unreadable.value) == f"Secrets Manager: {kind}"
    assert type(unreadable.value.__cause__).__name__ == kind
