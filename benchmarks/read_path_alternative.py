"""The alternative of ``read_path.py``: OCPI 2.1.1 by ``extrawest-ocpi`` (FastAPI) behind Mangum.

Run by the interpreter of an environment that has both. Its store is a dictionary: what is measured is all its own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mangum import Mangum
from py_ocpi import get_application  # type: ignore[import-not-found] # in an environment of its own
from py_ocpi.core.authentication.authenticator import Authenticator  # type: ignore[import-not-found] # as above
from py_ocpi.core.enums import ModuleID, RoleEnum  # type: ignore[import-not-found] # as above
from py_ocpi.modules.versions.enums import VersionNumber  # type: ignore[import-not-found] # as above
from read_path_requests import (
    SIZES,
    TOKEN_OF_EMSP,
    Context,
    checked,
    list_event,
    locations,
    object_event,
    serve_cases,
    token_event,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]
STORED: dict[str, dict[str, Document]] = {"locations": {}, "tokens": {}}


class Crud:
    """Its hook for a store, on dictionaries."""

    @classmethod
    async def get(cls, module: Any, _role: Any, object_id: str, **_: Any) -> Document | None:
        """An object."""
        return STORED[module.value].get(object_id)

    @classmethod
    async def list(cls, module: Any, _role: Any, filters: Document, **_: Any) -> tuple[list[Document], int, bool]:
        """A page, the total, and whether it is the last one."""
        begin, end = filters["offset"], filters["offset"] + filters["limit"]
        found = [*STORED[module.value].values()]
        return found[begin:end], len(found), end >= len(found)

    @classmethod
    async def create(cls, module: Any, _role: Any, data: Document, **_: Any) -> Document:
        """A new object."""
        STORED[module.value][data["uid"]] = data
        return data

    @classmethod
    async def update(cls, module: Any, _role: Any, data: Document, object_id: str, **_: Any) -> Document:
        """A new version of an object."""
        STORED[module.value][object_id] = data
        return data


class Known(Authenticator):  # type: ignore[misc] # its class is of an environment that mypy does not see
    """Its hook for tokens."""

    @classmethod
    async def get_valid_token_c(cls) -> list[str]:
        """Of partners that have registered."""
        return [TOKEN_OF_EMSP]

    @classmethod
    async def get_valid_token_a(cls) -> list[str]:
        """Of partners that are to register."""
        return []


def make_cases() -> dict[str, Callable[[int], object]]:
    """What can be asked for."""
    STORED["locations"] = {each["id"]: each for each in locations(max(SIZES))}
    app = get_application(
        version_numbers=[VersionNumber.v_2_1_1],
        roles=[RoleEnum.cpo],
        crud=Crud,
        modules=[ModuleID.locations, ModuleID.tokens],
        authenticator=Known,
    )
    handler: Callable[[Any, Any], Document] = Mangum(app, lifespan="off")
    checked(handler, object_event(), 1)
    checked(handler, token_event(0), 1)
    cases: dict[str, Callable[[int], object]] = {
        "object": lambda _: handler(object_event(), Context()),
        "token": lambda turn: handler(token_event(turn), Context()),
    }
    for size in SIZES:
        checked(handler, list_event(size), size)
        cases[f"list {size}"] = partial(lambda event, _: handler(event, Context()), list_event(size))
    return cases


if __name__ == "__main__":
    serve_cases(make_cases)
