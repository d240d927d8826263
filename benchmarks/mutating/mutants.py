"""The mutants of a file: found, described, and made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from mutating.operators import Tree, variants
from mutating.parts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """One change. ``node`` and ``variant`` number it; ``function`` is '' where the change is made at import."""

    file: str
    line: int
    last_line: int
    function: str
    operator: str
    before: str
    after: str
    node: int
    variant: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def text(self) -> str:
        """The file with the change."""
        tree = Tree((ROOT / self.file).read_text(encoding="utf-8"))
        node = next(node for number, node in enumerate(tree.nodes()) if number == self.node)
        return tree.replaced(node, variants(tree, node)[self.variant][1])


def mutants_of(path: Path) -> Iterator[Mutant]:
    """All of one file, relative to the root, in the order of its text."""
    tree = Tree((ROOT / path).read_text(encoding="utf-8"))
    for number, node in enumerate(tree.nodes()):
        for variant, (operator, new) in enumerate(variants(tree, node)):
            statement = _statement(tree, node)
            lines = tree.positions[node]
            yield Mutant(
                file=str(path),
                line=tree.positions[statement].start.line,
                last_line=lines.end.line if not isinstance(node, cst.If | cst.While) else lines.start.line,
                function=_function(tree, node),
                operator=operator,
                before=_short(tree, node),
                after=_short(tree, new),
                node=number,
                variant=variant,
            )


def _statement(tree: Tree, node: Any) -> Any:
    if isinstance(node, cst.BaseStatement):
        return node
    for above, below in tree.ancestors(node):
        if isinstance(above, cst.BaseStatement | cst.BaseSmallStatement):
            return below if isinstance(above, cst.BaseCompoundStatement) else above
    return node


def _function(tree: Tree, node: Any) -> str:
    """The outermost function whose body holds the node, ``Class.method``: what runs later than the import."""
    names: list[str] = []
    for above, below in tree.ancestors(node):
        if isinstance(above, cst.FunctionDef) and below is above.body:
            names = [above.name.value]
        elif isinstance(above, cst.ClassDef) and names:
            names.insert(0, above.name.value)
    return ".".join(names)


def _short(tree: Tree, node: Any) -> str:
    if isinstance(node, cst.If | cst.While):
        node = node.test
    text = " ".join(tree.text(node).split())
    return text if len(text) <= 160 else f"{text[:150]} …"
