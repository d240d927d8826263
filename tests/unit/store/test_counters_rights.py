"""The role of the function ``counters`` allows what counting calls, and nothing else.

In the deploy test, whose trail tells what the functions call, no list grows so long that a chunk of it is split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.rights import BY_LAMBDA, RARELY, granted_rights
from tests.support.counted import FakeStream, count
from tests.support.stores import draft, key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deploy.rights import Right

pytestmark = pytest.mark.usefixtures("small_chunks")

EVERYBODY, PARTY = "*", "NL-TNM"


class Watched:
    """A client of DynamoDB that notes which rights its callers need."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.exceptions = client.exceptions
        self.used: set[Right] = set()

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        method = getattr(self._client, operation)

        def call(**request: Any) -> Any:
            action = operation.title().replace("_", "")
            if action == "TransactWriteItems":
                kinds = {
                    kind if kind == "ConditionCheck" else f"{kind}Item"
                    for item in request["TransactItems"]
                    for kind in item
                }
                self.used |= {(f"dynamodb:{kind}", "Table") for kind in kinds}
            else:
                index = request.get("IndexName")
                self.used.add((f"dynamodb:{action}", f"Table/index/{index}" if index else "Table"))
            return method(**request)

        return call


def test_the_role_allows_what_counting_calls_while_lists_grow_and_shrink_and_nothing_else() -> None:
    stream = FakeStream()
    watched = Watched(stream.client)
    client: Any = watched
    objects = stream.store.objects
    names = [f"{number:03d}" for number in range(60)]
    for number, name in enumerate(names):
        objects.put(key(name), draft("1", audience=PARTY if number % 2 else EVERYBODY), expected=None)
    count(client, "store", stream.pending())
    for number, name in enumerate(names):
        objects.put(key(name), draft("2", f"2026-02-01T00:00:{number:02d}Z", PARTY), expected=1)
    count(client, "store", stream.pending())
    for name in names:
        objects.delete(key(name), expected=2)
        count(client, "store", stream.pending())

    granted = {right for right in granted_rights()["CountersFunction"] if right[0] not in BY_LAMBDA}
    assert watched.used <= granted
    assert granted - watched.used == set()
    assert RARELY["CountersFunction"] < granted
