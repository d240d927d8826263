"""What became of a try to bring an object to a partner.

| answer                                                          | outcome |
|-----------------------------------------------------------------|---------|
| 2xx with OCPI 1xxx, or without an envelope                      | taken   |
| 2xx with text that is no JSON and does not begin like it        | taken   |
| 2xx with OCPI 2xxx, or a status code that does not exist        | refused |
| 4xx but for the ones below                                      | refused |
| a URL that the address guard refuses                            | refused |
| 401, 403, 408, 425, 429                                         | passing |
| 5xx, 3xx, 2xx with OCPI 3xxx or more, a body that is cut off    | passing |
| 2xx with a page for people                                      | passing |
| no answer                                                       | passing |
| the rate limit lets no further request begin in time            | begun   |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ocpi.delivery.pauses import asked_pause

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from ocpi.outbound.unreachable import PartnerUnreachable

PASSING_STATUSES = frozenset({401, 403, 408, 425, 429})
"""Refusals of a kind that may pass; any other 4xx, like an OCPI 2xxx, repeating cannot mend."""
CLEARLY_NOT_TAKEN = frozenset({401, 403, 425, 429})
QUOTED_CHARACTERS = 300
_NOTHING_SENT = frozenset({"refused_address", "dns", "connect", "tls"})


class Ending(StrEnum):
    """``taken``: the partner has it; ``refused``: repeating cannot mend it; ``passing``: another time it may work;
    ``begun``: the partner answered, and what is left to be sent has to wait.
    """

    TAKEN = "taken"
    REFUSED = "refused"
    PASSING = "passing"
    BEGUN = "begun"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``message`` is for people. ``wait`` is how long the partner asked us to leave it in peace, in seconds.
    ``reached``: the partner got the request, or may have. ``unsure``: it may have taken it all the same. ``url`` is
    where it says that it keeps the object. Of one that is refused, ``unsure`` is what the operator has to decide.
    """

    ending: Ending
    http_status: int | None = None
    ocpi_status: int | None = None
    message: str | None = None
    wait: float = 0.0
    reached: bool = True
    unsure: bool = False
    url: str | None = None


def judged(answer: Answer, now: float) -> Outcome:
    """The outcome that an answer means; ``now`` in seconds since 1970."""
    status, code = answer.http_status, answer.envelope().status_code
    ending = _ending(answer)
    if ending is Ending.TAKEN:
        return Outcome(ending, status, code)
    passing = ending is Ending.PASSING
    return Outcome(
        ending,
        status,
        code,
        _message(answer),
        wait=asked_pause(answer.headers.get("Retry-After"), now) if passing else 0.0,
        unsure=passing and status not in CLEARLY_NOT_TAKEN,
    )


def unanswered(error: PartnerUnreachable) -> Outcome:
    """The outcome of a request that brought no answer."""
    nothing_sent = error.kind in _NOTHING_SENT
    return Outcome(
        Ending.REFUSED if error.kind == "refused_address" else Ending.PASSING,
        message=error.detail,
        reached=not nothing_sent,
        unsure=not nothing_sent,
    )


def _message(answer: Answer) -> str:
    """What is wrong; and what the partner said, where that is in no envelope."""
    what = answer.problem() or f"HTTP {answer.http_status}, but the body is cut off"
    said = "" if answer.envelope().status_code is not None else answer.excerpt(QUOTED_CHARACTERS)
    return f"{what}; it answered: {said}" if said else what


def _ending(answer: Answer) -> Ending:
    status, code = answer.http_status, answer.envelope().status_code
    if 400 <= status < 500:
        return Ending.PASSING if status in PASSING_STATUSES else Ending.REFUSED
    if not 200 <= status < 300:
        return Ending.PASSING
    if code is None:
        return Ending.PASSING if answer.is_cut_off or answer.is_page else Ending.TAKEN
    if 1000 <= code < 2000:
        return Ending.TAKEN
    return Ending.PASSING if code >= 3000 else Ending.REFUSED
