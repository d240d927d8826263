"""``python -m local.rotate_operator_key``: a new operator key for the data folder, whether its gateway runs or not.

The new key opens at once and the old one for another hour; done twice, the old one opens nothing any more at all.
``--data`` stands in for the environment variable ``DATA``. Exit code 1 if the folder has no operator key yet.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.data import ENDPOINTS, OPERATOR_KEY, PREVIOUS_OPERATOR_KEY, new_operator_key, write_json, write_private

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Replace the key; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.rotate_operator_key", description="A new operator key.")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DATA") or ".local"), help="(DATA, .local)")
    data: Path = parser.parse_args(arguments).data
    try:
        rotate(data)
    except FileNotFoundError:
        print(f"{data} has no operator key yet; the gateway makes one when it starts", file=sys.stderr)
        return 1
    print(f"{data / OPERATOR_KEY} holds a new operator key; the old one opens for another hour")
    return 0


def rotate(data: Path) -> None:
    """Put a new key in the place of the old one, which is kept beside it; raises :class:`FileNotFoundError`."""
    path, endpoints = data / OPERATOR_KEY, data / ENDPOINTS
    # In this order: were it to end here, the key that is current would be the one before as well.
    write_private(data / PREVIOUS_OPERATOR_KEY, path.read_text(encoding="utf-8"))
    key = new_operator_key()
    write_private(path, f"{key}\n")
    if endpoints.exists():
        content = json.loads(endpoints.read_text(encoding="utf-8"))
        content["operator"]["key"] = key
        write_json(endpoints, content)


if __name__ == "__main__":
    sys.exit(main())
