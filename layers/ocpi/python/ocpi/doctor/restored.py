"""Prepare a store that was restored from a backup, before anything works with it.

    python -m ocpi.doctor.restored sqlite:<path>
    python -m ocpi.doctor.restored dynamodb:<table>

CDRs that waited to be sent when the backup was made may have been sent since. They are marked as sent with an unknown
end, so that a partner is asked for one before it is sent again: it is not to get it twice. Nothing else is changed, and
repeating it is harmless.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from ocpi.delivery.recipients import ONCE
from ocpi.store.deliveries import DeliveryState
from ocpi.store.open import open_store
from ocpi.store.port import Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.store.port import Store

PAGE = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ocpi.doctor.restored")
    parser.add_argument("store", help="dynamodb:<table> or sqlite:<path>")
    marked = mark(open_store(parser.parse_args(arguments).store))
    print(f"{marked} CDRs are asked for before they are sent")  # noqa: T201 - a command prints
    return 0


def mark(store: Store) -> int:
    """Mark what must not be sent twice and is pending; how much that was. Raises :class:`Conflict` if somebody works
    with the store already.
    """
    marked = 0
    for partner in store.partners.list():
        after: str | None = None
        while True:
            page = store.deliveries.page(partner.id, DeliveryState.PENDING, PAGE, after)
            blind = [each for each in page.deliveries if each.key.module in ONCE and not each.unsure]
            for written in store.deliveries.put_many([replace(each, unsure=True) for each in blind]):
                if isinstance(written, Conflict):
                    raise written
            marked, after = marked + len(blind), page.next
            if after is None:
                break
    return marked


if __name__ == "__main__":
    sys.exit(main())
