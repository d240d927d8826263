"""What is wrong with an object: where, as a JSON pointer (RFC 6901), and a sentence for the person who sent it.

A sentence never repeats what was sent: it may be a token, and it ends up in logs and answers.
"""

from collections.abc import Iterable, Iterator
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


MOST_NAMED = 10_000
"""Faults that an answer names: more would be more bytes than Lambda answers with."""
_MOST_POINTER_CHARACTERS = 200
"""Names in it may be the sender's."""


def told(faults: list[Fault]) -> Iterator[tuple[str, str]]:
    """Pointer and detail of the faults as an answer tells them: the first 10,000, pointers cut to 200 characters."""
    for fault in faults[:MOST_NAMED]:
        long = len(fault.pointer) > _MOST_POINTER_CHARACTERS
        yield f"{fault.pointer[:_MOST_POINTER_CHARACTERS]}…" if long else fault.pointer, fault.detail


def pointer(path: Iterable[str | int]) -> str:
    """The JSON pointer of a path: ``("evses", 0, "status")`` is ``/evses/0/status``."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
