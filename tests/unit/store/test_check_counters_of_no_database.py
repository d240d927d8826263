from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi.store.check_counters import main

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_is_no_database_is_named_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ocpi.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(SystemExit) as ended:
        main([f"sqlite:{path}"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"'sqlite:{path}' cannot be looked at: file is not a database" in said
    assert path.read_bytes() == b"not a database" * 100
