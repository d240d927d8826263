"""Cuts the data of the layer's botocore to the services that the functions use. The layer's makefile runs it.

    python cut_botocore.py FOLDER SERVICE…     # FOLDER: botocore/data

botocore brings the models of 440 services, 25 MB, and one list of where each can be reached, whose reading alone takes
18 ms of every cold start. Half of each model is its documentation, which is cut out, and the rest is not compressed:
that takes reading the one of DynamoDB from 5 ms to 2. All else is as botocore ships it.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any


def cut(data: Path, services: set[str]) -> None:
    """Remove the other services; raises :class:`ValueError` if one of these is not there."""
    found = {entry.name for entry in data.iterdir() if entry.is_dir()}
    if not services <= found:
        raise ValueError(f"{data} has no {', '.join(sorted(services - found))}")
    for other in found - services:
        shutil.rmtree(data / other)
    for examples in data.glob("*/*/examples-1.json*"):  # of its documentation
        examples.unlink()
    for model in data.glob("*/*/service-2.json.gz"):
        document = undocumented(json.loads(gzip.decompress(model.read_bytes())))
        model.with_suffix("").write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
        model.unlink()

    places = data / "endpoints.json"
    document = json.loads(places.read_text(encoding="utf-8"))
    for partition in document["partitions"]:
        partition["services"] = {name: known for name, known in partition["services"].items() if name in services}
    places.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def undocumented(model: Any) -> Any:
    """A model without its documentation, which is text; a member of a structure by that name is an object."""
    if isinstance(model, dict):
        kept = {name: value for name, value in model.items() if name != "documentation" or not isinstance(value, str)}
        return {name: undocumented(value) for name, value in kept.items()}
    return [undocumented(each) for each in model] if isinstance(model, list) else model


if __name__ == "__main__":
    cut(Path(sys.argv[1]), set(sys.argv[2:]))
