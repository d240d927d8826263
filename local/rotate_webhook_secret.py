"""``python -m local.rotate_webhook_secret``: a new webhook secret for the data folder, whether its gateway runs or not.

Within five minutes calls are signed with the new secret, and for a day with the old one too; done twice, no more with
the old one. ``--data`` stands in for the environment variable ``DATA``. Exit code 1 if the folder has no secret yet.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.data import PREVIOUS_WEBHOOK_KEY, WEBHOOK_KEY, new_webhook_secret, write_private

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Replace the secret; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.rotate_webhook_secret", description="A new webhook secret.")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DATA") or ".local"), help="(DATA, .local)")
    data: Path = parser.parse_args(arguments).data
    try:
        rotate(data)
    except FileNotFoundError:
        print(f"{data} has no webhook secret yet; the gateway makes one when it starts", file=sys.stderr)
        return 1
    print(f"{data / WEBHOOK_KEY} holds a new secret, in use in five minutes; the old one signs too for a day")
    return 0


def rotate(data: Path) -> None:
    """Put a new secret in the place of the old one, which is kept beside it; raises :class:`FileNotFoundError`."""
    path = data / WEBHOOK_KEY
    # In this order: were it to end here, the secret that is current would be the one before as well.
    write_private(data / PREVIOUS_WEBHOOK_KEY, path.read_text(encoding="utf-8"))
    write_private(path, new_webhook_secret() + "\n")


if __name__ == "__main__":
    sys.exit(main())
