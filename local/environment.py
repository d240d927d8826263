"""The environment variables of the functions: what the template says, and what is different on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from local.intrinsics import PSEUDO_PARAMETERS, Unresolved
from local.queues import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from local.queues import QueueResource
    from local.template import Function


STORE_FILE = "ocpi.db"
"""In the data folder: the store."""


class EnvironmentConflictError(Exception):
    """The functions' variables cannot be those of one process; the message names the variable."""


def chosen_settings(user: Mapping[str, str]) -> dict[str, str]:
    """Those of the user's variables that the functions are to see."""
    return {name: value for name, value in user.items() if value and name.startswith(("OCPI_", "POWERTOOLS_"))}


def local_environment(data: Path, port: int, user: Mapping[str, str]) -> dict[str, str]:
    """What replaces the template's values: adapters in the folder ``data``, and an AWS that cannot be reached.

    ``user``: the environment that the gateway was started with. Its ``OCPI_…`` and ``POWERTOOLS_…`` variables
    win over everything but where the data is.
    """
    return {
        "OCPI_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "OCPI_ALLOW_PRIVATE_ADDRESSES": "1",
        # Whoever calls comes from the one address of this machine, tests that are refused on purpose included.
        "OCPI_FAILED_AUTHENTICATIONS": "3000",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "local",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
        **chosen_settings(user),
        "OCPI_STORE": f"sqlite:{data / STORE_FILE}",
        "OCPI_VAULT": f"keyfile:{data / 'vault.key'}",
        "OCPI_OPERATOR_KEY": f"file:{data / 'operator.key'}",
        "OCPI_WEBHOOK_SECRET": f"file:{data / 'webhook.secret'}",
        # Whatever still asks AWS for something finds made-up credentials and a closed port.
        "AWS_REGION": PSEUDO_PARAMETERS["AWS::Region"],
        "AWS_DEFAULT_REGION": PSEUDO_PARAMETERS["AWS::Region"],
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }


def queue_environment(functions: Iterable[Function], queues: Iterable[QueueResource], data: Path) -> dict[str, str]:
    """What replaces every variable that is ``sqs:`` and the URL of a queue: that queue in the folder ``data``."""
    places = {f"sqs:{queue.url}": f"sqlite:{data / FILE_NAME}#{queue.name}" for queue in queues}
    return {
        name: places[value]
        for function in functions
        for name, value in function.environment.items()
        if isinstance(value, str) and value in places
    }


def joint_environment(functions: Iterable[Function], overrides: Mapping[str, str]) -> dict[str, str]:
    """The variables of all functions as one environment, ``overrides`` over them.

    Raises :class:`EnvironmentConflictError` if two functions want different values of one variable, or if a value
    exists only in AWS and nothing replaces it.
    """
    joint: dict[str, str] = {}
    asked_by: dict[str, str] = {}
    for function in functions:
        for name, value in function.environment.items():
            if name in overrides:
                continue
            if isinstance(value, Unresolved):
                raise EnvironmentConflictError(f"{name} of {function.name} is {value.expression}: unknown outside AWS")
            if joint.setdefault(name, value) != value:
                raise EnvironmentConflictError(
                    f"{name} is {joint[name]!r} for {asked_by[name]} and {value!r} for {function.name}"
                )
            asked_by.setdefault(name, function.name)
    return {**joint, **overrides}
