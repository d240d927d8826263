"""What is changed: mutmut's operators, and three of ours.

Of mutmut's, a string is only changed in its letters (another case of SQL is the same SQL), and an argument becomes None
where it stands by its place and goes where it has a name: the other way round is the same mistake again.

Ours: a call or an assignment to an attribute or item that stands by itself is dropped; a ``raise`` is dropped; a value
that is returned becomes None; a condition is turned round. Left alone is what no test should hold: annotations,
docstrings, the words of a message to a person (inside ``raise``, or in a call of a logger), ``cast``, types with a name
and the arguments of ``@dataclass``, which mypy holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation.mutators import mutation_operators

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Node = Any
"""A node of libcst's tree; it is not installed where types are checked."""

_LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}
_WITHOUT_EFFECT = {"cast", "TypeVar", "overload"}


class Tree:
    """The tree of one file, with parents and positions."""

    def __init__(self, source: str) -> None:
        wrapper = MetadataWrapper(cst.parse_module(source))
        self.module: Node = wrapper.module
        self.parents: Mapping[Node, Node] = wrapper.resolve(ParentNodeProvider)
        self.positions: Mapping[Node, Any] = wrapper.resolve(PositionProvider)

    def nodes(self) -> Iterator[Node]:
        """In the order of the text; the same at each reading of the same text."""
        waiting = [self.module]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def ancestors(self, node: Node) -> Iterator[tuple[Node, Node]]:
        """Each node above, with its child on the way: the nearest first."""
        while node in self.parents:
            yield self.parents[node], node
            node = self.parents[node]

    def text(self, node: Node) -> str:
        """As it is written."""
        return str(self.module.code_for_node(node)).strip()

    def replaced(self, old: Node, new: Node) -> str:
        """The whole text with one node changed."""
        return str(self.module.deep_replace(old, new).code)


def variants(tree: Tree, node: Node) -> list[tuple[str, Node]]:
    """What may stand in a node's place, each with the name of the operator; in the same order each time."""
    if _is_left_alone(tree, node):
        return []
    is_log = isinstance(node, cst.Call) and _name_called(node) in _LOGGING
    found = [] if is_log or _is_message(tree, node) else list(_of_mutmut(node))
    return found + list(_ours(node))


def _of_mutmut(node: Node) -> Iterable[tuple[str, Node]]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            for new in operator(node):
                if not _is_repetition(node, new):
                    yield operator.__name__.removeprefix("operator_"), new


def _is_repetition(node: Node, new: Node) -> bool:
    if isinstance(node, cst.SimpleString):
        return "XX" not in new.value
    if isinstance(node, cst.Call) and isinstance(new, cst.Call) and new.func is node.func:
        if len(new.args) < len(node.args):
            kept = {id(argument) for argument in new.args}
            return any(argument.keyword is None for argument in node.args if id(argument) not in kept)
        return any(old is not arg and arg.keyword is not None for old, arg in zip(node.args, new.args, strict=True))
    return False


def _ours(node: Node) -> Iterable[tuple[str, Node]]:
    if (isinstance(node, cst.Expr) and isinstance(node.value, cst.Call | cst.Await)) or (
        isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Attribute | cst.Subscript)
    ):
        yield "statement_dropped", cst.Pass()
    elif isinstance(node, cst.Raise) and node.exc is not None:
        yield "raise_dropped", cst.Pass()
    elif isinstance(node, cst.Return) and node.value is not None and not _is_none(node.value):
        yield "nothing_returned", node.with_changes(value=cst.Name("None"))
    elif isinstance(node, cst.If | cst.CompIf | cst.While) and not _is_constant(node.test):
        test = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        turned = cst.UnaryOperation(cst.Not(), test)
        yield "condition_turned", node.with_changes(test=turned)


def _is_none(node: Node) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def _is_constant(node: Node) -> bool:
    return isinstance(node, cst.Name) and node.value in ("True", "TYPE_CHECKING")


def _is_left_alone(tree: Tree, node: Node) -> bool:
    if isinstance(node, cst.Call) and _name_called(node) in _WITHOUT_EFFECT:
        return True
    return _covers(tree, node, None) or any(_covers(tree, above, below) for above, below in tree.ancestors(node))


def _covers(tree: Tree, above: Node, below: Node | None) -> bool:
    """Whether a node, of which ``below`` is the child on the way down, and what is in it is left alone."""
    match above:
        case cst.Annotation() | cst.ImportFrom() | cst.Import() | cst.TypeAlias():
            return True
        case cst.Expr(value=cst.SimpleString()):
            return True
        case cst.If():
            return below is not None and _is_constant(above.test) and below is not above.orelse
        case cst.Assign():
            return _is_named_type(above) or tree.text(above).startswith(("__slots__", "__all__"))
        case cst.Call():
            return below is not None and below is not above.func and _name_called(above) in _WITHOUT_EFFECT
        case cst.Decorator():
            return tree.text(above).startswith("@dataclass")
        case cst.ClassDef():
            return any(_is_type_only(base) for base in above.bases)
    return False


def _is_named_type(node: Node) -> bool:
    """``Places = dict[str, str]``: only the type checker reads it."""
    target = node.targets[0].target
    is_type = isinstance(node.value, cst.Subscript | cst.BinaryOperation)
    return is_type and isinstance(target, cst.Name) and target.value.lstrip("_")[:2].istitle()


def _is_type_only(base: Node) -> bool:
    return isinstance(base.value, cst.Name) and base.value.value in ("Protocol", "TypedDict", "NamedTuple")


def _is_message(tree: Tree, node: Node) -> bool:
    """The words that a person reads: they may be put better without a test noticing."""
    for above, below in tree.ancestors(node):
        if isinstance(above, cst.Raise):
            return isinstance(node, cst.BaseString)
        if isinstance(above, cst.Call) and _name_called(above) in _LOGGING and below is not above.func:
            return True
        if isinstance(above, cst.BaseStatement):
            return False
    return False


def _name_called(call: Node) -> str:
    function = call.func
    return str(getattr(function, "attr", function).value) if isinstance(function, cst.Name | cst.Attribute) else ""
