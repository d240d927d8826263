"""Clients of AWS services, made by boto3 with a loader of models that knows what this project uses.

Measured (``benchmarks/cold_start.py``): making a DynamoDB client takes 55 ms. 20 ms of that go into looking through the
models of 440 services twice, which :class:`_Models` saves, and 18 ms into reading where all of them can be reached,
which the layer's botocore holds for ours only (``layers/dependencies/cut_botocore.py``).
"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.loaders import Loader
from botocore.session import get_session

if TYPE_CHECKING:
    from botocore.config import Config

SERVICES = ("dynamodb", "kms", "secretsmanager", "sqs")
"""What this project uses of AWS from its functions."""
_MAKING = threading.Lock()


class _Models(Loader):
    """Knows which services there are without opening every folder; in Lambda only: elsewhere botocore may make clients
    of its own to find credentials (STS for a role, SSO).
    """

    def list_available_services(self, type_name: str) -> list[str]:
        """Ours, all of which have every type of model that is asked for."""
        if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
            found: list[str] = super().list_available_services(type_name)
            return found
        return list(SERVICES)


@cache
def _session() -> Any:  # boto3's stubs know a client by a name that is written out, and no other
    core = get_session()
    core.register_component("data_loader", _Models())
    return boto3.Session(botocore_session=core)


def client(service: str, config: Config | None = None) -> Any:
    """A new client of one of :data:`SERVICES`; region, credentials and ``AWS_ENDPOINT_URL`` as botocore finds them.

    Clients may be shared between threads; a session makes them for one thread at a time, and this waits its turn.
    """
    with _MAKING:
        return _session().client(service, config=config)
