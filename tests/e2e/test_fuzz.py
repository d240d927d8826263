"""A small share of the requests of ``tests/unit/fuzz`` over real HTTP: server, gateway and event between, too."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import httpx
from hypothesis import HealthCheck, Phase, given, settings

from local.answer import Answer
from tests.support.declared_routes import declared_routes
from tests.support.fuzzing.requests import requests
from tests.support.fuzzing.rules import check

if TYPE_CHECKING:
    from tests.support.fuzzing.requests import Thrown
    from tests.support.gateway import Gateway
    from tests.support.party import PlayedPartner

REQUESTS = 200
NOT_HTTP = frozenset({"host", "content-length", "content-encoding", "range"})
"""What would make another message of it, or is the client's own to say."""


def test_over_http_every_request_is_answered_in_the_right_form(
    shared_gateway: Gateway, cpo: PlayedPartner, emsp: PlayedPartner
) -> None:
    callers = {
        "operator": shared_gateway.operator_headers["Authorization"],
        "cpo": f"Token {cpo.token}",
        "emsp": f"Token {emsp.token}",
        "other": "Token unknown",
    }
    answers: Counter[int] = Counter()
    with httpx.Client(timeout=30) as client:

        @settings(
            max_examples=REQUESTS,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(requests(declared_routes(), callers))
        def thrown_at(thrown: Thrown) -> None:
            request = thrown.request
            if "credentials" in thrown.route:
                return  # it would end the registration that the others need
            if "partners/{id}" in thrown.route and request.method == "DELETE":
                return  # as above
            path = re.sub(rb"[^!-~]", lambda match: b"%%%02X" % ord(match[0]), request.raw_path.encode())
            headers = [
                (name.encode("latin-1"), value.encode("latin-1", "replace"))
                for name, value in request.headers
                if name.lower() not in NOT_HTTP and name.isascii() and not re.search(r"[\x00-\x1f]", value)
            ]
            raw = client.build_request(
                request.method, shared_gateway.url, headers=headers, content=request.body or None
            )
            raw.url = httpx.URL(shared_gateway.url).copy_with(
                raw_path=path.replace(b"?", b"%3F").replace(b"#", b"%23") + b"?" + request.raw_query.encode()
            )
            got = client.send(raw)
            assert got.status_code < 500 or got.status_code == 502, (thrown, got.text)
            if got.status_code == 400 and "Invalid HTTP request" in got.text:
                return  # the server's word: no HTTP came in
            check(thrown, Answer(got.status_code, tuple(got.headers.items()), got.content))
            answers[got.status_code] += 1

        thrown_at()
    assert answers.total() > REQUESTS / 2
    assert answers[200] > REQUESTS / 8
