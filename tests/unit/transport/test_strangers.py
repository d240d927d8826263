"""Callers that nobody knows cannot make the operator pay for a write with every call, and partners are kept all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ocpi.observability import logger
from ocpi.settings import settings
from ocpi.store.exchanges import NOBODY, ExchangeQuery
from ocpi.store.port import Grant, Partner, PartnerChange, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.transport import strangers
from ocpi.transport.authentication import token_hash
from ocpi.transport.envelope import success
from ocpi.transport.message import Answer, Call
from ocpi.transport.ocpi_surface import OcpiResource, OcpiSurface
from ocpi.transport.strangers import Strangers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TOKEN, PARTNER = "token-c", "p-1"
IN_A_ROW, AGAIN_SECONDS = 20, 6
FLOOD = 3 * IN_A_ROW


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    variables = {"COUNTRY_CODE": "NL", "PARTY_ID": "EXA", "STORE": "sqlite:x", "VAULT": "keyfile:x", "ROLES": "CPO"}
    for name, value in {**variables, "FAILED_AUTHENTICATIONS": "0"}.items():
        monkeypatch.setenv(f"OCPI_{name}", value)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock of the log shows."""
    shown = [1_000.0]
    monkeypatch.setattr(strangers.Strangers.__init__, "__defaults__", (lambda: shown[0],))
    return shown


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "ocpi.db")
    hashed = token_hash(TOKEN)
    partner = Partner(PARTNER, "EMSP", "Partner", PartnerStatus.REGISTERED, "2024-05-01T00:00:00Z", grants=(hashed,))
    opened.partners.save(PartnerChange(partner, None, put_grants=(Grant(hashed, PARTNER, "registered"),)))
    yield opened
    opened.close()


def call(surface: OcpiSurface, token: str | None, our_role: Any = "CPO") -> int:
    resource = OcpiResource(our_role, "2.1.1/locations", GET=lambda call, caller: success("[]"))
    headers = {} if token is None else {"authorization": f"Token {token}"}
    return surface.serve(Call("GET", resource.path, {}, {}, headers, b"", "https://x.example"), resource).http_status


def unknown(surface: OcpiSurface) -> Answer:
    return surface.unknown_path(Call("PUT", "unknown", {"path": "/ocpi/x"}, {}, {}, b"{}" * 999, "https://x.example"))


def kept(store: SQLiteStore, partner_id: str) -> list[int | None]:
    page = store.exchanges.page(ExchangeQuery(limit=1_000, partner_id=partner_id))
    return [exchange.http_status for exchange in page.exchanges]


@pytest.mark.parametrize("kind", ["no token", "a wrong token", "a role that we do not play", "an unknown path"])
def test_a_flood_of_strangers_leaves_a_few_entries_and_takes_no_partners(
    store: SQLiteStore, now: list[float], kind: str
) -> None:
    surface = OcpiSurface(store)
    flood: Callable[[], int] = {
        "no token": lambda: call(surface, None),
        "a wrong token": lambda: call(surface, "wrong"),
        "a role that we do not play": lambda: call(surface, None, "EMSP"),
        "an unknown path": lambda: unknown(surface).http_status,
    }[kind]
    status = 401 if "token" in kind else 404
    for _ in range(FLOOD):
        assert flood() == status
        assert call(surface, TOKEN) == 200
    assert kept(store, NOBODY) == [status] * IN_A_ROW
    assert kept(store, PARTNER) == [200] * FLOOD
    now[0] += AGAIN_SECONDS
    assert [flood(), flood()] == [status, status]
    assert len(kept(store, NOBODY)) == IN_A_ROW + 1


def test_all_kinds_of_strangers_share_what_there_is_room_for(store: SQLiteStore, now: list[float]) -> None:
    surface = OcpiSurface(store)
    for _ in range(IN_A_ROW):
        unknown(surface)
        call(surface, "wrong")
    assert len(kept(store, NOBODY)) == IN_A_ROW


def test_what_is_left_out_is_counted_and_stands_in_the_functions_log(
    store: SQLiteStore, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    monkeypatch.setattr(logger, "info", lambda message, **members: requests.append({"message": message, **members}))
    monkeypatch.setattr(logger, "warning", lambda message, **members: warnings.append({"message": message, **members}))
    surface = OcpiSurface(store)
    for _ in range(FLOOD):
        unknown(surface)
    assert [each["route"] for each in requests] == ["unknown"] * FLOOD
    assert warnings == []
    now[0] += AGAIN_SECONDS
    unknown(surface)
    now[0] += AGAIN_SECONDS
    unknown(surface)
    told = {"message": "calls of strangers were not kept in the exchange log", "calls": FLOOD - IN_A_ROW}
    assert warnings == [told]


def test_where_no_log_is_kept_nobody_is_left_out_of_it(
    store: SQLiteStore, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCPI_EXCHANGE_DAYS", "0")
    settings.cache_clear()
    monkeypatch.setattr(Strangers, "may_be_kept", lambda _: pytest.fail("nothing is kept anyway"))
    assert unknown(OcpiSurface(store)).http_status == 404
    assert kept(store, NOBODY) == []


@pytest.mark.parametrize(
    ("failures", "in_a_row", "seconds"), [(0, 20, 6), (1, 20, 6), (100, 20, 6), (2_400, 480, 0.25)]
)
def test_more_is_kept_where_more_failures_are_allowed(failures: int, in_a_row: int, seconds: float) -> None:
    shown = [5.0]
    strangers = Strangers(failures, lambda: shown[0])
    assert [strangers.may_be_kept() for _ in range(in_a_row + 1)] == [True] * in_a_row + [False]
    shown[0] += seconds * 0.99
    assert not strangers.may_be_kept()
    shown[0] += seconds * 0.02
    assert [strangers.may_be_kept(), strangers.may_be_kept()] == [True, False]
