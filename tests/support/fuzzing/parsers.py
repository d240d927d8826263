"""What reads a text that anybody may send, each with all that must hold of it whatever the text: it raises what its
docstring says and nothing else, and what it makes of a text it makes of its own writing, too.

Each takes bytes, as a coverage-guided fuzzer has them, and raises :class:`AssertionError`, or whatever it was not to
raise.
"""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlencode

from ocpi import strict_json
from ocpi.delivery.pauses import LONGEST_ASKED_SECONDS, asked_pause
from ocpi.errors import BadCursor, BadParameter, Unauthorized, WrongMediaType
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.partner_url import RefusedAddress, read_url
from ocpi.pull.link import MalformedLink, next_link
from ocpi.pull.page import PageFailed, read_page
from ocpi.store.port import Grant, PartnerStatus
from ocpi.times import ceil_second, normalise, parse_instant, to_wire
from ocpi.transport.authentication import authenticate, token_hash
from ocpi.transport.cursor import read_cursor, write_cursor
from ocpi.transport.message import Call
from ocpi.transport.paging import MAX_LIMIT, Paging, read_paging

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = b"a key of 32 bytes, as stores have"
LIST = "reader|own/locations||"
TOKEN = "ocpi_c-0123456789abcdef"
BASE = "https://partner.example/ocpi/cdrs?limit=2"
NOW = 1_780_000_000.0


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def times(data: bytes) -> None:
    """``DateTime``."""
    text = _text(data)
    try:
        canonical = normalise(text)
    except ValueError as error:
        assert len(text) <= 20 or text not in str(error)  # noqa: PT017 - what it gives as an example may be a part of it
        for other in (parse_instant, ceil_second):
            assert _refuses(other, text, ValueError)
        return
    instant = parse_instant(text)
    assert normalise(canonical) == canonical == to_wire(instant)
    assert len(canonical) == 20
    assert canonical <= ceil_second(text) <= "9999-12-31T23:59:59Z"
    assert parse_instant(canonical) == instant.replace(microsecond=0)


def cursors(data: bytes) -> None:
    """A cursor of ours, in any spelling; and one made here, one byte of which is changed."""
    text = _text(data)
    try:
        position, offset = read_cursor(KEY, LIST, text)
    except BadCursor:
        pass
    else:
        assert write_cursor(KEY, LIST, position, offset) == text
    position = data.decode("utf-8", "replace")
    cursor = write_cursor(KEY, LIST, position, len(data))
    assert read_cursor(KEY, LIST, cursor) == (position, len(data))
    for key, name, other in (
        (KEY[::-1], LIST, cursor),
        (KEY, LIST + "x", cursor),
        (KEY, LIST, cursor + "="),
        (KEY, LIST, cursor[: len(data) % len(cursor)]),
    ):
        assert _refuses(partial(read_cursor, key, name), other, BadCursor)


def paging(data: bytes) -> None:
    """The query of a list."""
    query = dict(parse_qsl(data.decode("latin-1"), keep_blank_values=True))
    try:
        read = read_paging(query)
    except BadParameter as error:
        assert error.name in query  # noqa: PT017 - anything else ends this
        return
    assert 0 <= read.offset < 2**63
    assert 1 <= read.limit <= MAX_LIMIT
    written = {name: getattr(read, name) for name in Paging.__dataclass_fields__ if getattr(read, name) is not None}
    assert read_paging(dict(parse_qsl(urlencode(written), keep_blank_values=True))) == read


def authorizations(data: bytes) -> None:
    """``Authorization``: it opens if the token is in it, plain or in Base64, and never otherwise."""
    header = data.decode("latin-1")
    scheme, _, shown = header.strip().partition(" ")
    try:
        caller = authenticate(cast("Any", _PARTNERS), header, our_role="CPO")
    except Unauthorized:
        assert not (scheme.lower() == "token" and shown.strip() == TOKEN)
        return
    assert caller.token == TOKEN
    assert scheme.lower() == "token"
    decoded = base64.b64decode(shown.strip() + "==") if shown.strip() != TOKEN else TOKEN.encode()
    assert decoded.decode().strip() == TOKEN


def content_types(data: bytes) -> None:
    """``Content-Type`` of a request."""
    declared = data.decode("latin-1")
    call = Call("PUT", "/x", {}, {}, {"content-type": declared}, b"{}", "")
    kind = declared.partition(";")[0].strip().lower()
    fits = kind in ("", "application/json") or kind.endswith("+json")
    assert _refuses(lambda _: call.check_body(("application/json",)), "", WrongMediaType) is not fits


def links(data: bytes) -> None:
    """``Link`` of a partner's page."""
    for header in (data.decode("latin-1"), f'<{data.decode("latin-1")}>; rel="next"'):
        try:
            url = next_link(header, BASE)
        except MalformedLink:
            continue
        if url is not None and not any(character in '<>"' or character.isspace() for character in url):
            assert next_link(f'<{url}>; rel="next"', BASE) == url


def pauses(data: bytes) -> None:
    """``Retry-After``."""
    seconds = asked_pause(data.decode("latin-1"), NOW)
    assert 0 <= seconds <= LONGEST_ASKED_SECONDS
    assert asked_pause(str(int(seconds)), NOW) == int(seconds)


def json(data: bytes) -> None:
    """A body."""
    try:
        value = strict_json.read(data)
    except (strict_json.BrokenJson, strict_json.RefusedJson):
        return
    written = strict_json.write(value)
    assert strict_json.read(written) == value
    assert strict_json.write(strict_json.read(written)) == written
    written.encode()


def urls(data: bytes) -> None:
    """A URL that a partner chose."""
    try:
        read = read_url(_text(data), allow_http=True)
    except RefusedAddress:
        return
    assert read.host.isascii()
    assert read.host == read.host.lower()
    assert 0 < read.port < 65_536
    assert read.path_and_query.startswith("/")
    assert read.path_and_query.isascii()
    assert not any(character.isspace() for character in read.path_and_query)


def pages(data: bytes) -> None:
    """A partner's page: a byte for its status, then its headers up to an empty line, and its body."""
    head, _, body = data[1:].partition(b"\n\n")
    fields = [line.partition(":")[::2] for line in head.decode("latin-1").split("\n")]
    status = (200, 200, 206, 204, 301, 400, 404, 429, 500, 503)[data[0] % 10 if data else 0]
    try:
        page = read_page(Answer(status, Headers(fields), body), BASE, "cdrs", NOW)
    except PageFailed as error:
        assert 0 <= error.wait <= LONGEST_ASKED_SECONDS  # noqa: PT017 - anything else ends this
        return
    assert page.total is None or page.total >= 0
    assert page.limit is None or page.limit >= 0
    assert page.next is None or page.flaw is None


def _refuses(read: Callable[[str], object], text: str, error: type[Exception]) -> bool:
    try:
        read(text)
    except error:
        return True
    return False


class _Partners:
    """One partner with one token."""

    def grant(self, hashed: str) -> Grant | None:
        return Grant(hashed, "p", "registered") if hashed == token_hash(TOKEN) else None

    def get(self, _partner_id: str) -> Any:
        hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
        return SimpleNamespace(
            id="p", role="EMSP", status=PartnerStatus.REGISTERED, grants=(hashed,), last_seen_at="9999-01-01T00:00:00Z"
        )


_PARTNERS = _Partners()

PARSERS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "times": (
        times,
        (
            b"2024-03-05T10:11:12Z",
            b"2024-03-05T10:11:12.123456789+02:00",
            b"9999-12-31T23:59:59.9-23:59",
            b"1970-01-01T00:00:00",
        ),
    ),
    "cursors": (cursors, (write_cursor(KEY, LIST, "2024#l-1", 7).encode(), b"", b"AAAA", b"____")),
    "paging": (
        paging,
        (b"limit=10&offset=5", b"date_from=2024-03-05T10:11:12.5%2B02:00&date_to=2024", b"cursor=x&limit=0"),
    ),
    "authorizations": (
        authorizations,
        (
            f"Token {TOKEN}".encode(),
            b"Token " + base64.b64encode(TOKEN.encode()),
            f"token  {TOKEN} ".encode(),
            b"Bearer x",
        ),
    ),
    "content_types": (content_types, (b"application/json; charset=utf-8", b"text/html", b"application/x+json")),
    "links": (
        links,
        (
            b'<https://p.example/x?a=1,2;b>; rel="next"',
            b'</x>; rel=prev, <?y>; title="a\\"b"; rel=\'last next\'',
            b"https://p.example/2; rel=next",
        ),
    ),
    "pauses": (
        pauses,
        (
            b"120",
            b"Wed, 21 Oct 2026 07:28:00 GMT",
            b"Wed, 21 Oct 0000 07:28:00 -0000",
            b"Wednesday, 21-Oct-26 07:28:00 GMT",
        ),
    ),
    "json": (
        json,
        (
            b'{"a":[1,-0.0,1e5,"\\ud83d\\udd0c",null],"b":{"c":true}}',
            b"\xef\xbb\xbf[1E400]",
            b'{"a":1,"a":2}',
            b"[[[[]]]]",
        ),
    ),
    "urls": (
        urls,
        (b"https://partner.example:8443/ocpi?a=b#c", b"http://[::1]/x", b"https://0x7f.1/", b"https://a@b.example"),
    ),
    "pages": (
        pages,
        (
            b'0Link: <https://p.example/2>; rel="next"\nX-Total-Count: 3\n\n{"data":[{"id":"1"},{"id":1e999}]}',
            b"7Retry-After: 120\n\n",
            b'0\n\n{"data":{"cdrs":[{"id":"\\ud800"}]},"status_code":"1000"}',
        ),
    ),
}
"""Each parser, and texts to begin with."""
