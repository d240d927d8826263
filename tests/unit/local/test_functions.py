from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from local.functions import LoadError, load

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, **modules: str) -> Path:
    folder.mkdir()
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return folder


def test_folders_with_modules_of_the_same_names_keep_apart(tmp_path: Path) -> None:
    app = "import received\ndef handler(event, context): return received.NAME"
    handlers = [
        load(write(tmp_path / name, app=app, received=f"NAME = {name!r}"), "app.handler") for name in ("one", "two")
    ]
    assert [handler({}, None) for handler in handlers] == ["one", "two"]


def test_nothing_of_a_folder_stays_behind(tmp_path: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    folder = write(tmp_path / "one", app="import only_here\ndef handler(event, context): ...", only_here="")
    load(folder, "app.handler")
    assert sys.path == path
    assert not {"app", "only_here"} & (set(sys.modules) - modules)


def test_a_module_of_the_same_name_from_elsewhere_is_neither_taken_nor_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = ModuleType("received")
    monkeypatch.setitem(sys.modules, "received", elsewhere)
    app = "import received\ndef handler(event, context): return received.NAME"
    handler = load(write(tmp_path / "one", app=app, received="NAME = 1"), "app.handler")
    assert handler({}, None) == 1
    assert sys.modules["received"] is elsewhere


@pytest.mark.parametrize(
    ("modules", "reason"),
    [
        ({}, "No module named 'app'"),
        ({"app": ""}, "has no handler"),
        ({"app": "import nowhere_at_all"}, "nowhere_at_all"),
    ],
)
def test_a_function_that_cannot_be_loaded_says_why(tmp_path: Path, modules: dict[str, str], reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        load(write(tmp_path / "one", **modules), "app.handler")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="missing: no such folder"):
        load(tmp_path / "missing", "app.handler")
