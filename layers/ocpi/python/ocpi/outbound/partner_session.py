"""Several calls to one partner, with its token as it wants to see it and within one deadline."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from ocpi.outbound.client import PartnerClient, TokenEncoding


@dataclass(slots=True)
class PartnerSession:
    """``encoding`` is the partner's setting ``token_encoding``; ``until`` is on the monotonic clock."""

    client: PartnerClient
    token: str
    encoding: str
    until: float

    @classmethod
    def within(cls, client: PartnerClient, token: str, *, seconds: float, encoding: str = "auto") -> Self:
        """A session to be used within so many seconds from now."""
        return cls(client, token, encoding, time.monotonic() + seconds)

    def send(self, method: str, url: str, body: str | None = None) -> Answer:
        """The partner's answer, whatever it is; ``body`` is JSON text.

        Raises :class:`~ocpi.outbound.unreachable.PartnerUnreachable`. A request is repeated only when the partner
        does not take the token (401), once, with the token in Base64.
        """
        encoding: TokenEncoding = "base64" if self.encoding == "base64" else "plain"
        answer = self._send_as(encoding, method, url, body)
        if answer.http_status == 401 and self.encoding == "auto":
            # Some want the token in Base64 already in 2.1.1 (reading A-01); what works is kept for the next request.
            second = self._send_as("base64", method, url, body)
            if second.http_status != 401:
                self.encoding = "base64"
                return second
        return answer

    def _send_as(self, encoding: TokenEncoding, method: str, url: str, body: str | None) -> Answer:
        return self.client.request(
            method,
            url,
            token=self.token,
            encoding=encoding,
            body=body,
            deadline=max(0.01, self.until - time.monotonic()),
        )
