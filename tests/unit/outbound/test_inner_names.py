"""Where the local gateway lets names of one's own network through, those of metadata services stay shut."""

from __future__ import annotations

import pytest

from ocpi.outbound.inner_names import why_inner


@pytest.mark.parametrize("host", ["metadata", "instance-data", "rancher-metadata", "a.rancher-metadata"])
def test_a_metadata_service_is_refused_even_where_private_names_are_not(host: str) -> None:
    assert why_inner(host, allow_private=True) == "has the host of a metadata service"


@pytest.mark.parametrize("host", ["localhost", "printer", "box.lan", "metadata.example"])
def test_other_names_of_ones_own_network_are_let_through_there(host: str) -> None:
    assert why_inner(host, allow_private=True) is None
