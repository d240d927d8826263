"""Which adapter is opened, and what is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ocpi.store.dynamodb import DynamoDBStore
from ocpi.store.open import open_store
from ocpi.store.sqlite import SQLiteStore

LAYER = Path(__file__).parents[3] / "layers" / "ocpi" / "python"


def test_a_path_opens_a_file(tmp_path: Path) -> None:
    store = open_store(f"sqlite:{tmp_path}/a:b.sqlite")

    assert isinstance(store, SQLiteStore)
    assert (tmp_path / "a:b.sqlite").exists()
    store.close()


def test_a_table_opens_dynamodb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    store = open_store("dynamodb:table")
    assert isinstance(store, DynamoDBStore)
    assert store._table == "table"


@pytest.mark.parametrize("where", ["", "sqlite", "sqlite:", "dynamodb:", "postgres:x", "table"])
def test_anything_else_is_refused_by_its_name(where: str) -> None:
    with pytest.raises(ValueError, match=repr(where)):
        open_store(where)


@pytest.mark.parametrize(("where", "absent"), [("sqlite:{}/x", "boto3"), ("dynamodb:x", "sqlite3")])
def test_one_adapter_never_imports_the_library_of_the_other(tmp_path: Path, where: str, absent: str) -> None:
    program = "import sys; from ocpi.store.open import open_store; open_store(sys.argv[1]); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", program, where.format(tmp_path)],
        env={"PYTHONPATH": str(LAYER), "AWS_DEFAULT_REGION": "eu-west-1", "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()

    assert "ocpi.store.open" in modules
    assert absent not in modules
