"""What is wrong with an object: where, as a JSON pointer (RFC 6901), and a sentence for the person who sent it.

A sentence never repeats what was sent: it may be a token, and it ends up in logs and answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: ``Fault("/evses/0/status", "must be one of …")``; pointer "" is the whole object."""

    pointer: str
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer or 'the object'} {self.detail}"


class Invalid(Exception):
    """An object is not valid; ``faults`` has every reason, and at least one."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


def pointer(path: Iterable[str | int]) -> str:
    """The JSON pointer of a path: ``("evses", 0, "status")`` is ``/evses/0/status``."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
