"""Whether a URL is one of our own: who names one of those has us call ourselves.

A custom domain may hold others beside us, at other paths, and those may be partners. But what stands in front of a
function decodes and shortens paths before it compares them, each in its own way, so a path at our own host is
another's only if it can be read in one way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from ocpi.outbound.partner_url import PartnerUrl

_SLASHES = re.compile(r"[/\\]+")


def may_be_below(own: PartnerUrl, there: PartnerUrl) -> bool:
    """Whether a URL is below our own (host, port and path), or may be. An address of API Gateway is of one API, so at
    ours every stage is ours.
    """
    if (there.host, there.port) != (own.host, own.port):
        return False
    if ".execute-api." in own.host:
        return True
    ours, theirs = _segments(own), _segments(there)
    return ours is None or theirs is None or theirs[: len(ours)] == ours


def _segments(url: PartnerUrl) -> list[str] | None:
    """The segments of a path, decoded once, without empty ones, parameters and case; ``None`` for a path that may lead
    elsewhere than it says: with dots for segments, control characters, or escapes that are left after decoding.
    """
    path = unquote(url.path_and_query.partition("?")[0])
    if "%" in path or not path.isprintable():
        return None
    segments = [segment.partition(";")[0].casefold() for segment in _SLASHES.split(path)]
    return None if {".", ".."} & set(segments) else list(filter(None, segments))
