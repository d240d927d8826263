"""Reading a URL that a partner chose, strictly: one spelling, one meaning, before any name is resolved.

``urllib.parse`` follows no browser and drops tabs and newlines silently, so two programs may see two hosts in
one URL. Whatever could be read in two ways is refused here.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal
from urllib.parse import quote

MAX_URL_LENGTH = 4096
"""Characters. OCPI's URL type has 255; a ``Link`` with a cursor may be longer."""

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?")
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[1-9][0-9]{0,4}))?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_OTHER_DOTS = re.compile("[\u3002\uff0e\uff61]")

_PORTS_OF_OTHER_PROTOCOLS = frozenset(
    {7, 9, 13, 19, 20, 21, 22, 23, 25, 37, 53, 69, 79, 110, 111, 119, 123, 135, 137, 138, 139, 143, 161, 179}
    | {389, 445, 465, 512, 513, 514, 515, 587, 636, 873, 993, 995, 1433, 1521, 2049, 2375, 2376, 2379, 2380}
    | {3306, 3389, 5432, 5672, 5900, 6379, 11211, 27017}
    | {9001}  # the runtime API inside AWS Lambda
)


class RefusedAddress(Exception):
    """Nothing is sent to this URL. ``reason`` continues "the URL …" and never holds its query or userinfo."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the URL {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PartnerUrl:
    """The parts of a URL. ``host`` is lower case ASCII without a trailing dot, or an IP address without brackets;
    ``path_and_query`` starts with ``/`` and is ASCII.
    """

    scheme: Literal["https", "http"]
    host: str
    port: int
    path_and_query: str
    is_address: bool


def read_url(url: str, *, allow_http: bool) -> PartnerUrl:
    """The parts of an absolute URL, or :class:`RefusedAddress`. Resolves nothing and judges no address."""
    if len(url) > MAX_URL_LENGTH:
        raise RefusedAddress(f"is longer than {MAX_URL_LENGTH} characters")
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise RefusedAddress("holds whitespace, a backslash or a control character")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise RefusedAddress("is not absolute")
    scheme = _scheme(parts["scheme"].lower(), allow_http)
    if "@" in parts["authority"]:
        raise RefusedAddress("names a user")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise RefusedAddress("has no readable host and port")
    host, is_address = _address_v6(authority["v6"]) if authority["v6"] else _host(authority["name"])
    port = _port(authority["port"], 443 if scheme == "https" else 80)
    path = parts["rest"] if parts["rest"].startswith("/") else f"/{parts['rest']}"
    # Non-ASCII characters in a path go out as the UTF-8 that they stand for (RFC 3987, section 3.1).
    return PartnerUrl(scheme, host, port, quote(path, safe=string.punctuation), is_address)


def _scheme(scheme: str, allow_http: bool) -> Literal["https", "http"]:
    if scheme == "https":
        return "https"
    if scheme == "http" and allow_http:
        return "http"
    raise RefusedAddress("is not https")


def _port(digits: str | None, default: int) -> int:
    port = int(digits) if digits else default
    if port > 65535:
        raise RefusedAddress("has a port above 65535")
    if port in _PORTS_OF_OTHER_PROTOCOLS:
        raise RefusedAddress(f"has port {port}, where no HTTP is spoken")
    return port


def _address_v6(text: str) -> tuple[str, bool]:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise RefusedAddress("has an IPv6 address that is none") from None
    if address.compressed != text.lower():
        raise RefusedAddress("has an IPv6 address that is not in its shortest form")
    return address.compressed, True


def _host(text: str) -> tuple[str, bool]:
    """A DNS name in its ASCII form, or an IPv4 address in plain dotted form."""
    name = _to_ascii(text.removesuffix("."))
    labels = name.split(".")
    if not all(map(_LABEL.fullmatch, labels)) or len(name) > 253:
        raise RefusedAddress("has a host that is no DNS name")
    if _NUMBER.fullmatch(labels[-1]):
        # No top-level domain is a number, so resolvers take such a host for an address: 127.1, 0x7f000001, 0177.1
        try:
            return str(IPv4Address(name)), True
        except ValueError:
            raise RefusedAddress("has an IPv4 address in an odd form") from None
    return name, False


def _to_ascii(name: str) -> str:
    if name.isascii():
        return name.lower()
    if _OTHER_DOTS.search(name):
        raise RefusedAddress("has a host with a dot that is no full stop")
    return ".".join(map(_label_to_ascii, name.split(".")))


def _label_to_ascii(label: str) -> str:
    if label.isascii():
        return label.lower()
    try:
        encoded = label.encode("idna").decode("ascii")
    except UnicodeError:
        raise RefusedAddress("has a host that IDNA does not allow") from None
    # A label that turns into plain ASCII was ASCII in disguise: full-width digits, circled letters, soft hyphens.
    if not encoded.startswith("xn--"):
        raise RefusedAddress("has a host with look-alike characters")
    return encoded
