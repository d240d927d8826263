"""Chooses the route of a request as a REST API does: literal segments before ``{name}`` before ``{name+}``.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-settings-method-request.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.template import Function

LITERAL, PARAMETER, GREEDY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Match:
    """Where a request goes."""

    function: Function
    resource: str
    """The route's path as in the template."""
    path_parameters: dict[str, str]
    """Still percent-encoded, as REST APIs hand them over."""


class Routes:
    """All routes of a template."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self._resources: dict[str, dict[str, Function]] = {}
        for function in functions:
            for route in function.routes:
                self._resources.setdefault(route.path, {})[route.method] = function
        by_preference = sorted(self._resources, key=lambda path: [_kind(segment) for segment in _segments(path)])
        self._patterns = [(path, _segments(path)) for path in by_preference]

    def match(self, method: str, raw_path: str) -> Match | None:
        """The route of a request, or ``None``.

        The most specific resource decides before methods are looked at: a resource without the method is no
        reason to try a less specific one. A trailing slash makes no difference.
        """
        segments = _segments(raw_path)
        for resource, pattern in self._patterns:
            parameters = _fit(pattern, segments)
            if parameters is not None:
                methods = self._resources[resource]
                function = methods.get(method) or methods.get("ANY")
                return Match(function, resource, parameters) if function else None
        return None


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").removesuffix("/").split("/")


def _kind(segment: str) -> int:
    if segment.startswith("{") and segment.endswith("}"):
        return GREEDY if segment.endswith("+}") else PARAMETER
    return LITERAL


def _fit(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    parameters = {}
    for position, expected in enumerate(pattern):
        if position >= len(segments):
            return None
        actual, kind = segments[position], _kind(expected)
        if kind == GREEDY:
            parameters[expected[1:-2]] = "/".join(segments[position:])
            return parameters
        if kind == PARAMETER and actual:
            parameters[expected[1:-1]] = actual
        elif unquote(actual) != expected:
            return None
    return parameters if len(segments) == len(pattern) else None
