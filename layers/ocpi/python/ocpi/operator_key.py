"""The key of the operator API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ocpi.kept_secret import secret_reader

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST = 20
"""Characters."""


def operator_key_reader(where: str, *, clock: Callable[[], float] = time.monotonic) -> Callable[[], str]:
    """A function that gives the current key. ``where``: as in :func:`ocpi.kept_secret.secret_reader`, which also says
    how long a key that was rotated still opens.
    """
    read_secret = secret_reader(where, clock=clock)

    def read() -> str:
        key = read_secret()
        if len(key) < SHORTEST:
            raise ValueError(f"the operator key is shorter than {SHORTEST} characters")
        return key

    return read
