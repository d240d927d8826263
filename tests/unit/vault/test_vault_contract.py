"""What every vault must do; runs over both adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from ocpi.vault import SealBroken, Vault, VaultUnusable, open_vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["kms", "keyfile"])
def vaults(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Vault]]:
    """Two vaults of one kind with different keys, and a second process's view of the first."""
    if request.param == "keyfile":
        ours, other = f"keyfile:{tmp_path}/ours", f"keyfile:{tmp_path}/other"
        yield [open_vault(ours), open_vault(other), open_vault(ours)]
        return
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    with mock_aws():
        kms = boto3.client("kms")
        ours, other = (f"kms:{kms.create_key()['KeyMetadata']['Arn']}" for _ in range(2))
        yield [open_vault(ours), open_vault(other), open_vault(ours)]


@pytest.mark.parametrize("plain", ["abc-1", "Zürich ☃", "x" * 4000])
def test_what_was_sealed_opens_to_the_same_text(vaults: list[Vault], plain: str) -> None:
    vault, _, again = vaults
    sealed = vault.seal(plain, about="p1")
    assert vault.open(sealed, about="p1") == plain
    assert vault.open(sealed, about="p1") == plain
    assert again.open(sealed, about="p1") == plain


def test_the_sealed_text_is_printable_ascii_that_shows_nothing_and_never_repeats(vaults: list[Vault]) -> None:
    first, second = (vaults[0].seal("secret-token", about="p1") for _ in range(2))
    assert first != second
    for sealed in (first, second):
        assert sealed.isascii()
        assert sealed.isprintable()
        assert "secret" not in sealed
        assert sealed.partition(":")[0] in {"kms", "keyfile"}


def test_a_sealed_token_does_not_open_for_another_partner(vaults: list[Vault]) -> None:
    vault, _, again = vaults
    sealed = vault.seal("abc-1", about="p1")
    assert vault.open(sealed, about="p1") == "abc-1"
    for each in (vault, again):
        with pytest.raises(SealBroken):
            each.open(sealed, about="p2")


def test_a_token_sealed_with_another_key_does_not_open(vaults: list[Vault]) -> None:
    sealed = vaults[1].seal("abc-1", about="p1")
    with pytest.raises(SealBroken):
        vaults[0].open(sealed, about="p1")


def test_a_sealed_token_that_was_changed_does_not_open(vaults: list[Vault]) -> None:
    vault = vaults[0]
    prefix, _, content = vault.seal("abc-1", about="p1").partition(":")
    middle = len(content) // 2
    swapped = "A" if content[middle] != "A" else "B"
    for damaged in (
        f"{prefix}:{content[:middle]}{swapped}{content[middle + 1 :]}",
        f"{prefix}:{content[:8]}",
        f"{prefix}:{content}é",
        f"{prefix}:{content[:8]}!{content[8:]}",
        f"{prefix}:***",
        f"{prefix}:",
        content,
        "abc-1",
        "",
        f"other:{content}",
    ):
        with pytest.raises(SealBroken):
            vault.open(damaged, about="p1")


@pytest.mark.parametrize("where", ["", "kms", "kms:", "keyfile:", "file:key", "/key"])
def test_an_unknown_place_is_no_vault(where: str) -> None:
    with pytest.raises(VaultUnusable, match=r"^a vault is at kms:<key arn> or keyfile:<path>$"):
        open_vault(where)
