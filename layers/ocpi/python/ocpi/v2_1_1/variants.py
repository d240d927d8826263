"""Models made from the full ones, so that nothing is typed twice.

* The *partial* model of PATCH (OCPI 2.1.1 section 3.1.3.3): every field may be absent, null is for optional ones only
  (A-11), and elements of keyed lists are partial too but must say which element they are.
* The model for operators, who may leave out ``last_updated`` anywhere.
* The *brief* model of any of these, for what is so long that its faults could not all be held in memory: of each list
  it tells the first fault only.
"""

from functools import cache
from threading import RLock
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, create_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import CoreSchema

    from ocpi.v2_1_1.model import OcpiModel

M = TypeVar("M", bound="OcpiModel")

LAST_UPDATED = "last_updated"


class _FirstFaultOnly:
    """As pydantic's ``FailFast``, which cannot be a part of a union because it has no hash."""

    def __get_pydantic_core_schema__(self, source: Any, handler: "Callable[[Any], CoreSchema]") -> "CoreSchema":
        return cast("CoreSchema", {**handler(source), "fail_fast": True})


_FIRST_FAULT_ONLY = _FirstFaultOnly()

BUILDING = RLock()
"""pydantic builds deferred schemas at first use and not safely so: two threads at once find each other's half-built
models. The local gateway has a thread for each request."""


def partial(model: type[M], *, stamped: bool = True) -> type[M]:
    """The PATCH model of a full one. ``stamped=False``: full objects inside it may leave out ``last_updated``."""
    with BUILDING:
        return cast("type[M]", _partial(model, stamped, None))


def unstamped(model: type[M]) -> type[M]:
    """The model with ``last_updated`` optional in it and in everything inside it."""
    with BUILDING:
        return cast("type[M]", _unstamped(model))


def brief(model: type[M]) -> type[M]:
    """The model that looks no further into a list once something in it is wrong."""
    with BUILDING:
        return cast("type[M]", _brief(model))


def built(model: type[M]) -> type[M]:
    """The same model, with its schema built."""
    if not model.__pydantic_complete__:
        with BUILDING:
            model.model_rebuild()
    return model


@cache
def _partial(model: "type[OcpiModel]", stamped: bool, identity: str | None) -> "type[OcpiModel]":
    """``identity`` is the field that an element of a keyed list cannot leave out."""
    fields: dict[str, Any] = {}
    for name, hint in _hints(model).items():
        key = model.keyed.get(name)
        if key:
            replaced = _replaced(hint, lambda nested, key=key: _partial(nested, stamped, key))
        else:
            replaced = hint if stamped else _replaced(hint, _unstamped)
        # The default is never checked, so a required field can be absent and still not be null.
        fields[name] = replaced if name == identity else (replaced, None)
    derived = cast("type[OcpiModel]", create_model(f"Partial{model.__name__}", __base__=model, **fields))
    derived.sparse = True
    return derived


@cache
def _unstamped(model: "type[OcpiModel]") -> "type[OcpiModel]":
    fields: dict[str, Any] = {}
    for name, hint in _hints(model).items():
        replaced = _replaced(hint, _unstamped)
        if name == LAST_UPDATED:
            fields[name] = (replaced | None, None)
        elif replaced != hint:
            field = model.model_fields[name]
            fields[name] = replaced if field.is_required() else (replaced, field.default)
    return create_model(f"Unstamped{model.__name__}", __base__=model, **fields) if fields else model


@cache
def _brief(model: "type[OcpiModel]") -> "type[OcpiModel]":
    fields: dict[str, Any] = {}
    for name, hint in _hints(model).items():
        field = model.model_fields[name]
        replaced = _failing_fast(_replaced(hint, _brief))
        fields[name] = replaced if field.is_required() else (replaced, field.default)
    return create_model(f"Brief{model.__name__}", __base__=model, **fields)


def _failing_fast(hint: Any) -> Any:
    """The annotation with every list in it ending at its first fault."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list:
        return Annotated[hint, _FIRST_FAULT_ONLY]
    if origin is Annotated:
        return Annotated[_failing_fast(arguments[0]), *hint.__metadata__]
    if origin in {Union, UnionType}:
        return Union[tuple(map(_failing_fast, arguments))]  # noqa: UP007  # made at run time
    return hint


def _hints(model: "type[OcpiModel]") -> dict[str, Any]:
    hints = get_type_hints(model, include_extras=True)
    return {name: hints[name] for name in model.model_fields}


def _replaced(hint: Any, replace: Any) -> Any:
    """The annotation with every model in it replaced."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return replace(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[_replaced(arguments[0], replace), *hint.__metadata__]
    if origin is list:
        return list[_replaced(arguments[0], replace)]  # type: ignore[misc]  # made at run time
    if origin in {Union, UnionType}:
        return Union[tuple(_replaced(argument, replace) for argument in arguments)]  # noqa: UP007  # made at run time
    return hint
