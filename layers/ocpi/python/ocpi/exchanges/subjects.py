"""Under which name the exchanges about one object are found."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_DIGEST_CHARACTERS = 32


def subject(module: str, object_id: str, signing_key: Callable[[], bytes]) -> str:
    """``sessions/s-1``; letter case of an id does not count. A token's holds a keyed digest of its uid, so that it is
    found by whoever knows the uid and tells it to nobody else. The key is asked for only then.
    """
    folded = object_id.lower()
    if module == "tokens":
        text = f"exchange {module}/{folded}".encode()
        folded = hmac.digest(signing_key(), text, hashlib.sha256).hex()[:_DIGEST_CHARACTERS]
    return f"{module}/{folded}"
