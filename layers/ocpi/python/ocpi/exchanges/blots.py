"""What must not be read in the log, and making it unreadable wherever it stands."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import quote

BLOT = "…"
_SHORT = 4
"""Characters. A shorter secret is blotted only where it stands alone: an ``E`` would take half of every word."""


class Blots:
    """Texts that are replaced by ``…`` in every other text, in any case, and as URLs and JSON spell them."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: object) -> None:
        """Take note of a secret, text or number; anything else, and nothing but spaces, is ignored."""
        if isinstance(secret, bool) or not isinstance(secret, (str, int)):
            return
        text = str(secret).strip()
        if text and text != BLOT and text not in self._known:
            self._known.add(text)
            self._pattern = None

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
        """The text without the secrets."""
        if not self._known:
            return text
        if self._pattern is None:
            self._pattern = _pattern(self._known)
        return self._pattern.sub(BLOT, text)


def _pattern(secrets: set[str]) -> re.Pattern[str]:
    spellings = {spelling for text in secrets for spelling in (text, quote(text, safe=""), text.replace("/", r"\/"))}
    # Longest first: one secret may be a part of another.
    ordered = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(map(_one, ordered)), re.IGNORECASE)


def _one(spelling: str) -> str:
    escaped = re.escape(spelling)
    return escaped if len(spelling) >= _SHORT else rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])"
