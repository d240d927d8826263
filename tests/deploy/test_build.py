"""``sam build``: what goes into the layers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from local.template import read_template
from ocpi.aws import SERVICES

ROOT = Path(__file__).parents[2]
FUNCTIONS = {each.folder.name: each for each in read_template(ROOT / "template.yaml").functions}
LARGEST = {"DependenciesLayer": (20_000_000, 7_500_000), "OcpiLayer": (3_500_000, 1_600_000)}
"""Bytes of a layer unpacked and zipped. Lambda fetches it at a cold start, and most of it is never read."""
COMPILED = 1
"""Of the flags of bytecode: it is valid by a hash of its source, which is not checked (PEP 552)."""

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
    "package",
    ["aws_lambda_powertools.logging", "boto3", "mangum", "pydantic", "starlette.routing", "urllib3"],
)
def test_the_layers_bring_what_lambda_does_not_have(built_template: Path, package: str) -> None:
    _run(built_template, f"import {package}; {package.partition('.')[0]}")


def test_the_layers_bring_the_project_itself(built_template: Path) -> None:
    answer = _run(
        built_template, "import ocpi.settings, ocpi.transport.routing, ocpi.v2_1_1.locations; print(ocpi.__file__)"
    )
    assert Path(answer.strip()).is_relative_to(built_template.parent)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_finds_all_that_it_loads_in_the_layers(built_template: Path, name: str) -> None:
    made_up = {
        **{variable: "sqs:https://sqs.example/q" for variable in FUNCTIONS[name].environment if "QUEUE" in variable},
        "OCPI_COUNTRY_CODE": "NL",
        "OCPI_PARTY_ID": "EXA",
        "OCPI_STORE": "dynamodb:t",
        "OCPI_VAULT": "kms:key",
        "OCPI_OPERATOR_KEY": "secretsmanager:arn",
        "OCPI_WEBHOOK_SECRET": "secretsmanager:arn",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    clients = "import ocpi.aws; [ocpi.aws.client(service) for service in ocpi.aws.SERVICES]"
    folder = str(FUNCTIONS[name].folder)
    _run(
        built_template,
        f"import os; os.environ.update({made_up!r}); sys.path.insert(0, {folder!r})\nimport app; {clients}",
    )


def test_boto3_is_there_for_our_services_only(built_template: Path) -> None:
    packages = built_template.parent / "DependenciesLayer/python"
    assert not (packages / "bin").exists()
    assert not (packages / "boto3/data").exists()
    assert {entry.name for entry in (packages / "botocore/data").iterdir() if entry.is_dir()} == set(SERVICES)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_holds_nothing_that_nobody_needs(built_template: Path, layer: str) -> None:
    files = [file for file in (built_template.parent / layer).rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if file.suffix in {".pyi", ".pth", ".whl"} or file.name in {"RECORD", "WHEEL"}]
    assert not [file for file in files if {"tests", "test"} & set(file.parts[len(built_template.parent.parts) :])]
    assert not [file for file in files if file.name.endswith(".egg-info")]
    assert not [file for file in files if file.suffix == ".pyc" and sys.implementation.cache_tag not in file.name]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_compiled_for_this_interpreter_whatever_becomes_of_the_times_of_its_files(
    built_template: Path, layer: str
) -> None:
    sources = list((built_template.parent / layer).rglob("*.py"))
    assert sources
    for source in sources:
        bytecode = Path(cache_from_source(str(source))).read_bytes()
        assert int.from_bytes(bytecode[4:8], "little") == COMPILED, source
        assert str(built_template.parent).encode() not in bytecode, (
            "a layer would differ with the folder it is built in"
        )


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_small(built_template: Path, tmp_path: Path, layer: str) -> None:
    folder = built_template.parent / layer
    unpacked = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    zipped = Path(shutil.make_archive(str(tmp_path / layer), "zip", folder)).stat().st_size
    assert unpacked <= LARGEST[layer][0]
    assert zipped <= LARGEST[layer][1]
