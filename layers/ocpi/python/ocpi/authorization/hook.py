"""The operator's own system that decides real-time authorizations of our tokens, if the operator named one.

It is asked with ``{"token": Token, "location": {"location_id", "evse_uids"} or null, "partner": "<id>"}``, signed as
:mod:`ocpi.outbound.webhook_signature` says, and answers with an AuthorizationInfo or ``{"location_required": true}``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.authorization.decision import allowed_at_most, answer
from ocpi.authorization.references import reduced, reference
from ocpi.faults import Invalid
from ocpi.kept_secret import SecretUnreadable
from ocpi.observability import logger
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.outbound.webhook_signature import UnusableWebhookSecret, new_message_id, signed_headers
from ocpi.v2_1_1 import models

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.answer import Answer
    from ocpi.outbound.client import PartnerClient
    from ocpi.outbound.webhook_keys import WebhookKeys

SECONDS = 1.5
"""For all of it: a driver stands at the charge point and waits for the partner, which waits for us."""
MAX_ANSWER_BYTES = 65_536

Document = dict[str, Any]


class HookUnusable(Exception):
    """The hook gave no answer that can be used; the message says why and holds nothing of question or answer."""


@dataclass(frozen=True, slots=True)
class AuthorizationHook:
    """``url`` is called; ``keys`` are what to sign with, see :func:`ocpi.outbound.webhook_keys.webhook_keys_reader`."""

    client: PartnerClient
    url: str
    keys: Callable[[], WebhookKeys]

    def decide(self, token: Document, asked: Document | None, partner_id: str) -> Document | None:
        """The same as :func:`ocpi.authorization.decision.decide`, by the hook; raises :class:`HookUnusable`."""
        until = time.monotonic() + SECONDS
        body = strict_json.write({"token": token, "location": asked, "partner": partner_id})
        try:
            return _read(self._ask(body, until), token, asked)
        except (SecretUnreadable, UnusableWebhookSecret) as error:
            raise HookUnusable(f"{type(error).__name__}: {error}") from error
        except PartnerUnreachable as error:
            # Not its detail: that names the host, and an operator may have put a key into the URL.
            raise HookUnusable(f"no answer: {error.kind}") from error
        except strict_json.BrokenJson:
            raise HookUnusable("the answer is not JSON") from None
        except (strict_json.RefusedJson, Invalid):
            raise HookUnusable("the answer is no AuthorizationInfo") from None

    def _ask(self, body: str, until: float) -> Answer:
        keys, at = self.keys(), int(time.time())
        return self.client.request(
            "POST",
            self.url,
            token=None,
            body=body,
            headers=signed_headers(keys.current, body, message_id=new_message_id(), at=at, previous=keys.previous),
            deadline=until - time.monotonic(),
            max_bytes=MAX_ANSWER_BYTES,
        )


def decide_with_fallback(
    hook: AuthorizationHook,
    token: Document,
    asked: Document | None,
    partner_id: str,
    fallback: Callable[[], Document | None],
) -> Document | None:
    """What the hook says, or ``fallback`` if it says nothing that can be used."""
    try:
        return hook.decide(token, asked, partner_id)
    except HookUnusable as error:
        logger.warning("authorization hook gave no usable answer; the stored rule decides", reason=str(error))
        return fallback()


def _read(received: Answer, token: Document, asked: Document | None) -> Document | None:
    if not 200 <= received.http_status < 300:
        raise HookUnusable(f"HTTP {received.http_status}")
    value = strict_json.read(received.body)
    if value == {"location_required": True}:
        return None
    info = models.check(models.AuthorizationInfo, value)
    outcome, text = allowed_at_most(token, info["allowed"]), info.get("info")
    if outcome != "ALLOWED" or asked is None:
        return answer(outcome, info=text)
    # An answer without a location is about the place that was asked for.
    location = reduced(asked, [reference(info.get("location", asked))])
    if location is None:
        raise HookUnusable("the answer is about another place")
    return answer(outcome, location=location, info=text)
