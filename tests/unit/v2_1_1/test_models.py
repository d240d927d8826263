"""Models by name, each loaded when it is first named."""

from __future__ import annotations

from typing import get_args

import pytest

from ocpi.v2_1_1 import models
from ocpi.v2_1_1.locations import Location
from ocpi.v2_1_1.model import OcpiModel, check


def test_every_name_leads_to_what_has_it() -> None:
    assert "START_SESSION" in models.COMMANDS
    for name in set(models.__all__) - {"named", "COMMANDS"}:
        assert getattr(models, name).__name__ == name


def test_a_name_is_looked_up_once() -> None:
    assert models.Location is Location
    assert models.check is check
    assert vars(models)["Location"] is Location


@pytest.mark.parametrize("name", get_args(models.Shown))
def test_what_partners_are_shown_is_a_model(name: models.Shown) -> None:
    model = models.named(name)
    assert issubclass(model, OcpiModel)
    assert model.__name__ == name


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Charger'"):
        models.Charger  # type: ignore[attr-defined]  # noqa: B018 - what is tested
