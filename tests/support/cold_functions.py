"""Functions as Lambda starts them: each in a fresh process, up to the answers to sample events.

For ``benchmarks/cold_start.py`` and for the test of what functions load. The process itself is ``first_answer.py``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore
from moto import mock_aws

from ocpi.aws import SERVICES
from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.port import Grant, Partner, PartnerChange, PartnerStatus
from ocpi.transport.authentication import token_hash
from tests.support.table import create_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.template import Function
    from tests.support.first_answer import Job

    Measured = dict[str, Any]

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "ocpi" / "python"
FIRST_EVENT = {"commands": "commands-start", "credentials": "credentials-read", "operator": "operator-party"}
"""Where it is not the first by name."""


@dataclass(frozen=True)
class Start:
    """One kind of process: ``name`` is how the report calls it."""

    name: str
    python: str
    job: Job
    environment: Mapping[str, str]
    compiled: bool = True


def items() -> list[dict[str, Any]]:
    """Of a table in which the two partners of the sample events are registered, in DynamoDB's JSON."""
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        create_table(client, "ocpi")
        _register_partners(DynamoDBStore("ocpi", client))
        found = client.scan(TableName="ocpi")["Items"]
    encode: Callable[[Any], str] = lambda value: b64encode(value).decode()  # noqa: E731 - json's hook
    kept: list[dict[str, Any]] = json.loads(json.dumps(found, default=encode))
    return kept


def _register_partners(store: DynamoDBStore) -> None:
    for role, party_id in (("CPO", "EXC"), ("EMSP", "EXM")):
        token = token_hash(f"example-of-a{'n' if role == 'EMSP' else ''}-{role.lower()}-token")
        partner = Partner(
            id=f"example-{role.lower()}",
            role="CPO" if role == "CPO" else "EMSP",
            name=f"Example {role}",
            status=PartnerStatus.REGISTERED,
            invited_at="2026-01-01T00:00:00Z",
            version="2.1.1",
            country_code="NL",
            party_id=party_id,
            versions_url=f"https://{role.lower()}.example.com/ocpi/versions",
            grants=(token,),
        )
        grant = Grant(token, partner.id, "registered")
        store.partners.save(PartnerChange(partner, None, put_grants=(grant,), claim_party=True))
    store.signing_key()


def environment(function: Function) -> dict[str, str]:
    """What the template tells a function, with made-up names where AWS makes them."""
    told = {name: value if isinstance(value, str) else "made-up" for name, value in function.environment.items()}
    queue = "sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/Queue"
    told |= {name: queue for name in told if name.endswith("_QUEUE")}
    secrets = ("OCPI_OPERATOR_KEY", "OCPI_WEBHOOK_SECRET")
    told |= dict.fromkeys(secrets, "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:Key")
    return told | {"OCPI_STORE": "dynamodb:ocpi", "OCPI_VAULT": "kms:alias/ocpi", "OCPI_PUBLIC_URL": ""} | aws()


def aws() -> dict[str, str]:
    """The variables that Lambda sets for every function, as far as they are read, and no user's configuration."""
    return {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_SESSION_TOKEN": "example",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_LAMBDA_FUNCTION_NAME": "cold",
    }


def events_of(function: Function) -> list[str]:
    """Names of its sample events, the usual first one in front."""
    folder = function.folder.name
    names = sorted(file.stem for file in (ROOT / "events").glob(f"{folder}-*.json"))
    names += [folder] if (ROOT / "events" / f"{folder}.json").exists() else []
    return sorted(names, key=lambda name: name != FIRST_EVENT.get(folder, names[0]))


def event(name: str) -> dict[str, Any]:
    """A sample event."""
    found: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def cut_packages(folder: Path) -> Path:
    """A folder for ``sys.path`` with botocore as the layer of third-party packages has it."""
    whole = Path(botocore.__file__).parent
    others = {entry.name for entry in (whole / "data").iterdir() if entry.is_dir()} - set(SERVICES)
    packages = folder / "packages"
    shutil.copytree(whole, packages / "botocore", ignore=lambda _, names: others & set(names))
    script = ROOT / "layers" / "dependencies" / "cut_botocore.py"
    subprocess.run([sys.executable, str(script), str(packages / "botocore" / "data"), *SERVICES], check=True)
    return packages


def cold(start: Start) -> Measured:
    """Run it once; raises :class:`RuntimeError` if it fails or answers with a failure."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(start.job, file)
        file.flush()
        command = [start.python, *([] if start.compiled else ["-B"]), str(Path(__file__).with_name("first_answer.py"))]
        done = subprocess.run(
            [*command, file.name],
            env={**start.environment, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{start.name}: {done.stderr}")
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    for answer in measured["answers"]:
        if answer.get("statusCode", 200) >= 500 or answer.get("batchItemFailures") or answer.get("failed"):
            raise RuntimeError(f"{start.name} answered {answer}: {done.stdout.partition(chr(10))[0]}")
    return measured
