"""``/operator/2.1.1/tokens/{uid}/…``: how our tokens are authorized, and whether a driver's token may charge here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from modules import named_own_module

from ocpi.authorization.rule import check_rule, rule_draft, rule_key
from ocpi.deployment import partner_client, store, vault
from ocpi.errors import NotFound
from ocpi.objects.own import etag, require_match
from ocpi.objects.received import delete_exact, require
from ocpi.objects.tokens import find_token, read_token_type
from ocpi.settings import settings
from ocpi.store.port import OWN, Collection
from ocpi.store.update import update
from ocpi.transport.message import Answer, Call
from ocpi.transport.operator_surface import OperatorResource, answer_json

if TYPE_CHECKING:
    from ocpi.store.port import Draft, Key, Record

RULE = "authorization rule"


def get_rule(call: Call) -> Answer:
    """The rule that was PUT for a token of ours."""
    return _shown(require(store().objects.get(_rule_key(call)), RULE))


def put_rule(call: Call) -> Answer:
    """Create or replace the rule of a token of ours."""
    rule, key, if_match = check_rule(call.json()), _rule_key(call), call.headers.get("if-match")

    def decide(record: Record | None) -> Draft:
        require_match(record, if_match)
        return rule_draft(rule)

    outcome = update(store().objects, key, decide)
    return _shown(require(outcome.after, RULE), http_status=201 if outcome.before is None else 200)


def delete_rule(call: Call) -> Answer:
    """Without one, a valid token is ALLOWED everywhere and an invalid one BLOCKED."""
    key, if_match = _rule_key(call), call.headers.get("if-match")
    require(delete_exact(store().objects, key, lambda record: require_match(record, if_match)), RULE)
    return Answer(204, "")


def post_authorize(call: Call) -> Answer:
    """May this token, of whatever eMSP, charge at the place in the body?"""
    from ocpi.authorization.at_charge_point import SECONDS, authorize  # noqa: PLC0415 - the rest of this API goes without
    from ocpi.authorization.real_time import Asking  # noqa: PLC0415 - as above
    from ocpi.authorization.references import read_references  # noqa: PLC0415 - as above

    until = time.monotonic() + SECONDS
    if "CPO" not in settings().roles:
        raise NotFound("we have no charge points: this party is no CPO")
    token_type, asked = read_token_type(call.query), read_references(call)
    asking = Asking(partner_client(), vault())
    return answer_json(authorize(store(), asking, call.path["uid"], token_type, asked, until=until))


def _rule_key(call: Call) -> Key:
    tokens, token_type = Collection(OWN, named_own_module("tokens").name), read_token_type(call.query)
    return rule_key(require(find_token(store().objects, tokens, call.path["uid"], token_type), "token"))


def _shown(record: Record, *, http_status: int = 200) -> Answer:
    return Answer(http_status, record.document, {"ETag": etag(record)})


RESOURCES = [
    OperatorResource("/2.1.1/tokens/{uid:segment}/authorization", GET=get_rule, PUT=put_rule, DELETE=delete_rule),
    OperatorResource("/2.1.1/tokens/{uid:segment}/authorize", POST=post_authorize),
]
