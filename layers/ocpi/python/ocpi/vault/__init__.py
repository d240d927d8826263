"""The vault: keeps the tokens that we use on partners encrypted at rest."""

from __future__ import annotations

from ocpi.vault.port import SealBroken, Vault, VaultUnusable

__all__ = ["SealBroken", "Vault", "VaultUnusable", "open_vault"]


def open_vault(where: str) -> Vault:
    """The vault at ``kms:<key arn, id or alias>`` or ``keyfile:<path>``; loads what that one needs, and no more.

    Raises :class:`VaultUnusable` for any other place, and for a key file that cannot be trusted.
    """
    kind, _, place = where.partition(":")
    if kind == "kms" and place:
        from ocpi.vault.kms import KmsVault  # noqa: PLC0415 - the local gateway may not need boto3

        return KmsVault(place)
    if kind == "keyfile" and place:
        from ocpi.vault.keyfile import KeyFileVault  # noqa: PLC0415 - the Lambda layer has no `cryptography`

        return KeyFileVault(place)
    raise VaultUnusable("a vault is at kms:<key arn> or keyfile:<path>")
