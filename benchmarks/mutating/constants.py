"""A changed constant put in the place of the old one in a living process.

The assignment is carried out anew in its module, with those assignments after it that depend on it, and every module
that imported one of the names gets the new value. What took the old value along at import (defaults of parameters,
classes) keeps it: a mutant that survives this way has to be run cold.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any

from mutating.parts import ROOT
from mutating.swapping import NotSwapped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from mutating.mutants import Mutant
    from mutating.parts import Part


class Users:
    """Where constants are used: the lines of the functions of a part that mention them."""

    def __init__(self, part: Part) -> None:
        self._trees = {str(file): ast.parse((ROOT / file).read_text(encoding="utf-8")) for file in part.files()}

    def lines(self, mutant: Mutant) -> Iterator[tuple[str, int, int]]:
        """File, first line and last line of each function that uses what the mutant's statement binds."""
        body = self._trees[mutant.file].body
        names: set[str] = set()
        for statement in body:
            is_changed = statement.lineno <= mutant.line <= (statement.end_lineno or statement.lineno)
            if is_changed or _mentions(statement, names):
                names |= _bound(statement)
        for file, tree in self._trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _mentions_anywhere(node, names):
                    yield file, node.body[0].lineno, node.end_lineno or node.lineno


def rebind(mutant: Mutant, module: ModuleType) -> None:
    """Carry out the mutant's assignment. Raises ``NotSwapped`` where it is none, and whatever the import would."""
    old = ast.parse((ROOT / mutant.file).read_text(encoding="utf-8")).body
    new = ast.parse(mutant.text()).body
    changed = [
        place for place, pair in enumerate(zip(old, new, strict=False)) if ast.dump(pair[0]) != ast.dump(pair[1])
    ]
    if len(old) != len(new) or len(changed) != 1 or not _bound(new[changed[0]]):
        raise NotSwapped(mutant.file)
    before: dict[str, Any] = {}
    for statement in new[changed[0] :]:
        if statement is new[changed[0]] or _mentions(statement, before.keys()):
            before |= {name: vars(module)[name] for name in _bound(statement) if name not in before}
            code = compile(ast.Module([statement], []), module.__file__ or "", "exec", dont_inherit=True)
            exec(code, vars(module))  # noqa: S102 - as importing it would
    for each in list(sys.modules.values()):
        for name, value in before.items():
            if each is not module and getattr(each, "__dict__", {}).get(name) is value:
                setattr(each, name, vars(module)[name])


def _bound(statement: ast.stmt) -> set[str]:
    """The names that an assignment at the top of a module binds; none for any other statement."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    else:
        return set()
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _mentions(statement: ast.stmt, names: Any) -> bool:
    return bool(_bound(statement)) and _mentions_anywhere(statement, names)


def _mentions_anywhere(node: ast.AST, names: Any) -> bool:
    return any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(node))
