from __future__ import annotations

from pathlib import Path

import pytest

from local.routing import Routes
from local.template import Function, Route


def function(name: str, *routes: tuple[str, str]) -> Function:
    return Function(name, Path(), "app.handler", {}, tuple(Route(path, method) for method, path in routes), 10, 1024)


ROUTES = Routes(
    [
        function("unknown", ("ANY", "/ocpi/{proxy+}"), ("ANY", "/ocpi")),
        function("locations", ("ANY", "/ocpi/locations"), ("ANY", "/ocpi/locations/{proxy+}")),
        function("any_one", ("GET", "/ocpi/{module}/one"), ("ANY", "/ocpi/{module}/any")),
        function("one", ("GET", "/ocpi/tokens/one"), ("ANY", "/ocpi/tokens/one/{proxy+}")),
        function("put", ("PUT", "/ocpi/tokens/one")),
        function("specific", ("POST", "/ocpi/{module}/any")),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/ocpi", "unknown"),
        ("GET", "/ocpi/nowhere/at/all", "unknown"),
        ("GET", "/ocpi/locations", "locations"),
        ("GET", "/ocpi/locations/", "locations"),
        ("DELETE", "/ocpi/locations/1/2/3", "locations"),
        ("GET", "/ocpi/locations/one", "locations"),
        ("GET", "/ocpi/tariffs/one", "any_one"),
        ("GET", "/ocpi/tokens/one", "one"),
        ("PUT", "/ocpi/tokens/one", "put"),
        ("GET", "/ocpi/tokens/%6Fne", "one"),
        ("GET", "/ocpi/tokens/one/two", "one"),
        ("GET", "/ocpi/tokens/two", "unknown"),
        ("GET", "/ocpi/cdrs/any", "any_one"),
        ("POST", "/ocpi/cdrs/any", "specific"),
    ],
)
def test_the_most_specific_route_takes_a_request(method: str, path: str, name: str) -> None:
    match = ROUTES.match(method, path)
    assert match is not None
    assert match.function.name == name


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/ocpi2"), ("GET", "//ocpi"), ("GET", "*")])
def test_a_path_of_no_route_is_taken_by_none(method: str, path: str) -> None:
    assert ROUTES.match(method, path) is None


def test_a_resource_without_the_method_hands_over_to_no_other() -> None:
    assert ROUTES.match("DELETE", "/ocpi/tokens/one") is None


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/ocpi/locations/A%2FB/1/", {"proxy": "A%2FB/1"}),
        ("/ocpi/cdrs/any", {"module": "cdrs"}),
        ("/ocpi/locations", {}),
    ],
)
def test_path_parameters_are_what_stands_in_their_places(path: str, parameters: dict[str, str]) -> None:
    match = ROUTES.match("GET", path)
    assert match is not None
    assert match.path_parameters == parameters
