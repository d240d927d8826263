"""What the local gateway needs to know of ``template.yaml``: functions and what calls them, queues, gateway responses.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from local.event_source import EventSource, read_event_source
from local.intrinsics import Resolver, TemplateError, Unresolved, parse
from local.queues import KIND as QUEUE
from local.queues import QueueResource, read_queue
from local.schedule import Schedule, read_schedule
from local.stream_source import StreamSource, read_stream_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Route:
    """One ``Api`` event of a function."""

    path: str
    """As in the template, such as ``/ocpi/cpo/2.1.1/locations/{proxy+}``."""
    method: str
    """``GET``, ``PUT``, … or ``ANY``."""


@dataclass(frozen=True, slots=True)
class Function:
    """One ``AWS::Serverless::Function``."""

    name: str
    """Its logical id."""
    folder: Path
    handler: str
    """``app.handler``: module and attribute."""
    environment: Mapping[str, str | Unresolved]
    routes: tuple[Route, ...]
    timeout: float
    """Seconds."""
    memory: int
    """MB."""
    schedules: tuple[Schedule, ...] = ()
    """Those that are enabled."""
    event_sources: tuple[EventSource, ...] = ()
    """As ``schedules``: the queues whose messages it gets."""
    streams: tuple[StreamSource, ...] = ()
    """As ``schedules``: the streams whose records it gets."""
    only_in_aws: bool = False
    """Whether outside AWS something else does its work (``Metadata: {OnlyInAws: true}``)."""


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """How the API itself answers for one response type, such as ``DEFAULT_4XX`` or ``REQUEST_TOO_LARGE``."""

    status: int | None
    """``None``: the response type's own."""
    headers: Mapping[str, str]
    templates: Mapping[str, str]
    """Content type to text in which ``$context.…`` is replaced."""


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of ``template.yaml`` that run locally."""

    functions: tuple[Function, ...]
    layers: tuple[Path, ...]
    """The ``python`` folders of the layers, which Lambda has on ``sys.path``."""
    gateway_responses: Mapping[str, GatewayResponse]
    queues: tuple[QueueResource, ...] = ()


def read_template(path: Path, environ: Mapping[str, str] | None = None) -> Template:
    """Read a SAM template, its parameters at their defaults.

    ``environ``: variables that are set whatever the template says. Where one of them is a parameter's (``!Ref``), the
    parameter has this value, so that everything else which depends on it goes along.

    Raises :class:`TemplateError`, whose message starts with the path.
    """
    try:
        document = parse(path.read_text(encoding="utf-8"))
        resolver = Resolver(document, _parameters_of(document, environ or {}))
        resources = {
            name: (resource["Type"], resolver.resolve(resource.get("Properties", {})))
            for name, resource in document.get("Resources", {}).items()
            if "Condition" not in resource or resolver.holds(resource["Condition"])
        }
        shared = resolver.resolve(document.get("Globals", {})).get("Function", {})
        root = path.resolve().parent
        queues = [read_queue(name, own, resolver) for name, (kind, own) in resources.items() if kind == QUEUE]
        functions = tuple(
            replace(
                _function(name, shared, properties, root, {queue.arn: queue for queue in queues}),
                only_in_aws=document["Resources"][name].get("Metadata", {}).get("OnlyInAws") is True,
            )
            for name, (kind, properties) in resources.items()
            if kind == "AWS::Serverless::Function"
        )
        _check_streams(functions)
        return Template(
            functions=functions,
            layers=tuple(
                root / properties["ContentUri"] / "python"
                for kind, properties in resources.values()
                if kind == "AWS::Serverless::LayerVersion"
            ),
            gateway_responses={
                response_type: _gateway_response(response)
                for kind, properties in resources.values()
                if kind == "AWS::Serverless::Api"
                for response_type, response in properties.get("GatewayResponses", {}).items()
            },
            queues=tuple(queues),
        )
    except OSError as error:
        raise TemplateError(f"{path}: {error.strerror}") from error
    except TemplateError as error:
        raise TemplateError(f"{path}: {error}") from error


def _parameters_of(document: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    declared = document.get("Parameters", {})
    functions = [
        document.get("Globals", {}).get("Function", {}),
        *(resource.get("Properties", {}) for resource in document.get("Resources", {}).values()),
    ]
    return {
        value["Ref"]: environ[variable]
        for function in functions
        for variable, value in _variables(function).items()
        if variable in environ and isinstance(value, dict) and value.get("Ref") in declared
    }


def _function(
    name: str,
    shared: Mapping[str, Any],
    own: Mapping[str, Any],
    root: Path,
    queues: Mapping[str, QueueResource],
) -> Function:
    properties = {**shared, **own}
    for required in ("CodeUri", "Handler"):
        if not isinstance(properties.get(required), str):
            raise TemplateError(f"function {name} has no {required}")
    events = properties.get("Events", {})
    return Function(
        name=name,
        folder=root / properties["CodeUri"],
        handler=properties["Handler"],
        environment={variable: _value(value) for variable, value in (_variables(shared) | _variables(own)).items()},
        routes=tuple(
            Route(event["Properties"]["Path"], event["Properties"]["Method"].upper())
            for event in events.values()
            if event["Type"] == "Api"
        ),
        timeout=float(properties.get("Timeout", 3)),
        memory=int(properties.get("MemorySize", 128)),
        schedules=tuple(
            _schedule(f"{name}{event_name}", event["Properties"])
            for event_name, event in events.items()
            if event["Type"] == "Schedule" and _is_enabled(event["Properties"])
        ),
        event_sources=tuple(
            read_event_source(f"{name}{event_name}", event["Properties"], queues)
            for event_name, event in events.items()
            if event["Type"] == "SQS" and _is_enabled(event["Properties"])
        ),
        streams=tuple(
            read_stream_source(f"{name}{event_name}", event["Properties"], queues)
            for event_name, event in events.items()
            if event["Type"] == "DynamoDB" and _is_enabled(event["Properties"])
        ),
    )


def _check_streams(functions: Iterable[Function]) -> None:
    sources = [source.name for function in functions if not function.only_in_aws for source in function.streams]
    if len(sources) > 1:  # what one is done with is gone for the other
        raise TemplateError(f"events {' and '.join(sources)}: only one may read a stream outside AWS")


def _is_enabled(event: Mapping[str, Any]) -> bool:
    # Two spellings of one thing, of which SAM takes either for a schedule; an SQS event has the second only.
    return event.get("State", "ENABLED") == "ENABLED" and _value(event.get("Enabled", True)) == "true"


def _schedule(name: str, properties: Mapping[str, Any]) -> Schedule:
    if "Input" in properties:
        raise TemplateError(f"schedule {name}: Input is not handed over outside AWS")
    return read_schedule(name, properties.get("Schedule"))


def _variables(properties: Mapping[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return variables


def _value(value: Any) -> str | Unresolved:
    if isinstance(value, Unresolved):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _gateway_response(response: Mapping[str, Any]) -> GatewayResponse:
    status = response.get("StatusCode")
    headers = response.get("ResponseParameters", {}).get("Headers", {})
    return GatewayResponse(
        status=None if status is None else int(status),
        # Literals stand in quotes of their own there: "'no-store'".
        headers={name: str(value).strip("'") for name, value in headers.items()},
        templates=response.get("ResponseTemplates", {}),
    )
