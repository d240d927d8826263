"""Benchmarks are scripts that find each other by their folder; last in the path, so that they hide nothing."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))
