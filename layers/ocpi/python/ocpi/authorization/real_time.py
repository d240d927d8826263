"""Asking eMSP partners in real time whether a token may charge (section 12.2.2.2)."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from ocpi import strict_json
from ocpi.faults import Invalid
from ocpi.observability import logger
from ocpi.outbound.partner_session import PartnerSession
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.registration.partner_api import endpoint_url
from ocpi.registration.settings_of_partner import partner_settings
from ocpi.v2_1_1 import models

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocpi.outbound.answer import Answer
    from ocpi.outbound.client import PartnerClient
    from ocpi.store.port import Partner
    from ocpi.vault.port import Vault

UNKNOWN_TOKEN = 2004
"""A status code of later versions, which some partners send in 2.1.1 already (reading A-06)."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of asking. ``answered``: ``info`` is the partner's AuthorizationInfo. ``unknown``: it does not know
    the token. ``refused``: it did not want to tell, for example without a location. ``unreachable``: no usable answer.
    """

    kind: Literal["answered", "unknown", "refused", "unreachable"]
    info: Document = field(default_factory=lambda: {"allowed": "NOT_ALLOWED"})


@dataclass(frozen=True, slots=True)
class Question:
    """May this token charge there? ``asked`` is a reference (:mod:`ocpi.authorization.references`); ``until`` is when
    the answer must be there, on the monotonic clock.
    """

    uid: str
    token_type: str
    asked: Document | None
    until: float


@dataclass(frozen=True, slots=True)
class Asking:
    """How partners are asked."""

    client: PartnerClient
    vault: Vault

    def replies(self, partners: Sequence[Partner], question: Question) -> Iterator[tuple[Partner, Reply]]:
        """Ask partners at the same time; what each replied, in the order of arrival. Whoever has not replied in time is
        left out. One may stop listening at any moment: nothing waits for those that are still being asked.
        """
        arrived: SimpleQueue[tuple[Partner, Reply]] = SimpleQueue()

        def run(partner: Partner) -> None:
            arrived.put((partner, self._ask(partner, question)))

        for partner in partners:
            threading.Thread(target=run, args=(partner,), daemon=True).start()
        for _ in partners:
            try:
                yield arrived.get(timeout=max(0, question.until - time.monotonic()))
            except Empty:
                return

    def _ask(self, partner: Partner, question: Question) -> Reply:
        """Never raises: a partner that cannot be asked keeps nobody from asking the others."""
        endpoint = endpoint_url(partner.endpoints, "tokens")
        if endpoint is None or partner.token is None:
            return Reply("unreachable")
        settings = partner_settings(partner)
        body = None if question.asked is None else strict_json.write(question.asked)
        try:
            token = self.vault.open(partner.token, about=partner.id)
            session = PartnerSession(self.client, token, settings["token_encoding"], question.until, partner)
            return read_reply(session.send("POST", authorize_url(endpoint, question, settings["trailing_slash"]), body))
        except PartnerUnreachable as error:
            logger.warning("real-time authorization: no answer", partner=partner.id, reason=error.kind)
        except Exception as error:  # noqa: BLE001 - see above; the error itself may quote the URL, which holds the uid
            logger.error("real-time authorization failed", partner=partner.id, reason=type(error).__name__)
        return Reply("unreachable")


def authorize_url(endpoint: str, question: Question, trailing_slash: str = "keep") -> str:
    """Where a token is authorized; ``trailing_slash`` as in the partner's settings."""
    slash = "/" if trailing_slash == "add" else ""
    uid = quote(question.uid, safe="")
    return f"{endpoint.rstrip('/')}/{uid}/authorize{slash}?type={question.token_type}"


def read_reply(answer: Answer) -> Reply:
    """What an answer means (requirement TOK-45). An object in a list of one is taken for the object."""
    envelope = answer.envelope()
    code = envelope.status_code or 0
    if answer.http_status == 404 or code == UNKNOWN_TOKEN:
        return Reply("unknown")
    if answer.http_status >= 500 or code >= 3000:
        return Reply("unreachable")
    if answer.http_status >= 400 or code >= 2000:
        return Reply("refused")
    if answer.problem(needs_data=True) is not None:
        return Reply("unreachable")
    data = envelope.data
    info = data[0] if isinstance(data, list) and len(data) == 1 else data
    try:
        return Reply("answered", models.check(models.AuthorizationInfo, info))
    except Invalid:
        return Reply("unreachable")
