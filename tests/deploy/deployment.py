"""Runs the real ``sam build`` and ``sam deploy`` against an AWS emulator on this machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from tests.deploy.ministack_template import write_ministack_template

ROOT = Path(__file__).parents[2]
STACK = "ocpi-deploy-test"
STAGE = "v1"
API_ID = "0c910211"
COMMAND_SECONDS = 12
"""Short, since a test waits for it; long enough for the others to answer in time."""
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_SESSION_TOKEN": "",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""Made up, and whatever AWS account this machine knows is out of reach."""
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed stack. ``url`` is the stage of its API, without a trailing slash."""

    url: str
    outputs: dict[str, str]
    operator_key: str
    endpoint: str
    """Of the emulator, for boto3."""
    deployed_at: datetime


def sam_build(folder: Path) -> Path:
    """Build for the interpreter and processor of this machine, where ministack runs functions; the built template."""
    _sam(
        {"LAYER_PYTHON_VERSION": PYTHON_VERSION, "LAYER_ARCHITECTURE": ARCHITECTURE, "PYTHON": sys.executable},
        "build",
        f"--build-dir={folder / 'build'}",
        f"--cache-dir={folder / 'cache'}",
    )
    return folder / "build" / "template.yaml"


def sam_deploy(built: Path, endpoint: str) -> Deployment:
    """Deploy to the emulator at ``endpoint``."""
    url = f"{endpoint}/_aws/execute-api/{API_ID}/{STAGE}"
    _sam(
        {"AWS_ENDPOINT_URL": endpoint, **CREDENTIALS},
        "deploy",
        f"--template-file={write_ministack_template(built, API_ID, url)}",
        f"--config-file={ROOT / 'samconfig.toml'}",
        f"--stack-name={STACK}",
        "--no-confirm-changeset",
        "--no-progressbar",
        "--parameter-overrides",
        f"Runtime=python{PYTHON_VERSION}",
        f"Architecture={ARCHITECTURE}",
        f"Stage={STAGE}",
        "CountryCode=NL",
        "PartyId=EXA",
        'PartyName="Example Charging"',
        "DeletionProtection=false",
        f"CommandSeconds={COMMAND_SECONDS}",
        "AlarmEmail=operator@example.com",
    )
    stack = aws("cloudformation", endpoint).describe_stacks(StackName=STACK)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    secret = aws("secretsmanager", endpoint).get_secret_value(SecretId=outputs["OperatorKeyArn"])
    return Deployment(url, outputs, secret["SecretString"], endpoint, datetime.now(UTC))


def aws(service: Any, endpoint: str) -> Any:
    """A boto3 client of the emulator."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def _sam(environment: dict[str, str], *arguments: str) -> None:
    """Run SAM CLI (``SAM``, or the one on the path) in the project's root; a failure shows all that it said."""
    done = subprocess.run(
        [os.environ.get("SAM", "sam"), *arguments],
        cwd=ROOT,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", **environment},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout
