from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.doctor.healthy import fill
from tests.unit.doctor.shelves import Laid, LaidDynamoDB, LaidSQLite, laid_dynamodb, laid_sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is filled once."""
    folder = tmp_path_factory.mktemp("filled")
    with laid_sqlite(folder) as laid:
        fill(laid.store)
    return folder / "ocpi.db"


@pytest.fixture(scope="session")
def items() -> list[Any]:
    """The items of a table that is filled once."""
    with laid_dynamodb() as laid:
        fill(laid.store)
        return list(laid.everything().values())


@pytest.fixture
def in_sqlite(filled: Path, tmp_path: Path) -> Iterator[LaidSQLite]:
    shutil.copy(filled, tmp_path / "ocpi.db")
    with laid_sqlite(tmp_path) as laid:
        yield laid


@pytest.fixture
def in_dynamodb(items: list[Any]) -> Iterator[LaidDynamoDB]:
    with laid_dynamodb() as laid:
        for start in range(0, len(items), 25):
            batch: Any = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
            laid.client.batch_write_item(RequestItems={"store": batch})
        yield laid


@pytest.fixture(params=["in_sqlite", "in_dynamodb"])
def laid(request: pytest.FixtureRequest) -> Laid:
    """A healthy store, in either database."""
    laid: Laid = request.getfixturevalue(request.param)
    return laid
