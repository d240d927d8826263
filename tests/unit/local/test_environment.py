from __future__ import annotations

from pathlib import Path

import pytest

from local.environment import EnvironmentConflictError, joint_environment, local_environment
from local.intrinsics import Unresolved
from local.template import Function


def function(name: str, **environment: str | Unresolved) -> Function:
    return Function(name, Path(), "app.handler", environment, (), 10, 1024)


def test_the_process_gets_the_variables_of_all_functions() -> None:
    functions = [function("A", SHARED="1", ONE="1"), function("B", SHARED="1", TWO="2")]
    assert joint_environment(functions, {}) == {"SHARED": "1", "ONE": "1", "TWO": "2"}


def test_two_functions_that_want_different_values_are_an_error() -> None:
    with pytest.raises(EnvironmentConflictError, match="LEVEL is '1' for A and '2' for B"):
        joint_environment([function("A", LEVEL="1"), function("B", LEVEL="2")], {})


def test_a_value_that_only_aws_knows_must_be_replaced() -> None:
    functions = [function("A", TABLE=Unresolved("!Ref Table"))]
    with pytest.raises(EnvironmentConflictError, match="TABLE of A is !Ref Table"):
        joint_environment(functions, {})
    assert joint_environment(functions, {"TABLE": "local"}) == {"TABLE": "local"}


def test_what_is_replaced_cannot_conflict() -> None:
    assert joint_environment([function("A", X="1"), function("B", X="2")], {"X": "3"}) == {"X": "3"}


def test_the_users_own_settings_win_except_over_where_data_is(tmp_path: Path) -> None:
    user = {
        "OCPI_PARTY_ID": "TNM",
        "OCPI_PARTY_NAME": "",
        "OCPI_STORE": "dynamodb:production",
        "POWERTOOLS_LOG_LEVEL": "DEBUG",
        "AWS_ACCESS_KEY_ID": "a real one",
        "HOME": "/root",
    }
    environment = local_environment(tmp_path, 8080, user)
    assert environment["OCPI_PARTY_ID"] == "TNM"
    assert environment["POWERTOOLS_LOG_LEVEL"] == "DEBUG"
    assert environment["OCPI_STORE"] == f"sqlite:{tmp_path}/ocpi.db"
    assert environment["OCPI_PUBLIC_URL"] == "http://127.0.0.1:8080"
    assert environment["AWS_ACCESS_KEY_ID"] == "local"
    assert not {"OCPI_PARTY_NAME", "HOME"} & set(environment)
