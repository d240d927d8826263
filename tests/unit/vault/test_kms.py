from __future__ import annotations

import base64
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from ocpi.vault import SealBroken
from ocpi.vault.kms import KmsVault

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    with mock_aws():
        yield boto3.client("kms", region_name="eu-central-1")


@pytest.fixture
def calls(client: Any) -> list[tuple[str, dict[str, Any]]]:
    """Every call to KMS with its parameters."""
    heard: list[tuple[str, dict[str, Any]]] = []
    for operation in ("Encrypt", "Decrypt"):
        client.meta.events.register(
            f"provide-client-params.kms.{operation}",
            lambda params, model, **_: heard.append((model.name, dict(params))),
        )
    return heard


def test_the_partner_goes_along_as_encryption_context(client: Any, calls: list[tuple[str, dict[str, Any]]]) -> None:
    key = client.create_key()["KeyMetadata"]["Arn"]
    sealed = KmsVault(key, client).seal("abc-1", about="p1")
    assert KmsVault(key, client).open(sealed, about="p1") == "abc-1"
    assert [name for name, _ in calls] == ["Encrypt", "Decrypt"]
    for _, parameters in calls:
        assert parameters["EncryptionContext"] == {"partner": "p1"}
        assert parameters["KeyId"] == key


def test_a_value_is_opened_by_kms_once(client: Any, calls: list[tuple[str, dict[str, Any]]]) -> None:
    vault = KmsVault(client.create_key()["KeyMetadata"]["Arn"], client)
    sealed = vault.seal("abc-1", about="p1")
    for _ in range(5):
        assert vault.open(sealed, about="p1") == "abc-1"
    assert [name for name, _ in calls] == ["Encrypt", "Decrypt"]


def test_what_is_remembered_is_bounded(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpi.vault.kms._REMEMBERED", 3)
    vault = KmsVault(client.create_key()["KeyMetadata"]["Arn"], client)
    sealed = [vault.seal(f"abc-{number}", about="p1") for number in range(10)]
    assert [vault.open(each, about="p1") for each in sealed] == [f"abc-{number}" for number in range(10)]
    assert len(vault._opened) <= 3


# What KMS answers to Decrypt, as its API reference words it; moto knows only a few of these.
TEXT_IS_TO_BLAME = [
    ("InvalidCiphertextException", ""),
    ("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."),
    ("AccessDeniedException", "The ciphertext refers to a customer master key that does not exist, …"),
]
KMS_IS_TO_BLAME = [
    ("AccessDeniedException", "User: arn:aws:sts::1:role is not authorized to perform: kms:Decrypt on resource: …"),
    ("ThrottlingException", "Rate exceeded"),
    ("DisabledException", "The key is disabled."),
    ("KMSInternalException", ""),
]


def refuse(client: Any, code: str, message: str) -> None:
    stubber = Stubber(client)
    stubber.add_client_error("decrypt", code, message)
    stubber.activate()


@pytest.mark.parametrize(("code", "message"), TEXT_IS_TO_BLAME)
def test_a_text_that_kms_does_not_open_is_a_broken_seal(client: Any, code: str, message: str) -> None:
    refuse(client, code, message)
    with pytest.raises(SealBroken):
        KmsVault("alias/tokens", client).open("kms:YWJj", about="p1")


@pytest.mark.parametrize(("code", "message"), KMS_IS_TO_BLAME)
def test_an_error_of_kms_itself_is_no_broken_seal(client: Any, code: str, message: str) -> None:
    refuse(client, code, message)
    with pytest.raises(ClientError) as caught:
        KmsVault("alias/tokens", client).open("kms:YWJj", about="p1")
    assert caught.value.response["Error"]["Code"] == code


def test_opening_the_vault_loads_neither_boto3_nor_cryptography() -> None:
    program = (
        "import sys; from ocpi.vault import open_vault; open_vault('kms:alias/tokens');"
        "print(sorted({'boto3', 'botocore', 'cryptography'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    assert found.stdout.strip() == "[]"


class Kms:
    """A client that seals by turning the text around, and notes what it is asked."""

    class exceptions:  # noqa: N801 - as botocore's clients have them
        ClientError = ClientError

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def encrypt(self, **options: Any) -> dict[str, bytes]:
        self.asked.append(options)
        return {"CiphertextBlob": options["Plaintext"][::-1]}

    def decrypt(self, **options: Any) -> dict[str, bytes]:
        self.asked.append(options)
        return {"Plaintext": options["CiphertextBlob"][::-1]}


def test_kms_is_asked_for_the_key_and_about_the_partner() -> None:
    kms: Any = Kms()
    sealed = KmsVault("alias/tokens", kms).seal("é", about="p1")
    assert sealed == f"kms:{base64.b64encode('é'.encode()[::-1]).decode()}"
    assert KmsVault("alias/tokens", kms).open(sealed, about="p1") == "é"
    about = {"KeyId": "alias/tokens", "EncryptionContext": {"partner": "p1"}}
    assert kms.asked == [
        {**about, "Plaintext": "é".encode()},
        {**about, "CiphertextBlob": "é".encode()[::-1]},
    ]


def test_what_is_remembered_is_one_partners_and_256_texts_at_most() -> None:
    kms: Any = Kms()
    vault = KmsVault("alias/tokens", kms)
    texts = [f"kms:{base64.b64encode(str(number).encode()).decode()}" for number in range(257)]
    for text in texts[:256]:
        vault.open(text, about="p1")
    assert vault.open(texts[0], about="p1") == "0"
    assert len(kms.asked) == 256
    vault.open(texts[0], about="p2")
    assert len(kms.asked) == 257
    # The one that did not fit began anew.
    vault.open(texts[0], about="p2")
    assert len(kms.asked) == 257
    vault.open(texts[1], about="p1")
    assert len(kms.asked) == 258


@pytest.mark.parametrize(
    ("sealed", "message"),
    [
        ("keyfile:YWJj", "not sealed by KMS"),
        ("kms:***", "the sealed text is damaged"),
        ("kms:YQ", "the sealed text is damaged"),
        ("kms:YW!Jj", "the sealed text is damaged"),
        ("kms:é", "the sealed text is damaged"),
        ("kms:", "the sealed text is damaged"),
    ],
)
def test_kms_is_not_asked_about_what_it_cannot_have_sealed(sealed: str, message: str) -> None:
    kms: Any = Kms()
    with pytest.raises(SealBroken, match=f"^{message}$") as broken:
        KmsVault("alias/tokens", kms).open(sealed, about="p1")
    assert broken.value.__cause__ is None
    assert kms.asked == []


def test_a_broken_seal_hangs_on_to_what_kms_said(client: Any) -> None:
    refuse(client, *TEXT_IS_TO_BLAME[0])
    message = "^sealed for another partner, with another key, or changed since$"
    with pytest.raises(SealBroken, match=message) as broken:
        KmsVault("alias/tokens", client).open("kms:YWJj", about="p1")
    assert isinstance(broken.value.__cause__, ClientError)


def test_a_client_of_its_own_is_made_once_and_for_kms(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def client_of(service: str) -> Any:
        made.append(service)
        return Kms()

    monkeypatch.setattr("ocpi.aws.client", client_of)
    vault = KmsVault("alias/tokens")
    assert made == []
    for _ in range(2):
        vault.seal("x", about="p1")
    assert made == ["kms"]
