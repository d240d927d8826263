from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.doctor.shelves import look

if TYPE_CHECKING:
    import pytest

    from tests.unit.doctor.shelves import Laid


def test_nothing_is_found_in_a_healthy_store_and_nothing_changed(
    laid: Laid, capsys: pytest.CaptureFixture[str]
) -> None:
    before = laid.everything()
    assert len(before) > 30
    assert look(laid, capsys, repair=True) == (0, [])
    assert laid.everything() == before
