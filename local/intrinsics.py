"""CloudFormation's intrinsic functions, as far as they can be resolved without deploying anything.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class TemplateError(Exception):
    """The template cannot be read; the message names the place."""


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A value that exists only once the stack is deployed, such as the name of a table."""

    expression: str


PSEUDO_PARAMETERS = {
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "local",
    "AWS::URLSuffix": "amazonaws.com",
}
STREAM_LABEL = "1970-01-01T00:00:00.000"
"""In AWS, when the stream was made."""
_NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class _Loader(yaml.SafeLoader):
    """Safe YAML, in which ``!Sub x`` reads as ``{"Fn::Sub": x}``."""


def _construct_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the third kind of node there is
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct_tag)


def parse(text: str) -> dict[str, Any]:
    """A template's YAML as plain data, short tags in their long form; raises :class:`TemplateError`."""
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader that makes dicts only
    except yaml.YAMLError as error:
        raise TemplateError(f"not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise TemplateError("not a template: no mapping at the top")
    return document


class Resolver:
    """Resolves nodes of one template; what needs the deployed stack becomes :class:`Unresolved`."""

    def __init__(self, document: Mapping[str, Any], parameters: Mapping[str, str] | None = None) -> None:
        """``parameters``: values of parameters, instead of their defaults."""
        declared = document.get("Parameters", {})
        defaults = {
            name: _text(declaration["Default"]) for name, declaration in declared.items() if "Default" in declaration
        }
        self._values = {**PSEUDO_PARAMETERS, **defaults, **(parameters or {}), **_known_names(document)}
        self._conditions: Mapping[str, Any] = document.get("Conditions", {})
        self._mappings: Mapping[str, Any] = document.get("Mappings", {})
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::FindInMap": self._find_in_map,
        }

    def resolve(self, node: Any) -> Any:
        """The node with every intrinsic function replaced by its value; what is ``AWS::NoValue`` is left out."""
        if isinstance(node, dict):
            if len(node) == 1:
                ((name, argument),) = node.items()
                if name in self._functions:
                    return self._functions[name](argument)
                if str(name).startswith("Fn::"):
                    return Unresolved(f"{name} {argument}")
            pairs = ((key, self.resolve(value)) for key, value in node.items())
            return {key: value for key, value in pairs if value is not _NO_VALUE}
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not _NO_VALUE]
        return node

    def holds(self, condition: Any) -> bool:
        """Whether a condition, given by its name or as an expression, holds; raises :class:`TemplateError`."""
        if isinstance(condition, str):
            if condition not in self._conditions:
                raise TemplateError(f"condition {condition} is not declared")
            return self.holds(self._conditions[condition])
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                left, right = (self.resolve(side) for side in argument)
                return _text(left) == _text(right)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(self.holds(each) for each in argument)
            case "Fn::Or":
                return any(self.holds(each) for each in argument)
        raise TemplateError(f"{name} is not a condition function")

    def _ref(self, name: str) -> Any:
        return _NO_VALUE if name == "AWS::NoValue" else self._values.get(name, Unresolved(f"!Ref {name}"))

    def _get_att(self, argument: list[str]) -> Any:
        return self._values.get(".".join(argument), Unresolved(f"Fn::GetAtt {argument}"))

    def _sub(self, argument: Any) -> Any:
        text, extra = (argument, {}) if isinstance(argument, str) else argument
        values = {**self._values, **{name: self.resolve(value) for name, value in extra.items()}}
        names = [name for literal, name in _PLACEHOLDER.findall(text) if not literal]
        if any(isinstance(values.get(name, Unresolved(name)), Unresolved) for name in names):
            return Unresolved(f"!Sub {text}")
        return _PLACEHOLDER.sub(lambda found: f"${{{found[2]}}}" if found[1] else _text(values[found[2]]), text)

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self.holds(condition) else otherwise)

    def _join(self, argument: list[Any]) -> Any:
        separator, parts = argument[0], self.resolve(argument[1])
        if isinstance(parts, Unresolved) or any(isinstance(part, Unresolved) for part in parts):
            return Unresolved(f"!Join {argument}")
        return separator.join(map(_text, parts))

    def _find_in_map(self, argument: list[Any]) -> Any:
        value: Any = self._mappings
        for key in self.resolve(argument):
            if isinstance(key, Unresolved) or key not in value:
                raise TemplateError(f"!FindInMap {argument}: nothing there")
            value = value[key]
        return value


def _known_names(document: Mapping[str, Any]) -> dict[str, str]:
    """What the queues of a template and the streams of its tables are called, by ``Queue``, ``Queue.Arn``,
    ``Table.StreamArn`` and so on: all of it is known before they are deployed, but for what CloudFormation adds to a
    name that the template does not give, and for when a stream was made.
    """
    region, account = PSEUDO_PARAMETERS["AWS::Region"], PSEUDO_PARAMETERS["AWS::AccountId"]
    names: dict[str, str] = {}
    for name, resource in document.get("Resources", {}).items():
        if resource["Type"] == "AWS::DynamoDB::Table" and "StreamSpecification" in resource.get("Properties", {}):
            arn = f"arn:aws:dynamodb:{region}:{account}:table/{name}/stream/{STREAM_LABEL}"
            names[f"{name}.StreamArn"] = arn
        if resource["Type"] == "AWS::SQS::Queue":
            url = f"https://sqs.{region}.{PSEUDO_PARAMETERS['AWS::URLSuffix']}/{account}/{name}"
            names |= {name: url, f"{name}.QueueUrl": url, f"{name}.QueueName": name}
            names[f"{name}.Arn"] = f"arn:aws:sqs:{region}:{account}:{name}"
    return names


def _text(value: Any) -> str:
    """A scalar the way CloudFormation turns it into a string."""
    return str(value).lower() if isinstance(value, bool) else str(value)
