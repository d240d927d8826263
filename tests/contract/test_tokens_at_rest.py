"""No database holds a token that opens anything, in any spelling, whatever a registration goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from ocpi.transport.authentication import token_hash
from ocpi.vault.keyfile import KeyFileVault
from ocpi.vault.kms import KmsVault
from tests.support.spellings import found_in
from tests.unit.registration.counterpart import Counterpart
from tests.unit.registration.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.vault.port import Vault
    from tests.support.stores import Backend


@pytest.fixture(params=["kms", "keyfile"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    if request.param == "keyfile":
        yield KeyFileVault(tmp_path / "vault.key")
        return
    with mock_aws():
        kms: Any = boto3.client(
            "kms", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        yield KmsVault(kms.create_key()["KeyMetadata"]["Arn"], kms)


def kept(backend: Backend, folder: Path) -> bytes:
    """All that a database holds."""
    if backend.client is None:
        return b"\n".join(file.read_bytes() for file in folder.rglob("ocpi.sqlite*"))
    (table,) = [name for name in backend.client.list_tables()["TableNames"] if name == backend.open()._table]  # type: ignore[attr-defined] # of this adapter
    items = backend.client.scan(TableName=table, ConsistentRead=True)["Items"]
    binary = [bytes(value["B"]) for item in items for value in item.values() if "B" in value]
    return b"\n".join([repr(items).encode(), *binary])


def test_after_registrations_and_renewals_no_token_is_kept(backend: Backend, vault: Vault, tmp_path: Path) -> None:
    store: Any = backend.open()
    received, begun = (World(store, vault, Counterpart(store.partners)) for _ in range(2))
    begun.partner.issued = 100
    invited = received.invite()
    unused = received.invite("never-used")
    token_c = received.post(invited)
    token_d = received.put(token_c)
    assert received.partner.opens(token_d) == "registered"
    received.delete(token_d)
    partner = begun.register()
    token_b = str(begun.partner.on_us)
    begun.initiator().renew(partner)
    assert begun.both_can_call(partner)
    ours = [invited, unused, token_c, token_d, token_b, str(begun.partner.on_us)]
    theirs = [f"token-{number:03}" for number in (*range(1, received.partner.issued + 1), 101, 102)]

    content = kept(backend, tmp_path)
    assert token_hash(token_b).encode() in content, "this is not what the database holds"
    assert found_in(content, [*ours, *theirs, begun.ours(partner)]) == []
