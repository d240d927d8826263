"""The ``Link`` header of a page: where the next one is (OCPI 2.1.1 section 3.1.3.1, RFC 8288)."""

from __future__ import annotations

import re
from urllib.parse import urljoin

_LINK = re.compile(r"<(?P<url>[^<>]*)>(?P<parameters>(?:[^,\"]|\"(?:[^\"\\]|\\.)*\")*)")
_BARE = re.compile(r"\s*(?P<url>[^\s<>;,\"]+)\s*(?P<parameters>;.*)")
_PARAMETER = re.compile(r";\s*(?P<name>[^\s=;,\"']+)\s*(?:=\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s;,\"']+))?")


class MalformedLink(Exception):
    """The header speaks of a next page, and where that is cannot be read."""


def next_link(header: str | None, base: str) -> str | None:
    """The absolute URL of the next page; ``None`` if there is none.

    ``base`` is the URL of this page: some partners send relative links. Other relations are ignored, angle brackets
    that are missing and single quotes are forgiven. Raises :class:`MalformedLink`.
    """
    if header is None or not header.strip():
        return None
    found = list(_LINK.finditer(header))
    bare = _BARE.fullmatch(header)
    if not found and bare is not None:
        found = [bare]
    for link in found:
        if "next" in _relations(link["parameters"]):
            return _absolute(base, link["url"].strip())
    if not found or (len(found) == 1 and not _relations(found[0]["parameters"])):
        raise MalformedLink("the Link header cannot be read")
    return None


def _relations(parameters: str) -> list[str]:
    """The relation types of a link, in lower case; there may be several in its first ``rel``, and no other counts
    (RFC 8288 section 3.3).
    """
    # One after the other, as what is in quotes may look like a parameter.
    for parameter in _PARAMETER.finditer(parameters):
        if parameter["name"].lower() == "rel":
            return (parameter["value"] or "").strip("\"'").lower().split()
    return []


def _absolute(base: str, url: str) -> str:
    try:
        absolute = urljoin(base, url)
    except ValueError:
        absolute = ""
    if not url or not absolute:
        raise MalformedLink("the Link header holds no URL that can be read")
    return absolute
