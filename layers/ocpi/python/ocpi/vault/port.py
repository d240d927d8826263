"""The vault port. One contract suite (``tests/unit/vault``) runs over its two adapters, KMS and key file."""

from __future__ import annotations

from typing import Protocol


class SealBroken(Exception):
    """The text was not sealed by this vault, or for another ``about``, or has been changed since."""


class VaultUnusable(Exception):
    """The vault as a whole cannot be used: its key is missing, damaged or open to others, or its place unknown."""


class Vault(Protocol):
    """Seals short secrets (1 to 4096 bytes of UTF-8, the limit of KMS).

    ``about`` says whose secret it is (a partner's id) and is bound to the sealed text: a token that is copied to
    another partner's record does not open there.
    """

    def seal(self, plain: str, *, about: str) -> str:
        """The secret encrypted, as printable ASCII that starts with the adapter's name. Twice sealed, it differs."""

    def open(self, sealed: str, *, about: str) -> str:
        """The secret; raises :class:`SealBroken`."""
