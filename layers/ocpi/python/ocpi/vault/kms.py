"""The vault of a deployment in AWS: AWS KMS encrypts and decrypts, and the key never leaves it.

``about`` goes along as the encryption context (AWS KMS Developer Guide, "Encryption context"), so KMS itself
refuses a sealed text under another partner, and CloudTrail shows whose token was opened.
"""

from __future__ import annotations

import base64
import binascii
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ocpi.vault.port import SealBroken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_kms import KMSClient

_PREFIX = "kms:"
_REMEMBERED = 256


class KmsVault:
    """``key`` is a key's ARN, id or alias. ``client`` is a botocore KMS client, made at first use if not given.

    Opened values are remembered while the process lives, because a call to KMS per request would cost more than
    the request. Errors of KMS itself (no permission, throttled, key disabled) pass as botocore raises them.
    """

    def __init__(self, key: str, client: KMSClient | None = None) -> None:
        self._key = key
        self._given = client
        self._opened: dict[tuple[str, str], str] = {}

    @cached_property
    def _client(self) -> KMSClient:
        if self._given is not None:
            return self._given
        from ocpi import aws  # noqa: PLC0415 - costs 100 ms and more; most requests open nothing

        made: KMSClient = aws.client("kms")
        return made

    def seal(self, plain: str, *, about: str) -> str:
        """As :meth:`Vault.seal`, by KMS, one call."""
        answer = self._client.encrypt(KeyId=self._key, Plaintext=plain.encode(), EncryptionContext={"partner": about})
        return _PREFIX + base64.b64encode(answer["CiphertextBlob"]).decode("ascii")

    def open(self, sealed: str, *, about: str) -> str:
        """As :meth:`Vault.open`; one call to KMS at most."""
        opened = self._opened.get((sealed, about))
        if opened is None:
            opened = self._decrypt(sealed, about)
            self._remember(sealed, about, opened)
        return opened

    def _decrypt(self, sealed: str, about: str) -> str:
        if not sealed.startswith(_PREFIX):
            raise SealBroken("not sealed by KMS")
        try:
            blob = base64.b64decode(sealed.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise SealBroken("the sealed text is damaged") from None
        if not blob:
            raise SealBroken("the sealed text is damaged")
        try:
            answer = self._client.decrypt(KeyId=self._key, CiphertextBlob=blob, EncryptionContext={"partner": about})
        except self._client.exceptions.ClientError as error:
            if not _blames_the_text(error.response["Error"]):
                raise
            raise SealBroken("sealed for another partner, with another key, or changed since") from error
        return answer["Plaintext"].decode()

    def _remember(self, sealed: str, about: str, opened: str) -> None:
        if len(self._opened) >= _REMEMBERED:
            self._opened.clear()
        self._opened[sealed, about] = opened


def _blames_the_text(error: Mapping[str, Any]) -> bool:
    """Whether KMS refused the sealed text itself (AWS KMS API Reference, "Decrypt", errors)."""
    if error["Code"] in {"InvalidCiphertextException", "IncorrectKeyException"}:
        return True
    # Also said of a text under a key that KMS does not find; only a lack of permission is worded like this.
    return error["Code"] == "AccessDeniedException" and "not authorized to perform" not in error["Message"]
