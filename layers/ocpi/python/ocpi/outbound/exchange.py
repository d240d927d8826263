"""One HTTP request and its answer over one connection of its own, to an address that was checked before.

The socket is opened here and handed to urllib3, which then neither resolves nor connects, follows no redirect
and knows no proxy, cookie or retry. A connection is not kept: a Lambda function is frozen between requests, and
a kept connection would break a request that must not be repeated. Who sends many requests in a row keeps them, see
:mod:`ocpi.outbound.kept_connections`.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError

from ocpi.outbound.deadline import Cut, Deadline, cut_at
from ocpi.outbound.unreachable import PartnerUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from urllib3.response import HTTPResponse

    from ocpi.outbound.address_guard import Target

_CHUNK_BYTES = 16_384
_ADDRESSES_TRIED = 4

# urllib3 would log the whole URL, query included, whenever a partner sends a malformed header line.
logging.getLogger("urllib3.connection").addFilter(lambda record: not str(record.msg).startswith("Failed to parse"))


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """Status, header fields in their order, and the body with its content coding removed."""

    status: int
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What goes out, complete. ``headers`` hold the partner's token, ``body`` may hold cards: never print them."""

    method: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


def exchange(
    target: Target, request: Request, *, deadline: Deadline, max_bytes: int, tls: Callable[[], ssl.SSLContext]
) -> RawAnswer:
    """Send the request and read the answer; raises :class:`PartnerUnreachable`.

    ``max_bytes`` bounds the body after decompression. ``tls`` gives the context and is called for https only.
    """
    with connect(target, deadline) as raw, cut_at(deadline, raw) as cut:
        if target.scheme == "http":
            return _converse(raw, target, request, deadline=deadline, max_bytes=max_bytes, cut=cut)
        with encrypt(raw, target, deadline, tls(), cut) as encrypted:
            return _converse(encrypted, target, request, deadline=deadline, max_bytes=max_bytes, cut=cut)


def connect(target: Target, deadline: Deadline) -> socket.socket:
    """A connection to the first checked address that takes one."""
    reason = "no address"
    addresses = target.addresses[:_ADDRESSES_TRIED]
    for tried, address in enumerate(addresses):
        # Each address gets its share of the time, so that one that swallows packets does not use it all.
        share = deadline.left() / (len(addresses) - tried)
        try:
            # Addresses are literals, so this resolves nothing.
            connection = socket.create_connection((address, target.port), timeout=share)
        except TimeoutError:
            reason = "no reply"
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    deadline.left()
    raise PartnerUnreachable("connect", f"no connection to {target.authority}: {reason}")


def encrypt(
    connection: socket.socket, target: Target, deadline: Deadline, context: ssl.SSLContext, cut: Cut
) -> ssl.SSLSocket:
    """TLS over the connection, with the certificate checked against the host that the URL names."""
    connection.settimeout(deadline.left())
    try:
        return context.wrap_socket(connection, server_hostname=target.host)
    except ssl.SSLCertVerificationError as error:
        failure = PartnerUnreachable("tls", f"the certificate of {target.authority}: {error.verify_message}")
    except (OSError, ValueError) as error:
        if cut.made or isinstance(error, TimeoutError):
            failure = deadline.missed()
        else:
            reason = getattr(error, "reason", None) or type(error).__name__
            failure = PartnerUnreachable("tls", f"no TLS with {target.authority}: {reason}")
    raise failure


def _converse(
    connection: socket.socket, target: Target, request: Request, *, deadline: Deadline, max_bytes: int, cut: Cut
) -> RawAnswer:
    """Send the request over an open connection and read the answer."""
    http = HTTPConnection(target.host, target.port, timeout=deadline.left())
    http.sock = connection
    http.auto_open = 0
    headers = {**request.headers, "Host": target.authority, "Connection": "close"}
    try:
        # A partner may refuse a long body before it has read all of it; its answer is there all the same.
        with contextlib.suppress(ConnectionError):
            http.request(request.method, target.path_and_query, request.body, headers, preload_content=False)
        with http.getresponse() as response:
            body = read_body(response, max_bytes)
            answer = RawAnswer(response.status, list(response.headers.iteritems()), body)
        failure = deadline.missed() if cut.made else None
    except (OSError, HTTPException, HTTPError, ValueError) as error:
        if cut.made or isinstance(error, (TimeoutError, UrllibTimeoutError)):
            failure = deadline.missed()
        else:
            failure = PartnerUnreachable("broken", f"the connection or the answer broke: {type(error).__name__}")
    finally:
        http.close()
    if failure is not None:
        # Raised out here because the error of the HTTP layers, which quotes what was sent and received, would
        # otherwise hang on as its context.
        raise failure
    return answer


def read_body(response: HTTPResponse, max_bytes: int) -> bytes:
    """The whole body; raises :class:`PartnerUnreachable` if it is longer than that, after decompression."""
    body = bytearray()
    while chunk := response.read(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise PartnerUnreachable("too_large", f"the answer has more than {max_bytes} bytes")
    return bytes(body)
