"""A request to a partner and its answer, as the log keeps them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ocpi.exchanges.blots import Blots
from ocpi.exchanges.bodies import explanation, posted_id, sentence
from ocpi.exchanges.paths import outbound_path
from ocpi.exchanges.subjects import subject
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.store.clock import instant
from ocpi.store.exchanges import NOBODY, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.exchanges.recorder import Recorder
    from ocpi.outbound.answer import Answer
    from ocpi.store.port import Partner


@dataclass(frozen=True, slots=True)
class About:
    """Whom a request is for, and what its URL is if that is no endpoint of the partner's: ``versions``,
    ``version_details`` or ``credentials``.
    """

    partner: Partner | None = None
    module: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes out."""

    about: About
    method: str
    url: str = field(repr=False)
    body: str | None = field(repr=False)
    correlation_id: str
    token: str | None = field(default=None, repr=False)


def observed(recorder: Recorder | None, sent: Sent, send: Callable[[], Answer]) -> Answer:
    """What ``send`` brings, after recording it; raises what that raises."""
    if recorder is None or not recorder.is_on:
        return send()
    at, started = instant(), time.perf_counter()

    def record(answer: Answer | None, problem: str | None) -> None:
        milliseconds = round((time.perf_counter() - started) * 1000)
        recorder.record(lambda: _exchange(sent, at, milliseconds, answer, problem, recorder.signing_key))

    try:
        answer = send()
    except PartnerUnreachable as error:
        record(None, str(error))
        raise
    record(answer, None)
    return answer


def _exchange(
    sent: Sent,
    at: str,
    milliseconds: int,
    answer: Answer | None,
    unreachable: str | None,
    signing_key: Callable[[], bytes],
) -> Exchange:
    partner = sent.about.partner
    path = outbound_path(sent.url, partner.endpoints if partner else (), sent.about.module)
    blots = Blots()
    blots.add_token(sent.token)
    blots.add(path.secret)
    shown_path = blots.clean(path.text)
    request = (sent.body or "").encode()
    said = answer.problem() if answer else None
    failed = said is not None or unreachable is not None
    object_id = path.object_id or (posted_id(request) if path.module == "cdrs" and sent.method == "POST" else None)
    body = explanation(request, answer.body if answer else b"", path.module, blots, object_id) if failed else None
    # Ours, and it names hosts and ports; the other is in the partner's words.
    problem = unreachable if said is None else sentence(said, blots, object_id)
    named = path.secret or object_id
    return Exchange(
        at=at,
        partner_id=partner.id if partner else NOBODY,
        direction="out",
        method=sent.method,
        path=shown_path,
        http_status=answer.http_status if answer else None,
        ocpi_status=answer.envelope().status_code if answer else None,
        milliseconds=milliseconds,
        correlation_id=sent.correlation_id,
        module=path.module,
        object_id=object_id,
        subject=subject(path.module, named, signing_key) if path.module and named else None,
        problem=blots.clean(problem) if problem else None,
        body=body,
    )
