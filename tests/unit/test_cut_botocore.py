"""``layers/dependencies/cut_botocore.py``: what is left of botocore finds AWS where all of it does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ocpi.aws import SERVICES
from tests.support.cold_functions import ROOT, cut_packages

if TYPE_CHECKING:
    from pathlib import Path

REGIONS = ("eu-central-1", "us-east-1", "us-gov-west-1", "cn-north-1", "il-central-1", "eu-unheard-of-1")
PLACES = f"""
import json, botocore.session
session = botocore.session.Session()
clients = [session.create_client(name, region) for name in {SERVICES!r} for region in {REGIONS!r}]
print(json.dumps([[each.meta.endpoint_url, each.meta.partition, each._request_signer.signing_name,
                   each._request_signer.region_name, each.meta.service_model.api_version] for each in clients]))
"""


def _places(path: str = "") -> list[list[str]]:
    made_up = {"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example"}
    command = [sys.executable, "-c", PLACES]
    done = subprocess.run(command, env={"PYTHONPATH": path, **made_up}, check=True, capture_output=True, text=True)
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_services_are_found_where_botocore_finds_them_in_every_partition(tmp_path: Path) -> None:
    assert _places(str(cut_packages(tmp_path))) == _places()


SHAPES = f"""
import json, botocore.session
session = botocore.session.Session()
def shown(shape, above=()):
    if shape is None or shape.name in above:
        return None
    parts = {{name: shown(each, (*above, shape.name)) for name, each in getattr(shape, "members", {{}}).items()}}
    parts |= {{name: shown(getattr(shape, name), (*above, shape.name)) for name in ("member", "key", "value")
              if hasattr(shape, name)}}
    return [shape.name, shape.type_name, shape.serialization, shape.metadata, parts]
models = [session.get_service_model(name) for name in {SERVICES!r}]
print(json.dumps([[model.metadata, [[name, each.http, each.metadata, shown(each.input_shape), shown(each.output_shape),
                   [shown(error) for error in each.error_shapes]] for name in model.operation_names
                  for each in [model.operation_model(name)]]] for model in models], default=str))
"""


def _run(code: str, path: str = "") -> str:
    command = [sys.executable, "-c", code]
    made_up = {"AWS_DEFAULT_REGION": "eu-west-1", "PYTHONPATH": path}
    return subprocess.run(command, env=made_up, check=True, capture_output=True, text=True).stdout


def test_operations_take_and_give_what_they_do_in_botocore(tmp_path: Path) -> None:
    packages = cut_packages(tmp_path)
    assert _run(SHAPES, str(packages)) == _run(SHAPES)
    assert not list(packages.glob("botocore/data/*/*/service-2.json.gz"))


def test_a_service_that_botocore_does_not_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sqs").mkdir()
    script = ROOT / "layers/dependencies/cut_botocore.py"
    done = subprocess.run([sys.executable, script, tmp_path, "sqs", "sms"], check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "has no sms" in done.stderr
    assert (tmp_path / "sqs").exists()


def test_the_makefile_keeps_the_services_that_the_functions_use() -> None:
    makefile = (ROOT / "layers/dependencies/Makefile").read_text(encoding="utf-8")
    assert f"SERVICES = {' '.join(SERVICES)}\n" in makefile


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_one_that_the_code_asks_for(service: str) -> None:
    sources = (ROOT / "layers/ocpi/python").rglob("*.py")
    assert any(f'aws.client("{service}"' in source.read_text(encoding="utf-8") for source in sources)
