"""The HTTP client for partners. Everything that we send to a partner goes through it.

Cheap to import: TLS and HTTP are loaded at the first request.
"""

from __future__ import annotations

import base64
import threading
import time
import uuid
from typing import TYPE_CHECKING, Literal

from ocpi import __version__
from ocpi.outbound.address_guard import AddressGuard, RefusedAddress, Target, UnresolvedHost
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.deadline import Deadline
from ocpi.outbound.unreachable import PartnerUnreachable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

__all__ = ["MAX_ANSWER_BYTES", "USER_AGENT", "PartnerClient", "PartnerUnreachable", "TokenEncoding"]

USER_AGENT = f"serverless-ocpi/{__version__}"
MAX_ANSWER_BYTES = 1_000_000
TokenEncoding = Literal["plain", "base64"]


class PartnerClient:
    """Calls partners, each request over a connection of its own; safe to share between threads.

    ``guard`` judges every URL. ``clock`` is monotonic, in seconds. ``tls`` replaces the trust of
    :func:`ocpi.outbound.trust.tls_context`, for partners with a certificate authority of their own.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        user_agent: str = USER_AGENT,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._clock = clock
        self._tls = tls

    def may_call(self, url: str) -> bool:
        """Whether a URL may be called as far as can be told without resolving its host."""
        try:
            self._guard.read(url)
        except RefusedAddress:
            return False
        return True

    def request(
        self,
        method: str,
        url: str,
        *,
        token: str | None,
        encoding: TokenEncoding = "plain",
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """The partner's answer, whatever its status; a redirect is an answer and not followed.

        ``token`` is what the partner issued, ``encoding`` how it wants to see it (2.1.1 section 3.1.3; base64 is
        later versions' and some partners' way); without one no ``Authorization`` is sent. ``body`` is JSON text, sent
        as UTF-8; ``headers`` go along. ``deadline`` is in seconds and bounds all, from resolving the host to the last
        byte; ``max_bytes`` bounds the body after decompression.

        Raises :class:`PartnerUnreachable`. Nothing is repeated.
        """
        credential = None if token is None else encoded(token, encoding)
        payload = None if body is None else body.encode()
        until = Deadline(deadline, self._clock)
        target = self._check(url, until)
        from ocpi.outbound.exchange import Request, exchange  # noqa: PLC0415 - most invocations call nobody

        own = self._headers(credential, has_body=payload is not None)
        request = Request(method, {**own, **(headers or {})}, payload)
        raw = exchange(target, request, deadline=until, max_bytes=max_bytes, tls=self._tls_context)
        return Answer(raw.status, Headers(raw.headers), raw.body, secrets=tuple(filter(None, (token, credential))))

    def _headers(self, credential: str | None, *, has_body: bool) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": self._user_agent,
            "X-Request-ID": str(uuid.uuid4()),
            "X-Correlation-ID": str(uuid.uuid4()),
        }
        if credential is not None:
            headers["Authorization"] = f"Token {credential}"
        if has_body:
            headers["Content-Type"] = "application/json"
        return headers

    def _check(self, url: str, until: Deadline) -> Target:
        """As :meth:`AddressGuard.check`, within the deadline: a resolver cannot be interrupted, only left behind."""
        found: list[Target | Exception] = []

        def check() -> None:
            try:
                found.append(self._guard.check(url))
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                found.append(error)

        resolving = threading.Thread(target=check, daemon=True)
        resolving.start()
        resolving.join(until.left())
        if not found:
            raise until.missed()
        match found[0]:
            case Target() as target:
                return target
            case UnresolvedHost(reason=reason):
                raise PartnerUnreachable("dns", f"the URL {reason}")
            case RefusedAddress(reason=reason):
                raise PartnerUnreachable("refused_address", f"the URL {reason}")
            case error:
                raise error

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            from ocpi.outbound.trust import tls_context  # noqa: PLC0415 - loaded at the first https request

            self._tls = tls_context()
        return self._tls


def encoded(token: str, encoding: TokenEncoding) -> str:
    """The token as it stands after ``Token`` in the header.

    Raises :class:`PartnerUnreachable` of kind ``broken`` for one that no header can carry as it is.
    """
    if encoding == "base64":
        return base64.b64encode(token.encode()).decode("ascii")
    if not token.isascii() or not token.isprintable() or not token.strip():
        raise PartnerUnreachable("broken", "the token is empty or holds characters that no header can carry")
    return token
