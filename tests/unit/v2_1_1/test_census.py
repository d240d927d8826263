"""A census: the models against the tables of OCPI 2.1.1, class by class and field by field, in both directions.

``tests/facts/ocpi-2.1.1.json`` writes a field as ``type(max length) cardinality``, as the specification's tables do.
The same line is worked out from the models' annotations, never typed.
"""

from __future__ import annotations

import importlib
import json
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest

from ocpi.v2_1_1.fields import OpenEnum, Primitive
from ocpi.v2_1_1.model import OcpiModel

FACTS = json.loads((Path(__file__).parents[2] / "facts" / "ocpi-2.1.1.json").read_text())
MODULES = [
    importlib.import_module(f"ocpi.v2_1_1.{name}")
    for name in "types locations sessions cdrs tariffs tokens commands credentials versions".split()  # noqa: SIM905 - a list of words
]

DEVIATIONS = {
    ("Hours", "twentyfourseven"): (
        "boolean ?",
        "A-15: the table says 1 inside a choice; the specification's own examples send either or both",
    ),
}
"""Fields that differ from the tables on purpose: what the model has instead, and why."""


def defined(kind: type) -> dict[str, Any]:
    return {
        name: value
        for module in MODULES
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, kind) and value.__module__ == module.__name__
    }


CLASSES: dict[str, type[OcpiModel]] = defined(OcpiModel)
ENUMS: dict[str, type[StrEnum]] = defined(StrEnum)


def described(model: type[OcpiModel], name: str) -> str:
    """``string(39) 1`` and the like, from the annotation of a field."""
    hint = get_type_hints(model, include_extras=True)[name]
    optional = NoneType in get_args(hint)
    assert optional is not model.model_fields[name].is_required()
    if optional:
        (hint,) = (argument for argument in get_args(hint) if argument is not NoneType)
    item, metadata = unwrapped(hint)
    many = get_origin(item) is list
    at_least_one = (
        any(getattr(constraint, "min_length", 0) == 1 for field in metadata for constraint in field.metadata)
        if many
        else False
    )
    assert at_least_one is (many and not optional)
    cardinality = {(False, False): "1", (False, True): "?", (True, True): "*", (True, False): "+"}[many, optional]
    return f"{type_name(get_args(item)[0] if many else hint)} {cardinality}"


def unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return (get_args(hint)[0], hint.__metadata__) if get_origin(hint) is Annotated else (hint, ())


def type_name(hint: Any) -> str:
    plain, metadata = unwrapped(hint)
    for primitive in metadata:
        if isinstance(primitive, OpenEnum):
            return primitive.name
        if isinstance(primitive, Primitive):
            return f"{primitive.spec}({primitive.max})" if primitive.max else primitive.spec
    name: str = plain.__name__
    assert name in CLASSES or name in ENUMS
    return name


def test_every_class_has_a_model_and_every_model_is_a_class() -> None:
    assert sorted(CLASSES) == sorted(FACTS["classes"])


def test_every_enum_has_its_own_and_no_other() -> None:
    assert sorted(ENUMS) == sorted(FACTS["enums"])


@pytest.mark.req("SES-07", "CDR-05")
@pytest.mark.parametrize("name", sorted(FACTS["classes"]))
def test_a_model_has_the_fields_of_its_table_in_their_order(name: str) -> None:
    assert list(CLASSES[name].model_fields) == list(FACTS["classes"][name])


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name in FACTS["classes"] for field in FACTS["classes"][name]]
)
def test_a_field_has_the_type_length_and_cardinality_of_its_table(name: str, field: str) -> None:
    expected = FACTS["classes"][name][field]
    if (name, field) in DEVIATIONS:
        instead, _reason = DEVIATIONS[name, field]
        assert instead != expected
        expected = instead
    assert described(CLASSES[name], field) == expected


@pytest.mark.parametrize("name", sorted(FACTS["enums"]))
def test_an_enum_has_exactly_the_values_of_its_table(name: str) -> None:
    assert sorted(ENUMS[name]) == sorted(FACTS["enums"][name])


def test_every_deviation_is_of_a_field_that_exists() -> None:
    assert all(field in CLASSES[name].model_fields for name, field in DEVIATIONS)


def test_open_enums_are_named_after_enums() -> None:
    opened = {
        primitive.name
        for model in CLASSES.values()
        for hint in get_type_hints(model, include_extras=True).values()
        for primitive in unwrapped(hint)[1]
        if isinstance(primitive, OpenEnum)
    }
    assert opened == {"ModuleID", "VersionNumber"}
