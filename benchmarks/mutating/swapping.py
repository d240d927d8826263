"""A changed function put in the place of the old one in a living process.

Nothing is imported anew: every function object that runs the old code gets the new code, so that decorators, closures,
bound methods and names imported elsewhere are all reached.
"""

from __future__ import annotations

import gc
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mutating.mutants import Mutant

Known = dict[tuple[str, str], list[FunctionType]]
"""Functions by file and qualified name."""


class NotSwapped(Exception):
    """No living function has the code, or it cannot take the new one."""


def living_functions(files: set[str]) -> Known:
    """All functions whose code is of these files (absolute paths)."""
    found: Known = {}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename in files:
            code = thing.__code__
            found.setdefault((code.co_filename, code.co_qualname), []).append(thing)
    return found


def swap(mutant: Mutant, path: str, functions: Known) -> None:
    """Put the mutant's code into the functions that are there. Raises ``NotSwapped``."""
    compiled = compile(mutant.text(), path, "exec", dont_inherit=True)
    codes = [code for code in _inside(compiled) if _is_of(code, mutant.function)]
    swapped = 0
    for code in codes:
        for function in functions.get((path, code.co_qualname), []):
            if _begins_elsewhere(function.__code__, code):
                continue
            try:
                function.__code__ = code
            except ValueError as error:
                raise NotSwapped(str(error)) from None
            swapped += 1
    if not swapped:
        raise NotSwapped(mutant.function)


def _is_of(code: CodeType, function: str) -> bool:
    return code.co_qualname == function or code.co_qualname.startswith(f"{function}.<locals>.")


def _begins_elsewhere(old: CodeType, new: CodeType) -> bool:
    """Two functions of one name, as a property and its setter are. What is inside of one may have moved."""
    return "<locals>" not in old.co_qualname and old.co_firstlineno != new.co_firstlineno


def _inside(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inside(constant)
