"""Where a request about one of our objects goes at a partner."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ocpi.outbound.trailing_slash import with_slash
from ocpi.registration.partner_api import endpoint_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.store.port import Partner
    from ocpi.v2_1_1.pushes import PushRequest


def request_url(partner: Partner, party: Sequence[str], module: str, request: PushRequest, slash: str) -> str:
    """The partner's endpoint, our country code and party id (``party``, empty for what is looked up without), and the
    segments of the request, its slash at the end as ``slash`` (``keep``, ``add``, ``strip``) has it. What is POSTed
    goes to the endpoint itself.
    """
    endpoint = str(endpoint_url(partner.endpoints, module))
    if not request.segments:
        return with_slash(endpoint, slash)
    url = "/".join([endpoint.rstrip("/"), *map(_segment, (*party, *request.segments))])
    return with_slash(url, slash) + (f"?{request.query}" if request.query else "")


def _segment(text: str) -> str:
    """A path segment as it stands in a URL; ``.`` and ``..`` are not to be taken for steps."""
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")
