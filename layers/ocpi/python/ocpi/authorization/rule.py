"""The rule by which real-time authorizations of one of our tokens are answered, as the operator PUT it."""

from typing import Any

from pydantic import ConfigDict

from ocpi import strict_json
from ocpi.objects.documents import read_document
from ocpi.store.port import OWN, Collection, Draft, Key, Objects, Record
from ocpi.times import now_wire
from ocpi.v2_1_1 import VERSION
from ocpi.v2_1_1.fields import Boolean, Id39, OneOrMore
from ocpi.v2_1_1.model import OcpiModel, check
from ocpi.v2_1_1.tokens import Allowed
from ocpi.v2_1_1.types import DisplayText

Document = dict[str, Any]


class PermittedPlace(OcpiModel):
    """A location, or some of its EVSEs; ``evse_uids`` absent, null or [] is the whole location."""

    model_config = ConfigDict(extra="forbid")

    location_id: Id39
    evse_uids: list[Id39] | None = None


class AuthorizationRule(OcpiModel):
    """``locations`` absent or null is everywhere; [] is refused, since it could be taken for nowhere as well.
    ``location_required``: only an answer that knows the location may be ``ALLOWED``.
    """

    model_config = ConfigDict(extra="forbid")

    allowed: Allowed
    locations: OneOrMore[PermittedPlace] | None = None
    location_required: Boolean | None = None
    info: DisplayText | None = None


def check_rule(body: Any) -> Document:
    """The canonical rule of a JSON value; raises :class:`~ocpi.faults.Invalid`."""
    return check(AuthorizationRule, body)


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
