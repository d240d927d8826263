"""``sam build``: what goes into the layers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LAYERS = ("DependenciesLayer", "OcpiLayer")
STANDARD_LIBRARY_ONLY = ("-I", "-S")  # none of the packages that are installed for the tests


def _run(built_template: Path, code: str) -> str:
    folders = [str(built_template.parent / layer / "python") for layer in LAYERS]
    return subprocess.run(
        [sys.executable, *STANDARD_LIBRARY_ONLY, "-B", "-c", f"import sys; sys.path[:0] = {folders!r}\n{code}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.parametrize(
    "package", ["aws_lambda_powertools.logging", "mangum", "pydantic", "starlette.routing", "urllib3"]
)
def test_the_layers_bring_what_lambda_does_not_have(built_template: Path, package: str) -> None:
    _run(built_template, f"import {package}; {package.partition('.')[0]}")


def test_the_layers_bring_the_project_itself(built_template: Path) -> None:
    answer = _run(
        built_template, "import ocpi.settings, ocpi.transport.routing, ocpi.v2_1_1.locations; print(ocpi.__file__)"
    )
    assert Path(answer.strip()).is_relative_to(built_template.parent)


def test_the_layers_leave_out_what_lambda_has(built_template: Path) -> None:
    packages = {entry.name for entry in (built_template.parent / "DependenciesLayer/python").iterdir()}
    assert not packages & {"boto3", "botocore", "s3transfer", "bin"}


def test_the_project_s_layer_holds_sources_only(built_template: Path) -> None:
    files = [file for file in (built_template.parent / "OcpiLayer").rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if file.suffix == ".pyc"]


def test_third_party_packages_come_with_bytecode_of_this_interpreter(built_template: Path) -> None:
    compiled = _run(built_template, "import starlette.routing; print(starlette.routing.__cached__)").strip()
    assert Path(compiled).is_file()
