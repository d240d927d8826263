"""Absent optional fields as null."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ocpi import strict_json
from ocpi.v2_1_1.explicit_nulls import with_nulls
from ocpi.v2_1_1.field_table import field_table
from ocpi.v2_1_1.locations import Connector, Location
from ocpi.v2_1_1.places import rules_of
from tests.support.party import fixture

MINIMAL = {
    "locations": ["location_min", "location_max"],
    "sessions": ["session_min", "session_max"],
    "cdrs": ["cdr_min", "cdr_max"],
    "tariffs": ["tariff_free", "tariff_max"],
    "tokens": ["token_min", "token_max"],
}
EXAMPLES = [(module, name) for module, names in MINIMAL.items() for name in names]


def test_an_absent_optional_field_is_null_in_the_models_order() -> None:
    canonical = fixture("connector_min")
    filled = with_nulls(Connector, {**canonical, "x_unknown": {"a": 1}})
    assert filled == {**canonical, "tariff_id": None, "terms_and_conditions": None, "x_unknown": {"a": 1}}
    assert list(filled) == [*Connector.model_fields, "x_unknown"]


def canonical_example(module: str, name: str) -> dict[str, Any]:
    return rules_of(module).check(strict_json.read(json.dumps(fixture(name))))


def assert_complete(model: Any, value: Any) -> None:
    if isinstance(value, list):
        for element in value:
            assert_complete(model, element)
        return
    table = field_table(model)
    assert list(table) == list(value)[: len(table)]
    for name, field in table.items():
        if value[name] is None:
            assert field.optional
        elif field.model is not None:
            assert_complete(field.model, value[name])


@pytest.mark.parametrize(("module", "name"), EXAMPLES)
def test_objects_inside_and_parts_in_lists_have_all_their_fields_too(module: str, name: str) -> None:
    rules = rules_of(module)
    assert_complete(rules.model, with_nulls(rules.model, canonical_example(module, name)))


@pytest.mark.parametrize(("module", "name"), EXAMPLES)
def test_an_object_with_nulls_is_the_same_object(module: str, name: str) -> None:
    rules = rules_of(module)
    canonical = canonical_example(module, name)
    assert rules.check(with_nulls(rules.model, canonical)) == canonical


def test_text_keeps_its_digits_and_what_was_given_is_not_changed() -> None:
    before = strict_json.write({**canonical_example("cdrs", "cdr_min"), "total_cost": Decimal("1.500")})
    text = strict_json.write(with_nulls(rules_of("cdrs").model, strict_json.read(before)))
    assert '"total_cost":1.500' in text
    assert '"remark":null' in text
    given = canonical_example("cdrs", "cdr_min")
    with_nulls(rules_of("cdrs").model, given)
    assert given == canonical_example("cdrs", "cdr_min")


def test_no_schema_of_pydantic_is_built_for_it() -> None:
    class Fresh(Location):
        """A model that nobody has used."""

    filled = with_nulls(Fresh, fixture("location_min"))
    assert filled["images"] is None
    assert not Fresh.__pydantic_complete__
