"""The one error of a call to a partner that brought no answer."""

from __future__ import annotations

from typing import Literal

Kind = Literal["refused_address", "dns", "connect", "tls", "timeout", "too_large", "broken"]


class PartnerUnreachable(Exception):
    """A call brought no usable HTTP answer. ``kind`` says where it ended; ``detail`` is one sentence for people
    and never holds a token or the query of the URL.

    ``refused_address``: nothing was sent, and repeating cannot mend it. ``dns``, ``connect``, ``tls``: nothing of
    the request was sent. ``timeout``, ``too_large``, ``broken``: the partner may have acted on the request.
    """

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: Kind = kind
        self.detail = detail
