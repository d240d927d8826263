"""Loads Lambda functions into one process although their folders hold modules of the same names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

Handler = Callable[[dict[str, Any], Any], Any]


class LoadError(Exception):
    """A function cannot be loaded; the message names it."""


def load(folder: Path, handler: str) -> Handler:
    """The handler (``app.handler``) of a function folder, its modules imported as Lambda does: flat, folder first.

    The folder's modules are gone from ``sys.modules`` afterwards, so that the next folder can have an ``app.py``
    too. What looks its module up by name later (pickle, a deferred pydantic model, an import inside a function)
    does not find it: such things belong in the layer. Raises :class:`LoadError`.
    """
    module_name, _, attribute = handler.rpartition(".")
    folder = folder.resolve()
    if not folder.is_dir():
        raise LoadError(f"{folder}: no such folder")
    with _isolated(folder):
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            raise LoadError(f"{folder / module_name}.py: {error}") from error
    found: Handler | None = getattr(module, attribute, None)
    if not callable(found):
        raise LoadError(f"{folder / module_name}.py has no {attribute}")
    return found


@contextmanager
def _isolated(folder: Path) -> Iterator[None]:
    names = {entry.stem for entry in folder.iterdir() if entry.suffix == ".py" or entry.is_dir()}
    # A module of such a name that is there already, from anywhere, would be taken for the folder's own.
    set_aside = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
    for name in set_aside:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name, module in sys.modules.items() if _is_from(module, folder)]:
            del sys.modules[name]
        sys.modules.update(set_aside)


def _is_from(module: ModuleType | None, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", []))
    return any(Path(place).is_relative_to(folder) for place in places)
