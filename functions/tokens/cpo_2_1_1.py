"""Tokens that eMSP partners push to us (OCPI 2.1.1, section 12.2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.deployment import store
from ocpi.faults import Fault, Invalid
from ocpi.objects.audience import token_lookup
from ocpi.objects.identity import require_same_id
from ocpi.objects.received import owned_collection, require, taking, write
from ocpi.objects.tokens import find_token, read_token_type, token_key
from ocpi.objects.waiting import Waiting
from ocpi.settings import settings
from ocpi.store.update import update
from ocpi.transport.envelope import success
from ocpi.transport.ocpi_surface import OcpiResource
from ocpi.v2_1_1 import VERSION, models
from ocpi.v2_1_1.merge import merge
from ocpi.v2_1_1.module_rules import module_rules
from ocpi.v2_1_1.taking_rules import require_rules

if TYPE_CHECKING:
    from ocpi.store.port import Collection, Record
    from ocpi.store.update import Outcome
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call

Document = dict[str, Any]


def get_token(call: Call, caller: Caller) -> Answer:
    """The token as the partner gave it to us."""
    return success(_find(call, caller).document)


def put_token(call: Call, caller: Caller) -> Answer:
    """Create or replace a token; its type is in the body."""
    collection = _collection(call, caller)
    token = models.check(models.Token, call.json())
    require_same_id(token, "uid", call.path["token_uid"])
    _require_same_type(token, read_token_type(call.query))
    key = token_key(collection, token["type"], token["uid"])
    outcome = update(store().objects, key, taking(require_rules("tokens"), key, token))
    _settle(outcome)
    return success(http_status=201 if outcome.before is None else 200)


def patch_token(call: Call, caller: Caller) -> Answer:
    """Change the given fields of a token; ``{"valid": false}`` is how one is withdrawn."""
    key = _find(call, caller).key
    patch = models.check_patch(models.Token, call.json())
    require_same_id(patch, "uid", call.path["token_uid"])
    _require_same_type(patch, key.id.partition("/")[0])

    def change(stored: Document | None) -> Document:
        return models.check(models.Token, merge(require(stored, "token"), patch, keyed={}))

    _settle(write(store().objects, key, VERSION, change, lookup=token_lookup))
    return success()


def _settle(outcome: Outcome) -> None:
    """Give sessions and CDRs that have waited for a token to the partner that it is from; also when it was stored
    already, since the process may have died in between the last time.
    """
    if outcome.after is not None:
        Waiting(store().objects, module_rules, settings().pending_session_minutes).settle(outcome.after)


def _collection(call: Call, caller: Caller) -> Collection:
    return owned_collection(caller.partner, call.path, "tokens")


def _find(call: Call, caller: Caller) -> Record:
    token_type = read_token_type(call.query)
    uid = call.path["token_uid"]
    return require(find_token(store().objects, _collection(call, caller), uid, token_type), "token")


def _require_same_type(token: Document, token_type: str | None) -> None:
    if token_type is not None and token.get("type", token_type) != token_type:
        raise Invalid([Fault("/type", f"is not {token_type}, the type of the token that the URL names")])


RESOURCES = [
    OcpiResource("CPO", "2.1.1/tokens"),
    OcpiResource(
        "CPO",
        "2.1.1/tokens/{country_code:segment}/{party_id:segment}/{token_uid:segment}",
        GET=get_token,
        PUT=put_token,
        PATCH=patch_token,
    ),
]
