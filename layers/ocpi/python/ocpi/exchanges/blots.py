"""What must not be read in the log, and making it unreadable wherever it stands.

Secrets and texts are the sender's, and both may be long: so there is a limit to how many secrets are looked for, each
is looked for in one pass, and where there are more of them than that, texts are left out as a whole.
"""

from __future__ import annotations

import base64
import binascii
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOT = "…"
MOST_SECRETS = 64
"""Of one exchange; a token, a card and a command have ten at most."""
LONGEST_SECRET = 1000
"""Characters; of a token 64, of a URL 255."""
_SHORT = 4
"""Characters. A shorter secret is blotted only where it stands alone: an ``E`` would take half of every word."""
_MOST_PLACES = 2000
"""That are looked at for one secret in one text; none is quoted that often to explain anything."""
_ALPHANUMERIC = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Blots:
    """Texts that are replaced by ``…`` in every other text, in any case, and as URLs and JSON spell them."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._spellings: list[str] | None = None
        self.is_overfull = False
        """Whether there are too many secrets, or too long ones, to look for: nothing is shown then."""

    def add(self, secret: object) -> None:
        """Take note of a secret, text or number; anything else, and nothing but spaces, is ignored."""
        if self.is_overfull or isinstance(secret, bool) or not isinstance(secret, (str, int)):
            return
        text = str(secret).strip()
        if not text or text == BLOT or text in self._known:
            return
        self.is_overfull = len(text) > LONGEST_SECRET or len(self._known) == MOST_SECRETS
        self._known.add(text)
        self._spellings = None

    def add_authorization(self, header: str | None) -> None:
        """The same for the credential of an ``Authorization`` header, and what it is Base64 of."""
        scheme, _, rest = (header or "").strip().partition(" ")
        credential = rest.strip() or (scheme if scheme.lower() != "token" else "")
        self.add(credential)
        try:
            self.add(base64.b64decode(credential, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return

    def add_token(self, token: str | None) -> None:
        """The same for a token that we send, which some partners want in Base64."""
        if token:
            self.add(token)
            self.add(base64.b64encode(token.encode()).decode())

    def clean(self, text: str) -> str:
        """The text without the secrets; nothing of it if :attr:`is_overfull`, or if one stands in it too often."""
        if not self._known or not text:
            return text
        if self.is_overfull:
            return BLOT
        if self._spellings is None:
            self._spellings = sorted({_folded(each) for secret in self._known for each in _spelled(secret)})
        folded = _folded(text)
        spans: list[tuple[int, int]] = []
        for spelling in self._spellings:
            places = list(islice(_places(spelling, folded), _MOST_PLACES + 1))
            if len(places) > _MOST_PLACES:
                return BLOT
            found = ((place, place + len(spelling)) for place in places)
            spans += [span for span in found if len(spelling) >= _SHORT or _stands_alone(text, *span)]
        return _blotted(text, spans)


def _spelled(secret: str) -> tuple[str, str, str]:
    return secret, quote(secret, safe=""), secret.replace("/", r"\/")


def _places(spelling: str, folded: str) -> Iterator[int]:
    """Where a spelling stands, overlapping itself too."""
    place = folded.find(spelling)
    while place >= 0:
        yield place
        place = folded.find(spelling, place + 1)


def _stands_alone(text: str, begin: int, end: int) -> bool:
    return text[max(begin - 1, 0) : begin] not in _ALPHANUMERIC and text[end : end + 1] not in _ALPHANUMERIC


def _blotted(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with one blot for every span, or for several that overlap."""
    parts: list[str] = []
    done = 0
    for begin, end in sorted(spans):
        if begin >= done:
            parts += (text[done:begin], BLOT)
        done = max(done, end)
    return "".join(parts) + text[done:]


def _folded(text: str) -> str:
    """The text with characters that differ only by case made one: as many as there were, for places in it to count."""
    return text.lower() if text.isascii() else text.translate(_FOLDED)


class _Folding(dict[int, str]):
    """Upper case first, which alone knows that an i without a dot is an I, and a long s an S."""

    def __missing__(self, code: int) -> str:
        return chr(code).upper().casefold()[0]


_FOLDED = _Folding()
