"""What is installed and deployed is pinned to the byte, and the bill of materials names all that is deployed."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LAYER = "layers/dependencies/requirements.txt"
LOCAL, DEV, BENCH, MEASURE = (f"requirements/{extra}.txt" for extra in ("local", "dev", "bench", "measure"))
APART = sorted(path.relative_to(ROOT).with_suffix(".txt").as_posix() for path in ROOT.glob("requirements/*.in"))
"""Of tools that live apart from us."""
_HASHES = r"(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})*)"
_PIN = re.compile(rf"(?m)^(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==(?P<version>\S+){_HASHES}$")
locks = pytest.mark.parametrize("lock", [LAYER, LOCAL, DEV, BENCH, MEASURE, *APART])


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, str]:
    """The version of each package."""
    return {canonicalize_name(found["name"]): found["version"] for found in _PIN.finditer(text_of(lock))}


def wanted(*extras: str) -> list[Requirement]:
    """What ``pyproject.toml`` asks for, ourselves left out."""
    listed = [*PROJECT["dependencies"], *(each for extra in extras for each in PROJECT["optional-dependencies"][extra])]
    return [requirement for requirement in map(Requirement, listed) if requirement.name != PROJECT["name"]]


@locks
def test_every_line_is_a_version_with_its_hashes(lock: str) -> None:
    lines = [line for line in text_of(lock).splitlines() if line and not line.startswith(("#", " "))]
    found = list(_PIN.finditer(text_of(lock)))
    assert len(found) == len(lines) > 10
    assert all(each["hashes"] for each in found)


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        (LAYER, ()),
        (LOCAL, ("local",)),
        (DEV, ("local", "dev")),
        (BENCH, ("local", "dev", "bench")),
        (MEASURE, ("local", "dev", "measure")),
    ],
)
def test_a_lock_holds_what_the_project_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    known = pins(lock)
    for requirement in wanted(*extras):
        assert requirement.specifier.contains(known[canonicalize_name(requirement.name)]), requirement


def test_every_extra_has_a_lock() -> None:
    assert {f"requirements/{extra}.txt" for extra in PROJECT["optional-dependencies"]} == {LOCAL, DEV, BENCH, MEASURE}


@pytest.mark.parametrize("lock", APART)
def test_the_lock_of_a_tool_holds_what_is_asked_for(lock: str) -> None:
    lines = [line for line in text_of(lock.replace(".txt", ".in")).splitlines() if not line.startswith("#")]
    assert lines
    for requirement in map(Requirement, lines):
        assert requirement.specifier.contains(pins(lock)[canonicalize_name(requirement.name)]), requirement


def test_what_is_tested_is_what_is_deployed_and_measured() -> None:
    for lock in (LOCAL, DEV):
        assert pins(LAYER).items() <= pins(lock).items()
    for lock in (BENCH, MEASURE):
        assert pins(DEV).items() <= pins(lock).items()


@pytest.mark.parametrize("makefile", ["Makefile", "requirements/Makefile", "layers/dependencies/Makefile"])
def test_nothing_is_installed_but_by_hash_and_ourselves(makefile: str) -> None:
    text = re.sub(r"(?m)^#.*$", "", text_of(makefile)).replace("\\\n", " ")
    for name, value in re.findall(r"(?m)^(\w+) :?= (.*)$", text):
        text = text.replace(f"$({name})", value)
    installs = re.findall(r"pip install ([^\n&|]*)", text)
    assert installs
    for options in map(set, map(str.split, installs)):
        assert "--require-hashes" in options or {"--no-deps", "--editable", "."} <= options


def test_what_builds_us_is_pinned_too() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    for requirement in map(Requirement, build):
        for lock in (LOCAL, DEV, BENCH, MEASURE):
            assert requirement.specifier.contains(pins(lock)[requirement.name])


def test_the_layer_is_installed_by_hash_and_never_built() -> None:
    recipe = (ROOT / "layers/dependencies/Makefile").read_text(encoding="utf-8")
    assert {"--no-deps", "--require-hashes", "--only-binary=:all:"} <= set(recipe.split())


def test_the_bill_of_materials_names_every_package_of_the_layer_with_all_its_hashes() -> None:
    bill: dict[str, Any] = json.loads((ROOT / "requirements/layer.cdx.json").read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", PROJECT["name"])
    assert {canonicalize_name(each["name"]): each["version"] for each in bill["components"]} == pins(LAYER)
    assert {each["purl"] for each in bill["components"]} == {
        f"pkg:pypi/{name}@{version}" for name, version in pins(LAYER).items()
    }
    stated = {
        hashed["content"]
        for component in bill["components"]
        for reference in component["externalReferences"]
        for hashed in reference.get("hashes", [])
    }
    assert stated == set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text_of(LAYER)))
