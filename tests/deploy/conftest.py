"""One deployment for all tests of this folder: building and deploying takes most of a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.deploy.deployment import Deployment, sam_build, sam_deploy
from tests.deploy.operator_client import DeployedOperator
from tests.deploy.partner import Partner, registered_partner
from tests.support.keeping_partner import KeepingPartner, keeping_partner
from tests.support.ministack import running_ministack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def built_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``sam build`` made of ``template.yaml``."""
    return sam_build(tmp_path_factory.mktemp("sam"))


@pytest.fixture(scope="session")
def deployment(built_template: Path) -> Iterator[Deployment]:
    """The whole system, deployed."""
    with running_ministack(CLOUDTRAIL_RECORDING="1", CLOUDTRAIL_MAX_EVENTS="100000") as endpoint:
        yield sam_deploy(built_template, endpoint)


@pytest.fixture(scope="session")
def http(deployment: Deployment) -> Iterator[httpx.Client]:
    """A client without credentials, at the stage of the API."""
    with httpx.Client(base_url=deployment.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def operator(deployment: Deployment) -> Iterator[DeployedOperator]:
    """The operator's own systems."""
    with DeployedOperator(deployment) as client:
        yield client


@pytest.fixture(scope="session")
def emsp(operator: httpx.Client) -> Iterator[Partner]:
    """A registered eMSP."""
    with registered_partner(operator, "EMSP") as partner:
        yield partner


@pytest.fixture(scope="session")
def cpo(operator: httpx.Client) -> Iterator[Partner]:
    """A registered CPO."""
    with registered_partner(operator, "CPO") as partner:
        yield partner


@pytest.fixture(scope="session")
def keeping(operator: DeployedOperator, locations: list[str]) -> Iterator[KeepingPartner]:
    """A registered eMSP that keeps what it is pushed; all locations were there before it came."""
    assert locations
    with keeping_partner(operator) as partner:
        yield partner.joined("locations", "sessions", "cdrs", "tariffs", requests_per_minute=6000)


@pytest.fixture(scope="session")
def locations(operator: httpx.Client) -> list[str]:
    """The ids of five locations of ours."""
    ids = [f"LOC{number}" for number in range(1, 6)]
    for number, location_id in enumerate(ids):
        answer = operator.put(f"/2.1.1/locations/{location_id}", json=_location(location_id, number))
        assert answer.status_code == 201, answer.text
    return ids


def _location(location_id: str, number: int) -> dict[str, Any]:
    connector = {
        "id": "1",
        "standard": "IEC_62196_T2",
        "format": "SOCKET",
        "power_type": "AC_3_PHASE",
        "voltage": 400,
        "amperage": 16,
    }
    return {
        "id": location_id,
        "type": "ON_STREET",
        "address": f"Stationsplein {number}",
        "city": "Utrecht",
        "postal_code": "3511 ED",
        "country": "NLD",
        "coordinates": {"latitude": "52.089123", "longitude": "5.109123"},
        "evses": [
            {
                "uid": f"{location_id}-1",
                "status": "AVAILABLE",
                "capabilities": ["RESERVABLE", "REMOTE_START_STOP_CAPABLE", "UNLOCK_CAPABLE"],
                "connectors": [connector],
            }
        ],
    }
