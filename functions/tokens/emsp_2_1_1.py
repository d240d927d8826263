"""Our own tokens, as CPO partners read them and have them authorized (OCPI 2.1.1, section 12.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpi.authorization.decision import decide
from ocpi.authorization.references import read_references
from ocpi.authorization.rule import find_rule
from ocpi.deployment import authorization_hook, store
from ocpi.errors import BadParameter
from ocpi.objects.documents import read_document
from ocpi.objects.received import require
from ocpi.objects.tokens import find_token, read_token_type
from ocpi.registration.rewriting import rewriting, rewritten
from ocpi.store.port import OWN, Collection
from ocpi.transport.envelope import failure, success_object
from ocpi.transport.ocpi_surface import OcpiResource, list_only
from ocpi.transport.paging import list_page
from ocpi.transport.status_codes import StatusCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocpi.store.port import Record
    from ocpi.transport.authentication import Caller
    from ocpi.transport.message import Answer, Call

Document = dict[str, Any]


def list_tokens(call: Call, caller: Caller) -> Answer:
    """A page of our tokens, withdrawn ones included."""
    rewrite = rewriting(caller.partner, "Token")
    return list_page(call, store(), Collection(OWN, "tokens"), reader=caller.partner.id, rewrite=rewrite)


def authorize_token(call: Call, caller: Caller) -> Answer:
    """May this token charge there, now: AuthorizationInfo, or 2002 if that depends on a place that was not said."""
    token_type, uid = _asked_type(call.query), call.path["token_uid"]
    token = require(find_token(store().objects, Collection(OWN, "tokens"), uid, token_type), "token")
    info = _decide(token, read_references(call), caller)
    if info is None:
        return failure(StatusCode.NOT_ENOUGH_INFORMATION, "this token needs a location to be authorized")
    return success_object(rewritten(caller.partner, "AuthorizationInfo", info))


def _decide(token: Record, asked: Document | None, caller: Caller) -> Document | None:
    document, hook = read_document(token), authorization_hook()

    def by_rule() -> Document | None:
        return decide(document, find_rule(store().objects, token), asked)

    if hook is None:
        return by_rule()
    from ocpi.authorization.hook import decide_with_fallback  # noqa: PLC0415 - most deployments have no hook

    return decide_with_fallback(hook, document, asked, caller.partner.id, by_rule)


def _asked_type(query: Mapping[str, str]) -> str | None:
    """The specification calls it ``type`` in the path and ``token_type`` in the table (reading A-25)."""
    asked = {read_token_type({"type": query[name]}) for name in ("type", "token_type") if name in query}
    if len(asked) > 1:
        raise BadParameter("token_type", "is another than type")
    return next(iter(asked), None)


RESOURCES = [
    OcpiResource("EMSP", "2.1.1/tokens", GET=list_tokens),
    OcpiResource("EMSP", "2.1.1/tokens/{token_uid:segment}", GET=list_only),
    OcpiResource("EMSP", "2.1.1/tokens/{token_uid:segment}/authorize", POST=authorize_token),
]
