"""A partner's words about one request, fit to be kept outside of the exchange log: with a delivery or a command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ocpi import strict_json
from ocpi.exchanges.blots import BLOT, Blots
from ocpi.exchanges.bodies import collect, posted_id, sentence
from ocpi.exchanges.paths import outbound_path

if TYPE_CHECKING:
    from ocpi.store.port import Partner

_CUT_WORD = re.compile(rf"[^\s,;()\"']{{1,100}}{BLOT}\Z")


def quoted(text: str, about: Any) -> str:
    """The text without what stands under a secret name in the JSON value that it is about, and without words that may
    be a card's; a text that was cut loses its last word, which may be the half of one.
    """
    blots = Blots()
    collect(about, blots)
    return sentence(_CUT_WORD.sub(BLOT, text), blots)


def quoted_of_request(text: str, partner: Partner, method: str, url: str, body: str | None) -> str:
    """The same for a request of ours, whose object may be named in it unless that is a token."""
    blots = Blots()
    path = outbound_path(url, partner.endpoints)
    blots.add(path.secret)
    if body is not None:
        collect(strict_json.read(body), blots)
    object_id = posted_id(body) if body is not None and method == "POST" and path.module == "cdrs" else path.object_id
    return sentence(_CUT_WORD.sub(BLOT, text), blots, object_id)
