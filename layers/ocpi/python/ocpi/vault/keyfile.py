"""The vault of the local gateway: AES-256-GCM (NIST SP 800-38D) under a key in a file that only its owner can read."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ocpi.vault.port import SealBroken, VaultUnusable

_PREFIX = "keyfile:"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyFileVault:
    """``path`` is made with a new key if nothing is there. Raises :class:`VaultUnusable` if it cannot be trusted."""

    def __init__(self, path: str | Path) -> None:
        self._cipher = AESGCM(_read_or_make_key(Path(path)))

    def seal(self, plain: str, *, about: str) -> str:
        """As :meth:`Vault.seal`, under a fresh random nonce."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, plain.encode(), about.encode())
        return _PREFIX + base64.b64encode(sealed).decode("ascii")

    def open(self, sealed: str, *, about: str) -> str:
        """As :meth:`Vault.open`."""
        if not sealed.startswith(_PREFIX):
            raise SealBroken("not sealed with a key file")
        try:
            blob = base64.b64decode(sealed.removeprefix(_PREFIX), validate=True)
            return self._cipher.decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], about.encode()).decode()
        except (binascii.Error, ValueError):
            raise SealBroken("the sealed text is damaged") from None
        except InvalidTag:
            raise SealBroken("sealed for another partner, with another key, or changed since") from None


def _read_or_make_key(path: Path) -> bytes:
    try:
        if not path.exists():
            _make_key(path)
        return _read_key(path)
    except OSError as error:
        raise VaultUnusable(f"the key file {path} cannot be used: {error.strerror}") from error


def _make_key(path: Path) -> None:
    """Write a key beside the place and link it there: whole or not at all, and only the first of two writers wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(AESGCM.generate_key(8 * _KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _read_key(path: Path) -> bytes:
    with path.open("rb") as file:
        # Asked of the open file, not of the path: what was checked is what is read.
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise VaultUnusable(f"the key file {path} is no regular file")
        if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
            raise VaultUnusable(f"the key file {path} is open to others than its owner: chmod 600 {path}")
        if found.st_size != _KEY_BYTES:
            raise VaultUnusable(f"the key file {path} does not hold a key of {_KEY_BYTES} bytes")
        return file.read()
