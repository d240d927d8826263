"""How often a source may fail to authenticate, and what that costs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import TooManyFailures
from ocpi.observability import logger
from ocpi.settings import settings
from ocpi.store.port import Grant, Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.transport import failure_limit
from ocpi.transport.authentication import token_hash
from ocpi.transport.envelope import success
from ocpi.transport.failure_limit import WINDOW_SECONDS, FailureLimit, source_of
from ocpi.transport.message import Answer, Call
from ocpi.transport.ocpi_surface import OcpiResource, OcpiSurface
from ocpi.transport.operator_surface import OperatorResource, OperatorSurface, answer_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.failures import Failures

TOKEN, KEY = "token-c", "an operator key of good length"
MINUTE = 1_800_000_000


class CountingFailures:
    """Of one process, and of the others as far as ``counted`` tells."""

    def __init__(self) -> None:
        self.counted: dict[tuple[str, int], int] = {}
        self.calls = 0

    def count(self, source: str, until: int, *, most: int) -> bool:
        self.calls += 1
        before = self.counted.get((source, until), 0)
        if before < most:
            self.counted[source, until] = before + 1
        return before < most


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    variables = {"COUNTRY_CODE": "NL", "PARTY_ID": "EXA", "STORE": "sqlite:x", "VAULT": "keyfile:x"}
    for name, value in {**variables, "FAILED_AUTHENTICATIONS": "3"}.items():
        monkeypatch.setenv(f"OCPI_{name}", value)
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    # No window ends while a test runs.
    monkeypatch.setattr(failure_limit, "WINDOW_SECONDS", 10**10)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "ocpi.db")
    hashed = token_hash(TOKEN)
    partner = Partner("p-1", "EMSP", "Partner", PartnerStatus.REGISTERED, "2024-05-01T00:00:00Z", grants=(hashed,))
    opened.partners.save(PartnerChange(partner, None, put_grants=(Grant(hashed, partner.id, "registered"),)))
    yield opened
    opened.close()


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_limit, "WINDOW_SECONDS", WINDOW_SECONDS)


def outcomes(limit: FailureLimit, address: str, times: int) -> list[int]:
    """Of each failure 0, or after how many seconds to come again."""
    found = []
    for _ in range(times):
        try:
            limit.count(address)
        except TooManyFailures as error:
            found.append(error.retry_after)
        else:
            found.append(0)
    return found


def test_after_the_most_a_source_has_to_wait_for_the_next_window(minute: None) -> None:
    now = [MINUTE + 12.3]
    limit = FailureLimit(CountingFailures(), 3, clock=lambda: now[0])
    assert outcomes(limit, "192.0.2.1", 5) == [0, 0, 0, 48, 48]
    assert outcomes(limit, "192.0.2.2", 1) == [0]
    now[0] = MINUTE + 59.999
    assert outcomes(limit, "192.0.2.1", 1) == [1]
    now[0] = MINUTE + 60
    assert outcomes(limit, "192.0.2.1", 4) == [0, 0, 0, 60]


def test_a_process_asks_the_store_no_more_once_it_knows(minute: None) -> None:
    failures = CountingFailures()
    processes = [FailureLimit(failures, 3, clock=lambda: MINUTE + 0.0) for _ in range(2)]
    assert outcomes(processes[0], "192.0.2.1", 100) == [0, 0, 0, *[60] * 97]
    assert outcomes(processes[1], "192.0.2.1", 100) == [60] * 100
    assert failures.calls == 3 + len(processes)


def test_what_a_process_remembers_is_bounded(minute: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_limit, "MOST_REMEMBERED", 10)
    limit = FailureLimit(CountingFailures(), 1, clock=lambda: MINUTE + 0.0)
    for number in range(35):
        assert outcomes(limit, f"192.0.2.{number}", 2) == [0, 60]
    assert len(limit._over) <= 10


def test_without_a_limit_nothing_is_counted() -> None:
    failures = CountingFailures()
    assert outcomes(FailureLimit(failures, 0), "192.0.2.1", 50) == [0] * 50
    assert failures.calls == 0


class BrokenFailures:
    """A database that does not answer."""

    def count(self, source: str, until: int, *, most: int) -> bool:
        raise TimeoutError("of the database")


def test_a_failure_that_cannot_be_counted_is_a_failure_all_the_same() -> None:
    assert outcomes(FailureLimit(BrokenFailures(), 1), "192.0.2.1", 3) == [0, 0, 0]


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("test-invoke-source-ip", "unknown"),
        ("1.2.3.4, 5.6.7.8", "unknown"),
    ],
)
def test_who_has_a_network_to_choose_addresses_from_is_one_source(address: str, source: str) -> None:
    assert source_of(address) == source


def test_the_log_names_the_source_once_and_shows_no_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: SQLiteStore
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "stack")
    lines: list[tuple[str, dict[str, Any]]] = []
    for level in ("info", "warning"):
        monkeypatch.setattr(logger, level, lambda message, **more: lines.append((message, more)))
    surface = OcpiSurface(store)
    for _ in range(10):
        ocpi(surface, "a-token-that-is-wrong")
    over = [more for message, more in lines if message == "too many failed authentications"]
    assert over == [{"source": "192.0.2.1", "most": 3}]
    (metric,) = capsys.readouterr().out.splitlines()
    noted = json.loads(metric)
    assert noted["SourcesOverFailureLimit"] == [1.0]
    assert noted["service"] == "stack"
    assert "a-token-that-is-wrong" not in metric + repr(lines)


def ocpi(surface: OcpiSurface, token: str | None, address: str = "192.0.2.1", **headers: str) -> Answer:
    shown = {} if token is None else {"authorization": f"Token {token}"}
    call = Call("GET", "/ocpi/cpo/2.1.1/x", {}, {}, {**shown, **headers}, b"", "https://x.example", address)
    return surface.serve(call, OcpiResource("CPO", "2.1.1/x", GET=lambda *_: success()))


def operator(surface: OperatorSurface, key: str | None, address: str = "192.0.2.1") -> Answer:
    shown = {} if key is None else {"authorization": f"Bearer {key}"}
    call = Call("GET", "/operator/x", {}, {}, shown, b"", "https://x.example", address)
    return surface.serve(call, OperatorResource("/x", GET=lambda *_: answer_json({})))


def operator_surface(failures: Failures) -> OperatorSurface:
    return OperatorSurface(lambda given: given == KEY, FailureLimit(failures, 3))


@pytest.mark.parametrize("wrong", [None, "wrong", "", "a b"])
def test_a_partner_over_the_limit_gets_429_in_the_envelope_and_its_right_token_passes(
    store: SQLiteStore, wrong: str | None
) -> None:
    surface = OcpiSurface(store)
    answers = [ocpi(surface, wrong) for _ in range(5)]
    assert [answer.http_status for answer in answers] == [401, 401, 401, 429, 429]
    body = json.loads(answers[-1].text)
    assert (body["status_code"], "data" in body) == (2000, False)
    assert body["status_message"]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "WWW-Authenticate" not in answers[-1].headers
    assert ocpi(surface, TOKEN).http_status == 200
    assert ocpi(surface, wrong, "192.0.2.2").http_status == 401


def test_no_header_makes_a_caller_another_source(store: SQLiteStore) -> None:
    surface = OcpiSurface(store)
    chosen = ({"x-forwarded-for": f"198.51.100.{n}", "forwarded": f"for=198.51.100.{n}"} for n in range(5))
    assert [ocpi(surface, "wrong", **each).http_status for each in chosen] == [401, 401, 401, 429, 429]


def test_an_operator_over_the_limit_gets_a_problem_and_the_right_key_passes() -> None:
    surface = operator_surface(CountingFailures())
    answers = [operator(surface, wrong) for wrong in ("wrong", None, "wronger", "wrong", None)]
    assert [answer.http_status for answer in answers] == [401, 401, 401, 429, 429]
    problem = json.loads(answers[-1].text)
    assert (problem["status"], problem["title"]) == (429, "Too Many Requests")
    assert answers[-1].media_type == "application/problem+json"
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert operator(surface, KEY).http_status == 200


def test_paths_that_are_nowhere_count_for_the_operator_api_too() -> None:
    surface = operator_surface(CountingFailures())
    call = Call("GET", "unknown", {}, {}, {}, b"", "https://x.example", "192.0.2.1")
    assert [surface.unknown_path(call).http_status for _ in range(4)] == [401, 401, 401, 429]


def test_partners_and_operator_share_the_count_of_a_source(store: SQLiteStore) -> None:
    for _ in range(3):
        ocpi(OcpiSurface(store), "wrong")
    assert operator(operator_surface(store.failures), "wrong").http_status == 429


def test_a_known_token_that_does_not_open_a_module_is_no_failed_attempt(store: SQLiteStore) -> None:
    hashed = token_hash("token-a")
    invited = Partner("p-2", "EMSP", "Invited", PartnerStatus.INVITED, "2024-05-01T00:00:00Z", grants=(hashed,))
    store.partners.save(PartnerChange(invited, None, put_grants=(Grant(hashed, "p-2", "invitation"),)))
    surface = OcpiSurface(store)
    assert [ocpi(surface, "token-a").http_status for _ in range(6)] == [401] * 6


def test_who_is_let_in_costs_nothing_and_who_is_over_the_limit_no_entry_of_the_log(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures, logged = CountingFailures(), []
    monkeypatch.setattr(store, "failures", failures)
    monkeypatch.setattr(store.exchanges, "append", lambda exchanges, days: logged.extend(exchanges))
    surface = OcpiSurface(store)
    for _ in range(5):
        ocpi(surface, TOKEN)
    assert (failures.calls, len(logged)) == (0, 5)
    for _ in range(50):
        ocpi(surface, "wrong")
    assert (failures.calls, len(logged)) == (4, 8)


def test_a_window_is_a_minute_and_what_is_remembered_has_a_bound(minute: None) -> None:
    asked: list[tuple[str, int, int]] = []

    class Noting:
        def count(self, source: str, until: int, *, most: int) -> bool:
            asked.append((source, until, most))
            return True

    for now in (MINUTE - 0.5, MINUTE + 0.0, MINUTE + 59.9):
        FailureLimit(Noting(), 7, clock=lambda now=now: now).count("192.0.2.1")  # type: ignore[misc] # a clock
    assert asked == [("192.0.2.1", end, 7) for end in (MINUTE, MINUTE + 60, MINUTE + 60)]
    assert failure_limit.MOST_REMEMBERED == 1_000


def test_a_refusal_says_when_to_come_again(minute: None) -> None:
    limit = FailureLimit(CountingFailures(), 1, clock=lambda: MINUTE + 58.5)
    limit.count("192.0.2.1")
    with pytest.raises(TooManyFailures, match=r"^too many failed attempts from your address; try again later$") as over:
        limit.count("192.0.2.1")
    assert over.value.retry_after == 2


def test_the_clock_is_that_of_the_day(minute: None) -> None:
    before = time.time()
    failures = CountingFailures()
    FailureLimit(failures, 1).count("192.0.2.1")
    ((_, until),) = failures.counted
    assert before < until <= time.time() + 60
    assert until % 60 == 0


def test_what_is_remembered_is_full_at_its_bound_and_not_before(minute: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_limit, "MOST_REMEMBERED", 3)
    failures = CountingFailures()
    limit = FailureLimit(failures, 1, clock=lambda: MINUTE + 0.0)
    for number in range(3):
        assert outcomes(limit, f"192.0.2.{number}", 2) == [0, 60]
    asked = failures.calls
    assert [outcomes(limit, f"192.0.2.{number}", 1) for number in range(3)] == [[60]] * 3
    assert failures.calls == asked
    assert outcomes(limit, "192.0.2.3", 2) == [0, 60]
    assert set(limit._over) == {"192.0.2.3"}


def test_a_failure_that_was_not_counted_is_in_the_log_without_its_reason_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(logger, "error", lambda message, **more: lines.append((message, more)))
    FailureLimit(BrokenFailures(), 1).count("192.0.2.1")
    assert lines == [("a failed authentication was not counted", {"reason": "TimeoutError"})]


@pytest.mark.parametrize(("disabled", "lines"), [("true", 0), ("false", 1), (None, 1)])
@pytest.mark.parametrize("service", ["stack", None])
def test_a_source_over_its_limit_is_one_metric_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    disabled: str | None,
    lines: int,
    service: str | None,
) -> None:
    for name, value in (("POWERTOOLS_METRICS_DISABLED", disabled), ("POWERTOOLS_SERVICE_NAME", service)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(logger, "warning", lambda *_, **__: None)
    limit = FailureLimit(CountingFailures(), 1)
    outcomes(limit, "192.0.2.1", 4)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == lines
    for line in printed:
        noted = json.loads(line)
        (metrics,) = noted["_aws"]["CloudWatchMetrics"]
        assert metrics["Namespace"] == "ServerlessOCPI"
        assert metrics["Metrics"] == [{"Name": "SourcesOverFailureLimit", "Unit": "Count"}]
        assert metrics["Dimensions"] == [["service"]]
        assert (noted["SourcesOverFailureLimit"], noted["service"]) == ([1.0], service or "ocpi")
