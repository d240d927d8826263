"""The table of ``template.yaml``, made for tests: what the adapter is tested on is what gets deployed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
SHAPE = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short functions, whose results no test here needs."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: suffix)


@cache
def _table_properties() -> dict[str, Any]:
    with TEMPLATE.open(encoding="utf-8") as template:
        properties: dict[str, Any] = yaml.load(template, Loader=_Template)["Resources"]["Table"]["Properties"]  # noqa: S506 - a SafeLoader
    return properties


def create_table(client: DynamoDBClient, name: str) -> None:
    """An empty table with the keys and indexes that the template gives it."""
    client.create_table(TableName=name, **{part: _table_properties()[part] for part in SHAPE})


def index_keys() -> dict[str, tuple[str, str]]:
    """By name of the index, the attributes that are its partition key and its sort key."""
    found = {}
    for index in _table_properties()["GlobalSecondaryIndexes"]:
        keys = {key["KeyType"]: key["AttributeName"] for key in index["KeySchema"]}
        found[index["IndexName"]] = (keys["HASH"], keys["RANGE"])
    return found
