"""What a partner answered, read as widely as partners write it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import quote

from ocpi import strict_json

_MESSAGE_CHARACTERS = 300
_SHORTEST_DECODED = 8
"""Characters. What is shorter is in Base64 by chance: no token is, and as one it would blot half of every text."""
_ESCAPE = re.compile("%[0-9A-F]{2}")
_NOT_JSON = "the body is not JSON"
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_FIELDS_BESIDE_THE_CODE = {"data", "status_message", "timestamp"}


class Headers(Mapping[str, str]):
    """Header fields by name in any case. A field that came several times is one, joined with ``, ``."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, str] = {}
        for name, value in fields:
            known = self._fields.get(name.lower())
            self._fields[name.lower()] = value if known is None else f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The OCPI layer of an answer (2.1.1 section 4). Without an envelope ``status_code`` is ``None`` and ``data`` is
    the body itself; ``data`` is ``None`` too when the body is empty or no JSON.
    """

    data: Any
    status_code: int | None
    status_message: str | None


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. ``body`` is decompressed. ``secrets`` are blotted out of every text made here, since some
    partners quote the token that they refuse.
    """

    http_status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def envelope(self) -> Envelope:
        """The envelope, or what stands in its place; never fails. Numbers with a fraction are ``Decimal``."""
        return self._reading[0]

    def problem(self, *, needs_data: bool = False) -> str | None:
        """In one sentence why this is no success, or ``None``.

        A success has a 2xx HTTP status, an OCPI status of 1000 to 1999 or no envelope, and JSON or an empty body;
        with ``needs_data`` also something in ``data``.
        """
        envelope, flaw = self._reading
        code = envelope.status_code
        if not 200 <= self.http_status < 300:
            return self._sentence(f"HTTP {self.http_status}" + ("" if code is None else f", OCPI {code}"))
        if code is not None and not 1000 <= code < 2000:
            return self._sentence(f"OCPI {code}")
        if flaw is not None:
            return f"HTTP {self.http_status}, but {self._clean(flaw)}"
        if needs_data and envelope.data is None:
            return f"HTTP {self.http_status}, but the answer holds no data"
        return None

    @property
    def is_cut_off(self) -> bool:
        """Whether the body begins as JSON does and is none."""
        return self._reading[1] == _NOT_JSON and self.body.lstrip()[:1] in (b"{", b"[")

    @property
    def is_page(self) -> bool:
        """Whether this is a page for people, as something in front of a partner shows it. Some frameworks say so of
        JSON, of plain text and of nothing as well: that is none.
        """
        media_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return media_type in _PAGES and self._reading[1] == _NOT_JSON and self.body.lstrip()[:1] == b"<"

    def excerpt(self, characters: int = 1000) -> str:
        """The start of the body as text for people, fit to be stored and shown."""
        return self._clean(self.body.decode("utf-8", "replace"), characters)

    @cached_property
    def _reading(self) -> tuple[Envelope, str | None]:
        """The envelope, and what is wrong with the body as JSON."""
        nothing = Envelope(None, None, None)
        if not self.body.strip():
            return nothing, None
        try:
            value = strict_json.read(self.body)
        except strict_json.BrokenJson:
            return nothing, _NOT_JSON
        except strict_json.RefusedJson as error:
            return nothing, f"the body is JSON that cannot be used: {error}"
        return _read_envelope(value)

    @cached_property
    def _spellings(self) -> list[str]:
        """How the secrets may be written, whichever way they were sent. Longest first: one may be a part of another."""
        known = {text for secret in self.secrets if secret for text in (secret, *_in_base64(secret)) if text}
        in_urls = {quote(text, safe="") for text in known}
        in_json = {text.replace("/", r"\/") for text in known}
        spelled = known | in_json | in_urls | {_ESCAPE.sub(lambda escape: escape[0].lower(), text) for text in in_urls}
        return sorted(spelled, key=len, reverse=True)

    def _sentence(self, beginning: str) -> str:
        message = self.envelope().status_message
        return f"{beginning}: {self._clean(message)}" if message else beginning

    def _clean(self, text: str, characters: int = _MESSAGE_CHARACTERS) -> str:
        for spelling in self._spellings:
            text = text.replace(spelling, "…")
        text = "".join(character if character.isprintable() else " " for character in text)
        text = re.sub(" +", " ", text).strip()
        return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _in_base64(secret: str) -> Iterator[str]:
    """A secret in Base64, with and without padding and as URLs have it, and the text that it is itself Base64 of."""
    yield secret.rstrip("=")
    yield from _encoded(secret)
    try:
        decoded = base64.b64decode(secret, validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        return
    if len(decoded) >= _SHORTEST_DECODED:
        yield decoded
        yield from _encoded(decoded)


def _encoded(text: str) -> Iterator[str]:
    for encoded in (base64.b64encode(text.encode()), base64.urlsafe_b64encode(text.encode())):
        yield encoded.decode("ascii")
        yield encoded.decode("ascii").rstrip("=")


def _read_envelope(value: Any) -> tuple[Envelope, str | None]:
    """An envelope has a ``status_code``, or ``data`` and nothing that an envelope has not."""
    if not isinstance(value, dict):
        return Envelope(value, None, None), None
    if "status_code" not in value and not ("data" in value and value.keys() <= _FIELDS_BESIDE_THE_CODE):
        return Envelope(value, None, None), None
    message = value.get("status_message")
    envelope = Envelope(
        value.get("data"), _status_code(value.get("status_code")), message if isinstance(message, str) else None
    )
    if envelope.status_code is None and value.get("status_code") is not None:
        return envelope, "its status_code is not a number"
    return envelope, None


def _status_code(value: Any) -> int | None:
    """1000 from ``1000``, ``1000.0`` and ``"1000"``; ``None`` from anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < 10**9 and value == value.to_integral_value():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r" *[0-9]{1,9} *", value):
        return int(value)
    return None
