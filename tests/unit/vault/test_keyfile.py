from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ocpi.vault import VaultUnusable
from ocpi.vault.keyfile import KeyFileVault

if TYPE_CHECKING:
    from pathlib import Path


def test_the_key_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        KeyFileVault(tmp_path / "new folder" / "key")
    finally:
        os.umask(before)
    found = (tmp_path / "new folder" / "key").stat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_size == 32
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["key"], "no draft is left behind"


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
