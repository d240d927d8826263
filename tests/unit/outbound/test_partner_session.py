"""What a session asks of the client: token, encoding, time, and whom it is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from ocpi.exchanges.outbound import About
from ocpi.outbound import partner_session
from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.client import MAX_ANSWER_BYTES
from ocpi.outbound.partner_session import PartnerSession
from ocpi.store.port import Partner, PartnerStatus

if TYPE_CHECKING:
    from collections.abc import Callable

PARTNER = Partner("p-1", "EMSP", "Partner", PartnerStatus.REGISTERED, "2026-01-01T00:00:00Z")
URL = "https://partner.example/tokens"


@dataclass
class Client:
    """A partner that takes a token in these encodings only."""

    takes: tuple[str, ...] = ("plain",)
    asked: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200

    def request(self, method: str, url: str, **options: Any) -> Answer:
        self.asked.append({"method": method, "url": url, **options})
        status = self.status if options["encoding"] in self.takes else 401
        return Answer(status, Headers(), str(len(self.asked)).encode())

    @property
    def encodings(self) -> list[str]:
        return [each["encoding"] for each in self.asked]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(partner_session, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def session(client: Client, **options: Any) -> PartnerSession:
    return PartnerSession.within(cast("Any", client), "token-b", **{"seconds": 5, **options})


def test_a_request_goes_out_as_it_was_asked_for(clock: list[float]) -> None:
    client = Client()
    answer = session(client, partner=PARTNER).send("PUT", URL, '{"a":1}', module="credentials")
    assert answer.http_status == 200
    assert client.asked == [
        {
            "method": "PUT",
            "url": URL,
            "token": "token-b",
            "encoding": "plain",
            "body": '{"a":1}',
            "deadline": 5.0,
            "max_bytes": MAX_ANSWER_BYTES,
            "about": About(PARTNER, "credentials"),
        }
    ]


def test_a_request_needs_no_body_no_module_and_no_partner(clock: list[float]) -> None:
    client = Client()
    session(client).send("GET", URL)
    assert (client.asked[0]["body"], client.asked[0]["about"]) == (None, About(None, None))


def test_the_size_of_an_answer_is_the_sessions(clock: list[float]) -> None:
    client = Client()
    whole = session(client)
    whole.max_bytes = 77
    whole.send("GET", URL)
    assert client.asked[0]["max_bytes"] == 77


@pytest.mark.parametrize(
    ("encoding", "learned", "takes", "sent", "learns"),
    [
        ("plain", None, "plain", ["plain"], None),
        ("plain", "base64", "base64", ["plain"], "base64"),
        ("base64", None, "base64", ["base64"], None),
        ("base64", "plain", "plain", ["base64"], "plain"),
        ("auto", None, "plain", ["plain"], None),
        ("auto", None, "base64", ["plain", "base64"], "base64"),
        ("auto", "plain", "base64", ["plain", "base64"], "base64"),
        ("auto", "base64", "base64", ["base64"], "base64"),
        ("auto", "base64", "plain", ["base64", "plain"], "plain"),
        ("auto", None, "neither", ["plain", "base64"], None),
        ("auto", "base64", "neither", ["base64", "plain"], "base64"),
    ],
)
def test_a_token_is_shown_as_set_or_as_learned_and_in_the_other_way_once_if_that_is_left_to_us(
    clock: list[float], encoding: str, learned: str | None, takes: str, sent: list[str], learns: str | None
) -> None:
    client = Client((takes,))
    asking = session(client, encoding=encoding, learned=learned)
    answer = asking.send("POST", URL, "{}", module="credentials")
    assert client.encodings == sent
    assert asking.learned == learns
    taken = sent[-1] == takes
    assert (answer.http_status, answer.body) == ((200, str(len(sent)).encode()) if taken else (401, b"1"))
    first = client.asked[0]
    assert (first["method"], first["url"], first["body"], first["about"].module) == ("POST", URL, "{}", "credentials")
    # The second is the first but for the token.
    assert [{**each, "encoding": None} for each in client.asked] == [{**first, "encoding": None}] * len(sent)


def test_what_was_learned_is_how_the_next_request_begins(clock: list[float]) -> None:
    client = Client(("base64",))
    asking = session(client)
    asking.send("GET", URL)
    asking.send("GET", URL)
    assert client.encodings == ["plain", "base64", "base64"]


@pytest.mark.parametrize("status", [400, 402, 403, 404, 500])
def test_no_other_refusal_is_taken_for_one_of_the_token(clock: list[float], status: int) -> None:
    client = Client(status=status)
    assert session(client).send("GET", URL).http_status == status
    assert client.encodings == ["plain"]


def test_all_requests_share_the_time_and_the_last_still_gets_a_hundredth_of_a_second(clock: list[float]) -> None:
    client = Client()
    asking = session(client, seconds=5)
    for clock[0] in (1000.0, 1003.5, 1005.0, 1009.0):
        asking.send("GET", URL)
    assert [each["deadline"] for each in client.asked] == [5.0, 1.5, 0.01, 0.01]


def test_waiting_before_each_request_is_not_of_its_time(clock: list[float]) -> None:
    def wait_for(seconds: float) -> Callable[[], None]:
        def wait() -> None:
            clock[0] += seconds

        return wait

    client = Client(("base64",))
    asking = session(client, seconds=5)
    asking.wait_before_each(wait_for(100))
    asking.send("GET", URL)
    assert [each["deadline"] for each in client.asked] == [5.0, 5.0]
    assert clock == [1200.0]
