"""What holds for every object: examples come back equal, unknown fields and digits survive, every fault is named."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpi import strict_json
from ocpi.faults import Invalid, pointer
from ocpi.v2_1_1.locations import Location
from ocpi.v2_1_1.model import check, check_patch
from ocpi.v2_1_1.tokens import Token
from tests.unit.v2_1_1.examples import ABSENT, FOLDER, MODELS, changed, checked, example, faults

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.decimals(-1000, 1000, places=3) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def required_fields() -> list[Any]:
    return [
        pytest.param(name, field, id=f"{name}-{field}")
        for name, model in MODELS.items()
        for field, info in model.model_fields.items()
        if info.is_required()
    ]


def optional_fields() -> list[Any]:
    return [
        pytest.param(name, field, id=f"{name}-{field}")
        for name, model in MODELS.items()
        for field, info in model.model_fields.items()
        if not info.is_required()
    ]


def test_every_example_is_tested() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_an_example_is_accepted_and_comes_back_equal(name: str) -> None:
    assert check(MODELS[name], example(name)) == example(name)


@pytest.mark.parametrize("name", MODELS)
def test_the_canonical_form_does_not_depend_on_the_order_of_members(name: str) -> None:
    def reversed_members(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: reversed_members(value[key]) for key in reversed(value)}
        return [reversed_members(item) for item in value] if isinstance(value, list) else value

    value = example(name) | {"x_unknown": {"b": [{"d": 1, "c": 2}], "a": 1}}
    text = strict_json.write(check(MODELS[name], value))
    assert strict_json.write(check(MODELS[name], reversed_members(value))) == text
    assert strict_json.write(check(MODELS[name], strict_json.read(text))) == text


@pytest.mark.req("LOC-13", "LOC-14", "LOC-15", "SES-06", "CDR-04", "TAR-03", "TOK-06", "CMD-19")
@pytest.mark.parametrize(("name", "field"), required_fields())
def test_a_required_field_can_be_neither_absent_nor_null(name: str, field: str) -> None:
    assert faults(name, {f"/{field}": ABSENT}) == [f"/{field}"]
    assert faults(name, {f"/{field}": None}) == [f"/{field}"]


@pytest.mark.req("TF-69", "TF-70")
@pytest.mark.parametrize(("name", "field"), optional_fields())
def test_an_optional_field_may_be_null_or_an_empty_list_and_is_then_absent(name: str, field: str) -> None:
    without = {key: value for key, value in example(name).items() if key != field}
    assert check(MODELS[name], without) == without
    assert checked(name, {f"/{field}": None}) == without
    if "list" in str(MODELS[name].model_fields[field].annotation):
        assert checked(name, {f"/{field}": []}) == without


@pytest.mark.req("TF-71")
@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("evse_max", "/connectors"),
        ("location_max", "/evses/1/connectors"),
        ("tariff_max", "/elements"),
        ("tariff_max", "/elements/1/price_components"),
        ("cdr_max", "/charging_periods"),
        ("cdr_max", "/charging_periods/0/dimensions"),
        ("session_max", "/charging_periods/0/dimensions"),
    ],
)
def test_a_list_of_one_or_more_cannot_be_empty(name: str, pointer: str) -> None:
    assert faults(name, {pointer: []}) == [pointer]


@pytest.mark.req("TF-68")
@pytest.mark.parametrize("name", MODELS)
def test_unknown_fields_are_kept_at_every_level_with_their_digits(name: str) -> None:
    unknown = {
        "vendor~/x": {"price": Decimal("1.10"), "nothing": None, "list": [], "b": [Decimal("0E-7")]},
        "model_config": None,
    }

    def extended(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: extended(item) for key, item in value.items()} | unknown
        return [extended(item) for item in value] if isinstance(value, list) else value

    kept = check(MODELS[name], extended(example(name)))
    assert kept == extended(example(name))
    assert '"price":1.10}' in strict_json.write(kept)
    assert list(kept)[-2:] == ["model_config", "vendor~/x"]


@given(st.dictionaries(st.text().filter(lambda name: name not in Token.model_fields), JSON, max_size=4))
def test_any_unknown_field_survives(unknown: dict[str, Any]) -> None:
    assert check(Token, example("token_max") | unknown) == example("token_max") | unknown


@pytest.mark.req("TF-72")
@pytest.mark.parametrize("digits", ["6.6250", "6", "6E+2", "0.00", "-1.50"])
def test_numbers_keep_their_digits(digits: str) -> None:
    text = strict_json.write(checked("cdr_max", {"/total_cost": strict_json.read(digits)}))
    assert f'"total_cost":{digits},' in text


@pytest.mark.req("TF-73", "TF-74", "TF-75")
@pytest.mark.parametrize("sent", ["2024-03-05T10:11:12", "2024-03-05T10:11:12.987Z", "2024-03-05T12:11:12+02:00"])
def test_times_are_normalised_at_every_level(sent: str) -> None:
    text = json.dumps(strict_json.read(strict_json.write(example("location_max"))), default=str)
    assert text.count("2024-03-05T10:11:12Z") > 5
    value = json.loads(text.replace("2024-03-05T10:11:12Z", sent), parse_float=Decimal)
    value["energy_mix"] = example("location_max")["energy_mix"]
    assert check(Location, value) == example("location_max")


def test_every_fault_is_named_with_its_pointer() -> None:
    wrong: dict[str, Any] = {
        "/type": "CASTLE",
        "/address": None,
        "/city": ABSENT,
        "/evses/0/status": "available",
        "/evses/0/connectors/1/voltage": "230",
        "/evses/1/uid": "e-100",
        "/opening_times/regular_hours/0/weekday": 8,
        "/energy_mix/energy_sources": {},
        "/last_updated": "yesterday",
    }
    assert sorted(faults("location_max", wrong)) == sorted(wrong)


def test_a_pointer_escapes_what_json_pointers_escape() -> None:
    assert pointer(("evses", 0, "a/b~c")) == "/evses/0/a~1b~0c"
    assert pointer(()) == ""


@pytest.mark.parametrize("value", [None, [], "L-1", 1, True, [{}]])
def test_an_object_must_be_an_object(value: Any) -> None:
    for function in (check, check_patch):
        with pytest.raises(Invalid) as refusal:
            function(Location, value)
        assert [fault.pointer for fault in refusal.value.faults] == [""]


@pytest.mark.parametrize(
    "field", ["uid", "type", "auth_id", "visual_number", "issuer", "valid", "whitelist", "language", "last_updated"]
)
@pytest.mark.parametrize("secret", ["S3CR3T" * 20, "S3CR3T\u00e9", ["S3CR3T"], {"S3CR3T": 1}])
def test_a_fault_never_repeats_what_was_sent(field: str, secret: Any) -> None:
    value = changed("token_max", {f"/{field}": secret})
    try:
        check(Token, value)
    except Invalid as refusal:
        assert "S3CR3T" not in str(refusal)  # noqa: PT017 - some of these are valid in some fields
    else:
        assert field in {"visual_number", "issuer"}


@pytest.mark.req("TF-77", "LOC-64")
def test_a_fault_of_an_enum_lists_what_is_allowed() -> None:
    with pytest.raises(Invalid, match="must be one of SOCKET or CABLE"):
        checked("connector_max", {"/format": "socket"})


@settings(max_examples=200)
@given(JSON, st.sampled_from(sorted(MODELS)), st.data())
def test_no_value_anywhere_makes_anything_but_an_object_or_faults(value: Any, name: str, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(MODELS[name].model_fields)))
    for function in (check, check_patch):
        try:
            kept = function(MODELS[name], changed(name, {f"/{field}": value}))
        except Invalid as refusal:
            assert refusal.faults  # noqa: PT017 - either outcome is right here
        else:
            assert function(MODELS[name], kept) == kept


@pytest.mark.parametrize("pointer", ["/type", "/address", "/coordinates", "/evses/0/connectors", "/last_updated"])
def test_null_is_called_null_whatever_the_type(pointer: str) -> None:
    with pytest.raises(Invalid, match=f"^{pointer} must not be null$"):
        checked("location_max", {pointer: None})
