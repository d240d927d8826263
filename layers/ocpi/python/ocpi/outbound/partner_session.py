"""Several calls to one partner, with its token as it wants to see it and within one deadline."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ocpi.exchanges.outbound import About
from ocpi.outbound.client import MAX_ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.answer import Answer
    from ocpi.outbound.client import PartnerClient, TokenEncoding
    from ocpi.store.port import Partner


@dataclass(slots=True)
class PartnerSession:
    """``encoding`` is the partner's setting ``token_encoding``; ``until`` is on the monotonic clock. ``partner`` is
    whom the exchange log names; there is none yet while we register. ``max_bytes`` bounds the body of an answer.
    """

    client: PartnerClient
    token: str = field(repr=False)
    encoding: str
    until: float
    partner: Partner | None
    learned: str | None = None
    before_each: Callable[[], None] = lambda: None
    max_bytes: int = MAX_ANSWER_BYTES

    @classmethod
    def within(
        cls,
        client: PartnerClient,
        token: str,
        *,
        seconds: float,
        encoding: str = "auto",
        partner: Partner | None = None,
        learned: str | None = None,
    ) -> Self:
        """A session to be used within so many seconds from now."""
        return cls(client, token, encoding, time.monotonic() + seconds, partner, learned)

    def wait_before_each(self, wait: Callable[[], None]) -> None:
        """Call ``wait`` before each request, whose time begins after it."""

        def wait_in_its_own_time() -> None:
            began = time.monotonic()
            wait()
            self.until += time.monotonic() - began

        self.before_each = wait_in_its_own_time

    def send(self, method: str, url: str, body: str | None = None, *, module: str | None = None) -> Answer:
        """The partner's answer, whatever it is; ``body`` is JSON text. ``module`` is as in
        :class:`~ocpi.exchanges.outbound.About`.

        Raises :class:`~ocpi.outbound.unreachable.PartnerUnreachable`. A request is repeated only when the partner
        does not take the token (401) and its setting is ``auto``: once, with the token as it was not tried before.
        """
        if self.encoding != "auto":
            return self._send_as("base64" if self.encoding == "base64" else "plain", method, url, body, module)
        first: TokenEncoding = "base64" if self.learned == "base64" else "plain"
        answer = self._send_as(first, method, url, body, module)
        if answer.http_status != 401:
            return answer
        # Some want the token in Base64 already in 2.1.1 (reading A-01); what works is kept for the next request.
        other: TokenEncoding = "plain" if first == "base64" else "base64"
        second = self._send_as(other, method, url, body, module)
        if second.http_status == 401:
            return answer
        self.learned = other
        return second

    def _send_as(self, encoding: TokenEncoding, method: str, url: str, body: str | None, module: str | None) -> Answer:
        self.before_each()
        return self.client.request(
            method,
            url,
            token=self.token,
            encoding=encoding,
            body=body,
            deadline=max(0.01, self.until - time.monotonic()),
            max_bytes=self.max_bytes,
            about=About(self.partner, module),
        )
