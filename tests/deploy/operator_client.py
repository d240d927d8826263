"""The operator of the deployment, as tests of the local gateway know theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.support.party import Operator

if TYPE_CHECKING:
    from tests.deploy.deployment import Deployment


class DeployedOperator(Operator):
    """A client of the deployed operator API; paths are relative to ``/operator``."""

    def __init__(self, deployment: Deployment) -> None:
        headers = {"Authorization": f"Bearer {deployment.operator_key}"}
        httpx.Client.__init__(self, base_url=f"{deployment.url}/operator", headers=headers, timeout=30)
