"""The base of every wire model, and the two functions that turn JSON values into objects we keep."""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, ClassVar, Literal, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from ocpi.v2_1_1.faults import MAX_FAULTS, Fault, Invalid, faults_of, pointer
from ocpi.v2_1_1.sizes import MANY_ELEMENTS, is_long
from ocpi.v2_1_1.variants import brief, built, partial, unstamped

__all__ = ["OcpiModel", "Stamps", "check", "check_patch", "partial"]

Stamps = Literal["required", "optional"]
"""Whether ``last_updated`` must be there: partners have to send it, operators may leave it to us."""

Path = tuple[str | int, ...]

_NOT_ALL_TOLD = Fault("", f"has more than {MANY_ELEMENTS} elements in its lists: of each list the first fault is named")


class OcpiModel(BaseModel):
    """An object of OCPI 2.1.1. Unknown fields are kept; ``?`` and ``*`` fields take null for absent."""

    # Schemas are built at first use: a function needs few of the models that it imports.
    model_config = ConfigDict(extra="allow", defer_build=True, use_enum_values=True, hide_input_in_errors=True)

    keyed: ClassVar[dict[str, str]] = {}
    """Lists whose elements are objects of their own, and which of their fields names them."""
    sparse: ClassVar[bool] = False
    """Whether this is a partial model, whose absent fields mean "unchanged"."""

    @classmethod
    def rules(cls, value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
        """Path and sentence of what no field shows alone; ``value`` is as it was sent, and nothing about it is sure.

        Here: elements of a keyed list must differ, not only in letter case (LOC-59, A-42).
        """
        for name, key in cls.keyed.items():
            elements = value.get(name)
            seen: set[str] = set()
            for index, element in enumerate(elements if isinstance(elements, list) else ()):
                identity = element.get(key) if isinstance(element, dict) else None
                if not isinstance(identity, str):
                    continue
                if identity.lower() in seen:
                    yield (name, index, key), "must be unique in this list, also without regard to letter case"
                seen.add(identity.lower())


def check(model: type[OcpiModel], value: Any, last_updated: Stamps = "required") -> dict[str, Any]:
    """The canonical plain object of a JSON value as :func:`ocpi.strict_json.read` gives it.

    Fields come in the model's order, then unknown ones sorted by name; absent optional fields are left out, times
    are ``YYYY-MM-DDTHH:MM:SSZ``, numbers keep their digits. Raises :class:`Invalid` with every fault.
    """
    return _checked(model, model if last_updated == "required" else unstamped(model), value)


def check_patch(model: type[OcpiModel], value: Any, last_updated: Stamps = "required") -> dict[str, Any]:
    """As :func:`check` for the body of a PATCH on an object of ``model``: only what was given comes back.

    ``None`` stands for a field to be cleared, and for a list that was given as null or []. ``last_updated`` itself may
    always be absent (A-09); ``"optional"`` lets full objects inside the patch leave it out too.
    """
    return _checked(model, partial(model, stamped=last_updated == "required"), value)


def _checked(model: type[OcpiModel], variant: type[OcpiModel], value: Any) -> dict[str, Any]:
    if is_long(model, value):
        return _checked_briefly(model, variant, value)
    broken_rules = _faults_by_rules(model, value)
    try:
        checked = built(variant).model_validate(value)
    except ValidationError as error:
        raise Invalid(faults_of(error) + broken_rules) from None
    if broken_rules:
        raise Invalid(broken_rules)
    return _plain(checked)


def _checked_briefly(model: type[OcpiModel], variant: type[OcpiModel], value: Any) -> dict[str, Any]:
    """The same for a value with very many elements, whose rules are looked at only if nothing else is wrong."""
    try:
        checked = built(brief(variant)).model_validate(value)
    except ValidationError as error:
        raise Invalid([*faults_of(error), _NOT_ALL_TOLD]) from None
    broken_rules = _faults_by_rules(model, value)
    if broken_rules:
        raise Invalid(broken_rules)
    return _plain(checked)


def _faults_by_rules(model: type[OcpiModel], value: Any) -> list[Fault]:
    found = islice(_broken_rules(model, value, ()), MAX_FAULTS)
    return [Fault(pointer(path), detail) for path, detail in found]


def _plain(checked: OcpiModel) -> dict[str, Any]:
    given = checked.model_fields_set if checked.sparse else ()
    plain: dict[str, Any] = {}
    for name, value in checked.__dict__.items():
        if value is None or value == []:
            if name in given:
                plain[name] = None
        elif isinstance(value, OcpiModel):
            plain[name] = _plain(value)
        elif isinstance(value, list):
            plain[name] = [_plain(item) if isinstance(item, OcpiModel) else item for item in value]
        else:
            plain[name] = value
    unknown = checked.__pydantic_extra__
    if unknown:
        plain.update((name, _sorted(unknown[name])) for name in sorted(unknown))
    return plain


def _sorted(value: Any) -> Any:
    """An unknown field's value with its members in a fixed order, so that equal objects are equal as text."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _broken_rules(model: type[OcpiModel], value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(value, dict):
        return
    for inner, detail in model.rules(value):
        yield path + inner, detail
    for name, nested in _ruled_fields(model):
        child = value.get(name)
        if isinstance(child, list):
            for index, item in enumerate(child):
                yield from _broken_rules(nested, item, (*path, name, index))
        else:
            yield from _broken_rules(nested, child, (*path, name))


@cache
def _ruled_fields(model: type[OcpiModel]) -> tuple[tuple[str, type[OcpiModel]], ...]:
    """Fields of a model that lead to a model with rules."""
    hints = get_type_hints(model)
    nested = ((name, _model_in(hints[name])) for name in model.model_fields)
    return tuple((name, inner) for name, inner in nested if inner and (_has_rules(inner) or _ruled_fields(inner)))


def _has_rules(model: type[OcpiModel]) -> bool:
    return bool(model.keyed) or "rules" in model.__dict__


def _model_in(hint: Any) -> type[OcpiModel] | None:
    if isinstance(hint, type) and issubclass(hint, OcpiModel):
        return hint
    return next((found for found in map(_model_in, get_args(hint)) if found), None)
