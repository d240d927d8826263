from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from ocpi.kept_secret import SecretUnreadable, versions_reader
from ocpi.operator_key import OperatorKeys

if TYPE_CHECKING:
    from pathlib import Path


def test_a_secret_in_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    read = versions_reader(f"file:{path}")
    for text in ("first", "second"):
        path.write_text(f"{text}\n")
        assert (read(0).current, read(0).previous) == (text, None)


def test_a_secret_in_secrets_manager_is_read_by_its_arn(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ):
        monkeypatch.setenv(name, value)
    with mock_aws():
        arn = boto3.client("secretsmanager").create_secret(Name="key", SecretString=" the secret ")["ARN"]
        assert versions_reader(f"secretsmanager:{arn}")(0).current == "the secret"
        with pytest.raises(SecretUnreadable):
            versions_reader(f"secretsmanager:{arn}-not")(0)


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SecretUnreadable, match="secret: "):
        versions_reader(f"file:{path}")(0)


@pytest.mark.parametrize("where", ["", "file:", "vault:x", "/a/path"])
def test_a_place_that_is_none_is_refused_at_once(where: str) -> None:
    with pytest.raises(ValueError, match="a secret is at"):
        versions_reader(where)


def test_an_operator_key_that_could_be_guessed_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "operator.key"
    path.write_text("x" * 19)
    with pytest.raises(ValueError, match="shorter than 20"):
        OperatorKeys(f"file:{path}").opens("x" * 19)
    path.write_text("x" * 20)
    assert OperatorKeys(f"file:{path}").opens("x" * 20)
    assert not OperatorKeys(f"file:{path}").opens("x" * 21)
