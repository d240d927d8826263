"""The operator key replaced in Secrets Manager while the deployed system serves, as docs/deploying.md says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.deployment import aws
from tests.deploy.queues import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.deploy.deployment import Deployment

AT_ONCE = 4
"""Calls at the same time, for which Lambda starts as many processes, each with what it read of the secret."""


class Keys:
    """The keys of a deployment: replaced as its operator does it, and shown to it."""

    def __init__(self, deployment: Deployment, http: httpx.Client, pool: ThreadPoolExecutor) -> None:
        self._http, self._pool = http, pool
        self._secrets: Any = aws("secretsmanager", deployment.endpoint)
        self._arn = deployment.outputs["OperatorKeyArn"]

    def replace(self) -> str:
        """The command of docs/deploying.md; the new key."""
        key: str = self._secrets.get_random_password(PasswordLength=48, ExcludePunctuation=True)["RandomPassword"]
        return self.put(key)

    def put(self, key: str) -> str:
        """This one is current now."""
        self._secrets.put_secret_value(SecretId=self._arn, SecretString=key)
        return key

    def statuses(self, *keys: str) -> list[int]:
        """How calls with these keys are answered, :data:`AT_ONCE` at a time."""
        return list(self._pool.map(self._status, keys))

    def _status(self, key: str) -> int:
        return self._http.get("/operator/party", headers={"Authorization": f"Bearer {key}"}).status_code

    def all_open(self, key: str) -> bool:
        """Whether several processes take it."""
        return set(self.statuses(*[key] * 2 * AT_ONCE)) == {200}


@pytest.fixture
def keys(deployment: Deployment, http: httpx.Client) -> Iterator[Keys]:
    """Afterwards the other tests' key is current again, in every process."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = Keys(deployment, http, pool)
        yield made
        made.put(deployment.operator_key)
        wait_until(lambda: made.all_open(deployment.operator_key))


def test_both_keys_open_at_once_and_one_that_was_replaced_twice_does_not(keys: Keys, deployment: Deployment) -> None:
    first = deployment.operator_key
    assert keys.all_open(first)
    second = keys.replace()
    assert keys.statuses(*[second, first] * AT_ONCE) == [200] * 2 * AT_ONCE
    third = keys.replace()
    assert keys.all_open(third)
    # A process that nobody showed the third one yet goes by what it read before, five minutes at most.
    wait_until(lambda: keys.all_open(third) and keys.statuses(first) == [401])
    assert keys.statuses(second, third) == [200, 200]
