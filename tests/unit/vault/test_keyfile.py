from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ocpi.vault import SealBroken, VaultUnusable
from ocpi.vault.keyfile import KeyFileVault

if TYPE_CHECKING:
    from pathlib import Path


def test_the_key_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new folder" / "below"
    before = os.umask(0)
    try:
        KeyFileVault(folder / "key")
    finally:
        os.umask(before)
    found = (folder / "key").stat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_size == 32
    assert [path.name for path in folder.iterdir()] == ["key"], "no draft is left behind"


def test_an_existing_key_is_kept(tmp_path: Path) -> None:
    sealed = KeyFileVault(tmp_path / "key").seal("abc-1", about="p1")
    content = (tmp_path / "key").read_bytes()
    assert KeyFileVault(str(tmp_path / "key")).open(sealed, about="p1") == "abc-1"
    assert (tmp_path / "key").read_bytes() == content


def test_two_vaults_never_share_a_key_by_chance(tmp_path: Path) -> None:
    KeyFileVault(tmp_path / "a")
    KeyFileVault(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])
def test_a_key_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    KeyFileVault(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(VaultUnusable, match="chmod 600"):
        KeyFileVault(tmp_path / "key")


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_key_file_that_holds_no_key_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(VaultUnusable, match="does not hold a key"):
        KeyFileVault(path)
    assert path.read_bytes() == content


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path, tmp_path / "file" / "key"):
        with pytest.raises(VaultUnusable):
            KeyFileVault(place)


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    program = (
        "import sys, time; from ocpi.vault.keyfile import KeyFileVault\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "print(KeyFileVault(sys.argv[1]).seal('abc-1', about='p1'))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    start = str(time.time() + 1.5)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "key"), start],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(6)
    ]
    sealed = [process.communicate(timeout=60)[0].strip() for process in running]
    vault = KeyFileVault(tmp_path / "key")
    assert [vault.open(each, about="p1") for each in sealed] == ["abc-1"] * 6
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_that_came_meanwhile_is_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def another_process_is_faster(_: int) -> None:
        (tmp_path / "key").write_bytes(b"k" * 32)
        (tmp_path / "key").chmod(0o600)

    monkeypatch.setattr(os, "fsync", another_process_is_faster)
    sealed = KeyFileVault(tmp_path / "key").seal("abc-1", about="p1")
    blob = base64.b64decode(sealed.removeprefix("keyfile:"))
    assert AESGCM(b"k" * 32).decrypt(blob[:12], blob[12:], b"p1") == b"abc-1"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_sealed_text_has_one_spelling(tmp_path: Path) -> None:
    vault = KeyFileVault(tmp_path / "key")
    sealed = vault.seal("abc-1", about="p1")
    for changed in (f"{sealed[:12]}!{sealed[12:]}", f"{sealed}-", sealed.replace(":", ": ")):
        with pytest.raises(SealBroken, match="damaged"):
            vault.open(changed, about="p1")


def test_what_is_sealed_is_a_nonce_and_aes_gcm_bound_to_the_partner(tmp_path: Path) -> None:
    """As NIST SP 800-38D has it, so that what was sealed before an update opens after it."""
    sealed = KeyFileVault(tmp_path / "key").seal("abc-é", about="p1")
    prefix, _, content = sealed.partition(":")
    blob = base64.b64decode(content, validate=True)
    cipher = AESGCM((tmp_path / "key").read_bytes())
    assert prefix == "keyfile"
    assert len(blob) == 12 + len("abc-é".encode()) + 16
    assert cipher.decrypt(blob[:12], blob[12:], b"p1").decode() == "abc-é"


@pytest.mark.parametrize(
    ("sealed", "message"),
    [
        ("kms:YWJj", "not sealed with a key file"),
        ("keyfile:***", "the sealed text is damaged"),
        ("keyfile:YQ", "the sealed text is damaged"),
        ("keyfile:", "the sealed text is damaged"),
        (f"keyfile:{base64.b64encode(b'x' * 28).decode()}", "sealed for another partner, with another key, or changed"),
    ],
)
def test_a_seal_that_does_not_open_says_why_and_shows_nothing(tmp_path: Path, sealed: str, message: str) -> None:
    with pytest.raises(SealBroken, match=f"^{message}") as broken:
        KeyFileVault(tmp_path / "key").open(sealed, about="p1")
    assert broken.value.__cause__ is None


def test_what_is_no_regular_file_is_no_key() -> None:
    with pytest.raises(VaultUnusable, match=r"^the key file /dev/null is no regular file$"):
        KeyFileVault("/dev/null")


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"x" * 31)
    path.chmod(0o600)
    with pytest.raises(VaultUnusable, match=f"^the key file {path} does not hold a key of 32 bytes$"):
        KeyFileVault(path)
    path.chmod(0o601)
    text = f"^the key file {path} is open to others than its owner: chmod 600 {path}$"
    with pytest.raises(VaultUnusable, match=text):
        KeyFileVault(path)
    with pytest.raises(VaultUnusable, match=f"^the key file {tmp_path} cannot be used: Is a directory$") as unusable:
        KeyFileVault(tmp_path)
    assert isinstance(unusable.value.__cause__, OSError)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_key_file_of_its_owner_alone_is_taken(tmp_path: Path, mode: int) -> None:
    KeyFileVault(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    assert KeyFileVault(tmp_path / "key").seal("abc", about="p1")


def test_a_key_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("fsync", "link"):
        call = getattr(os, name)

        def noting(*args: Any, name: str = name, call: Any = call) -> Any:
            done.append(f"{name} {os.fstat(args[0]).st_size}" if name == "fsync" else name)
            return call(*args)

        monkeypatch.setattr(os, name, noting)
    KeyFileVault(tmp_path / "key")
    assert done == ["fsync 32", "link"]


def test_a_draft_is_its_owners_from_the_start_and_never_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[Any, ...]] = []
    really = os.open

    def noting(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        if str(path).startswith(str(tmp_path)):
            opened.append((flags, mode))
        return really(path, flags, mode, **more)

    monkeypatch.setattr(os, "open", noting)
    KeyFileVault(tmp_path / "key")
    assert opened == [(os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)]


def test_a_key_that_cannot_be_written_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VaultUnusable, match="No space left on device"):
        KeyFileVault(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []
