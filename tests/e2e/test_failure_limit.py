"""Failed authentication over real HTTP: how often, what then, and that a right token always passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.answers import problem
from tests.support.envelope import refused
from tests.support.gateway import running_gateway
from tests.support.party import Operator, PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.gateway import Gateway

MOST = 5
WRONG = "a-token-that-nobody-was-given"


@pytest.fixture(scope="module")
def limited() -> Iterator[Gateway]:
    with running_gateway(environ={"OCPI_FAILED_AUTHENTICATIONS": str(MOST)}) as gateway:
        yield gateway


def until_429(call: Callable[[], httpx.Response]) -> tuple[list[int], httpx.Response]:
    """The statuses before, and the first answer that is 429. A window may end meanwhile, once."""
    before: list[int] = []
    for _ in range(2 * MOST + 2):
        answer = call()
        if answer.status_code == 429:
            return before, answer
        before.append(answer.status_code)
    raise AssertionError(f"never 429: {before}")


def test_failures_of_an_address_end_in_429_and_a_right_token_from_there_passes(limited: Gateway) -> None:
    with Operator(limited) as operator, PlayedPartner("EMSP", "DE", "LIM") as partner:
        partner.register(operator.invite("EMSP"))
        locations = partner.endpoint("locations")
        numbers = iter(range(100))

        def fail() -> httpx.Response:
            # Every time another token, and another address as far as headers say.
            chosen = {"X-Forwarded-For": f"198.51.100.{next(numbers)}", "Forwarded": "for=198.51.100.1"}
            return partner.get(locations, token=f"{WRONG}-{next(numbers)}", headers=chosen)

        before, over = until_429(fail)
        assert set(before) <= {401}
        assert refused(over, 429, 2000)
        assert 1 <= int(over.headers["Retry-After"]) <= 60
        assert "WWW-Authenticate" not in over.headers

        assert partner.get(locations).status_code == 200
        wrong_key = {"Authorization": f"Bearer {WRONG}"}
        _, over = until_429(lambda: httpx.get(f"{limited.url}/operator/partners", headers=wrong_key))
        problem(over, 429)
        assert 1 <= int(over.headers["Retry-After"]) <= 60
        _, over = until_429(lambda: httpx.get(f"{limited.url}/operator/no/such/path"))
        problem(over, 429)
        assert operator.get("/party").status_code == 200

        logged = operator.get("/exchanges", params={"limit": 1000}).json()["items"]
        statuses = [entry["http_status"] for entry in logged]
        assert statuses.count(401) <= 2 * MOST
        assert 429 not in statuses
    assert "too many failed authentications" in limited.output()
    assert WRONG not in limited.output()


def test_without_a_setting_a_laptop_refuses_no_test_of_refusals(gateway: Gateway) -> None:
    with httpx.Client(headers={"Authorization": f"Token {WRONG}"}) as client:
        statuses = {client.get(f"{gateway.url}/ocpi/cpo/versions").status_code for _ in range(100)}
    assert statuses == {401}
