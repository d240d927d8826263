"""The rule by which real-time authorizations of one of our tokens are answered, as the operator PUT it."""

from __future__ import annotations

from typing import Any

from ocpi import strict_json
from ocpi.objects.documents import read_document
from ocpi.store.port import OWN, Collection, Draft, Key, Objects, Record
from ocpi.times import now_wire
from ocpi.v2_1_1 import VERSION, models

Document = dict[str, Any]


def check_rule(body: Any) -> Document:
    """The canonical rule of a JSON value; raises :class:`~ocpi.faults.Invalid`."""
    from ocpi.authorization.rule_model import AuthorizationRule  # noqa: PLC0415 - whoever only reads rules needs none

    return models.check(AuthorizationRule, body)


def rule_key(token: Record) -> Key:
    """Where the rule of one of our tokens is kept."""
    return Key(Collection(OWN, "authorizations"), token.key.id)


def find_rule(objects: Objects, token: Record) -> Document | None:
    """The rule of one of our tokens, if it has one."""
    record = objects.get(rule_key(token))
    return read_document(record) if record is not None else None


def rule_draft(rule: Document) -> Draft:
    """A rule, ready to be stored: for nobody but the operator."""
    return Draft(VERSION, strict_json.write(rule), now_wire(), audience=None)
