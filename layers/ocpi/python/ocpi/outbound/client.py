"""The HTTP client for partners. Everything that we send to a partner goes through it.

Cheap to import: TLS and HTTP are loaded at the first request.
"""

from __future__ import annotations

import base64
import copy
import threading
import time
import uuid
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal

from ocpi import __version__
from ocpi.outbound.address_guard import AddressGuard, PartnerUrl, RefusedAddress, Target, UnresolvedHost
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.deadline import Deadline
from ocpi.outbound.unreachable import PartnerUnreachable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from ocpi.exchanges.outbound import About
    from ocpi.exchanges.recorder import Recorder
    from ocpi.outbound.exchange import RawAnswer
    from ocpi.outbound.kept_connections import KeptConnections

__all__ = ["MAX_ANSWER_BYTES", "USER_AGENT", "PartnerClient", "PartnerUnreachable", "TokenEncoding"]

USER_AGENT = f"serverless-ocpi/{__version__}"
MAX_ANSWER_BYTES = 1_000_000
TokenEncoding = Literal["plain", "base64"]


class PartnerClient:
    """Calls partners, each request over a connection of its own; safe to share between threads.

    ``guard`` judges every URL. ``clock`` is monotonic, in seconds. ``tls`` replaces the trust of
    :func:`ocpi.outbound.trust.tls_context`, for partners with a certificate authority of their own. ``recorder``
    keeps the exchanges that are ``about`` a partner.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        user_agent: str = USER_AGENT,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._clock = clock
        self._tls = tls
        self._recorder = recorder
        self._kept: KeptConnections | None = None

    @contextmanager
    def keeping_connections(self) -> Iterator[PartnerClient]:
        """A client like this one whose connections serve one request after the other until the block ends. What was
        sent over one that turns out to be dead is sent again over a new one, but never a POST.
        """
        from ocpi.outbound.kept_connections import KeptConnections  # noqa: PLC0415 - few functions send that much

        kept = KeptConnections()
        keeping = copy.copy(self)
        keeping._kept = kept  # noqa: SLF001 - a copy of this very object
        try:
            yield keeping
        finally:
            kept.close()

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
        about: About | None = None,
    ) -> Answer:
        """The partner's answer, whatever its status; a redirect is an answer and not followed.

        ``token`` is what the partner issued, ``encoding`` how it wants to see it (2.1.1 section 3.1.3; base64 is
        later versions' and some partners' way); without one no ``Authorization`` is sent. ``body`` is JSON text, sent
        as UTF-8; ``headers`` go along. ``deadline`` is in seconds and bounds all, from resolving the host to the last
        byte; ``max_bytes`` bounds the body after decompression. ``about`` says whom it is for: without it, as for the
        operator's own systems, the exchange is not recorded.

        Raises :class:`PartnerUnreachable`. Nothing is repeated.
        """
        headers = {"X-Correlation-ID": str(uuid.uuid4()), **(headers or {})}

        def send() -> Answer:
            return self._send(method, url, token, encoding, body, headers, deadline, max_bytes)

        if about is None or self._recorder is None:
            return send()
        from ocpi.exchanges.outbound import Sent, observed  # noqa: PLC0415 - as below

        return observed(self._recorder, Sent(about, method, url, body, headers["X-Correlation-ID"], token), send)

    def _send(
        self,
        method: str,
        url: str,
        token: str | None,
        encoding: TokenEncoding,
        body: str | None,
        headers: Mapping[str, str],
        deadline: float,
        max_bytes: int,
    ) -> Answer:
        credential = None if token is None else encoded(token, encoding)
        payload = None if body is None else body.encode()
        until = Deadline(deadline, self._clock)
        send = self._way_to(url, until)
        from ocpi.outbound.exchange import Request  # noqa: PLC0415 - most invocations call nobody

        own = self._headers(credential, has_body=payload is not None)
        request = Request(method, {**own, **headers}, payload)
        raw = send(request, deadline=until, max_bytes=max_bytes, tls=self._tls_context)
        return Answer(raw.status, Headers(raw.headers), raw.body, secrets=tuple(filter(None, (token, credential))))

    def _way_to(self, url: str, until: Deadline) -> Callable[..., RawAnswer]:
        """What sends a request to a URL that may be called: over a connection of its own, or over one that is kept."""
        if self._kept is not None:
            return partial(self._kept.exchange, self._read(url), lambda: self._check(url, until))
        target = self._check(url, until)
        from ocpi.outbound.exchange import exchange  # noqa: PLC0415 - nothing of it is needed for a refused URL

        return partial(exchange, target)

    def _headers(self, credential: str | None, *, has_body: bool) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": self._user_agent,
            "X-Request-ID": str(uuid.uuid4()),
        }
        if credential is not None:
            headers["Authorization"] = f"Token {credential}"
        if has_body:
            headers["Content-Type"] = "application/json"
        return headers

    def _read(self, url: str) -> PartnerUrl:
        try:
            return self._guard.read(url)
        except RefusedAddress as error:
            failure = PartnerUnreachable("refused_address", f"the URL {error.reason}")
        raise failure

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
