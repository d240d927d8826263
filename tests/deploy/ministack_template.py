"""The built template as ministack can deploy it: a few changes, each with its reason, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.intrinsics import parse

if TYPE_CHECKING:
    from pathlib import Path

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def write_ministack_template(built: Path, api_id: str, public_url: str) -> Path:
    """Write the template beside ``built``, the one that ``sam build`` made, and return its path.

    ``api_id``: eight hexadecimal digits; ``public_url``: where ministack serves that API's stage.
    """
    template = parse(built.read_text(encoding="utf-8"))
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            properties["Events"] = _each_method(properties["Events"])
            # ministack runs no function under its role; so each calls AWS under its name, which the trail shows.
            variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
            variables["AWS_SDK_UA_APP_ID"] = name
    # An id that is known before the deployment, because the functions are to be told their URL.
    template["Resources"]["Api"]["Properties"] |= {"Tags": {"ms-custom-id": api_id}, "PropagateTags": True}
    template["Globals"]["Function"]["Environment"]["Variables"] |= {
        # The events of ministack do not say under which domain they came in, and the parameter takes https only.
        "OCPI_PUBLIC_URL": public_url,
        # The tests' partners are on this machine. On purpose no parameter of the template: nobody else needs it.
        "OCPI_ALLOW_PRIVATE_ADDRESSES": "1",
    }
    written = built.with_name("ministack.json")
    written.write_text(json.dumps(template), encoding="utf-8")
    return written


def _each_method(events: dict[str, Any]) -> dict[str, Any]:
    """ministack 1.4 imports no route whose method is ANY, so each becomes one for every method that the tests use."""
    routes = {
        f"{name}{method.title()}": {"Type": "Api", "Properties": event["Properties"] | {"Method": method}}
        for name, event in events.items()
        if event["Type"] == "Api"
        for method in METHODS
    }
    return routes | {name: event for name, event in events.items() if event["Type"] != "Api"}
