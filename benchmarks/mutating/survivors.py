"""Mutants that no test can or should kill, each with the reason: a file a part in ``explained/``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutating.parts import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "explained"


@dataclass(frozen=True)
class Explained:
    """``file`` below the package; ``function``, ``before`` and ``after`` as the run prints them, ``*`` for anything."""

    file: str
    why: str
    function: str = "*"
    before: str = "*"
    after: str = "*"

    def fits(self, mutant: Mapping[str, Any]) -> bool:
        """Whether a survivor is this one. Brackets mean themselves."""
        pairs = (
            (mutant["file"], f"{PACKAGE}/{self.file}"),
            (mutant["function"], self.function),
            (mutant["before"], self.before),
            (mutant["after"], self.after),
        )
        return all(fnmatchcase(text, pattern.replace("[", "[[]")) for text, pattern in pairs)


def explained(part: str) -> list[Explained]:
    """Those of one part."""
    known = tomllib.loads((FOLDER / f"{part}.toml").read_text(encoding="utf-8"))
    return [Explained(**entry) for entry in known.get("survivor", [])]
