"""Which tokens open what: the grants in the store decide."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest

from ocpi.errors import Forbidden, Unauthorized
from ocpi.store.port import Grant, Partner, PartnerChange, Partners, PartnerStatus
from ocpi.store.sqlite import SQLiteStore
from ocpi.transport import authentication
from ocpi.transport.authentication import Caller, authenticate, token_hash

if TYPE_CHECKING:
    from pathlib import Path

TOKEN, RENEWED = "token-c", "token-d"
LONG_AGO, FAR_AHEAD = "2020-01-01T00:00:00Z", "9999-01-01T00:00:00Z"
EMSP = Partner("p-1", "EMSP", "Partner", PartnerStatus.REGISTERED, LONG_AGO, grants=(token_hash(TOKEN),))


@pytest.fixture
def partners(tmp_path: Path) -> Partners:
    return SQLiteStore(tmp_path / "ocpi.db").partners


def save(partners: Partners, partner: Partner, *grants: Grant, expected: int | None = None) -> Partner:
    return partners.save(PartnerChange(partner, expected=expected, put_grants=grants))


def grant(token: str = TOKEN, *, expires_at: str | None = None, replaces: str | None = None) -> Grant:
    return Grant(token_hash(token), EMSP.id, "registered", expires_at=expires_at, replaces=replaces)


def call(partners: Partners, header: str | None, our_role: Literal["CPO", "EMSP"] = "CPO") -> Caller:
    return authenticate(partners, header, our_role=our_role)


def encoded(token: str) -> str:
    return base64.b64encode(token.encode()).decode()


@pytest.mark.req("TF-03", "TF-05")
@pytest.mark.parametrize(
    "header",
    [
        f"Token {TOKEN}",
        f"token {TOKEN}",
        f"  TOKEN   {TOKEN}  ",
        f"Token {encoded(TOKEN)}",
        f"Token {encoded(TOKEN + ' ' + chr(10))}",
    ],
)
def test_a_known_token_names_its_partner_in_any_spelling(partners: Partners, header: str) -> None:
    partner = save(partners, EMSP, grant())
    caller = call(partners, header)
    assert caller.partner == partner
    assert caller.grant.hash == token_hash(TOKEN)
    assert caller.token == TOKEN


@pytest.mark.req("TF-03")
def test_a_token_that_is_base64_itself_is_taken_as_it_is(partners: Partners) -> None:
    token = encoded("an issued token")
    save(partners, replace(EMSP, grants=(token_hash(token),)), grant(token))
    assert call(partners, f"Token {token}").token == token
    assert call(partners, f"Token {encoded(token)}").token == token


@pytest.mark.req("TF-01", "TF-02", "TF-04")
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "Token",
        "Token ",
        TOKEN,
        f"Bearer {TOKEN}",
        f"Token{TOKEN}",
        f"Token {TOKEN.upper()}",
        f"Token {TOKEN} {TOKEN}",
        f"Token {token_hash(TOKEN)}",
        f"Token {encoded(encoded(TOKEN))}",
        "Token ====",
        "Token \xff",
        f"Token {encoded(' ')}",
        "Token " + "x" * 100_000,
    ],
)
def test_anything_else_is_not_authorized(partners: Partners, header: str | None) -> None:
    save(partners, EMSP, grant())
    with pytest.raises(Unauthorized):
        call(partners, header)


@pytest.mark.req("TF-02")
@pytest.mark.parametrize("expires_at", [LONG_AGO, "2024-05-01T00:00:00Z"])
def test_an_expired_token_is_not_known(partners: Partners, expires_at: str) -> None:
    save(partners, EMSP, grant(expires_at=expires_at))
    with pytest.raises(Unauthorized):
        call(partners, f"Token {TOKEN}")


def test_a_token_opens_until_it_expires(partners: Partners) -> None:
    save(partners, EMSP, grant(expires_at=FAR_AHEAD))
    assert call(partners, f"Token {TOKEN}").partner.id == EMSP.id


@pytest.mark.req("TF-08")
def test_a_token_does_not_open_the_tree_of_our_other_role(partners: Partners) -> None:
    save(partners, EMSP, grant())
    with pytest.raises(Unauthorized):
        call(partners, f"Token {TOKEN}", "EMSP")


@pytest.mark.req("TF-02")
def test_a_grant_that_its_partner_no_longer_has_opens_nothing(partners: Partners) -> None:
    save(partners, replace(EMSP, grants=()), grant())
    with pytest.raises(Unauthorized):
        call(partners, f"Token {TOKEN}")


def test_a_grant_without_a_partner_opens_nothing(partners: Partners) -> None:
    save(partners, replace(EMSP, grants=()), Grant(token_hash(TOKEN), "p-gone", "registered"))
    with pytest.raises(Unauthorized):
        call(partners, f"Token {TOKEN}")


def test_a_suspended_partner_is_known_and_shut_out(partners: Partners) -> None:
    save(partners, replace(EMSP, status=PartnerStatus.SUSPENDED), grant())
    with pytest.raises(Forbidden):
        call(partners, f"Token {TOKEN}")


@pytest.mark.req("CR-14")
def test_the_first_use_of_a_renewed_token_ends_the_old_one(partners: Partners) -> None:
    both = replace(EMSP, grants=(token_hash(RENEWED), token_hash(TOKEN)))
    save(partners, both, grant(expires_at=FAR_AHEAD), grant(RENEWED, replaces=token_hash(TOKEN)))
    assert call(partners, f"Token {TOKEN}").token == TOKEN
    assert call(partners, f"Token {RENEWED}").token == RENEWED
    with pytest.raises(Unauthorized):
        call(partners, f"Token {TOKEN}")
    assert call(partners, f"Token {RENEWED}").token == RENEWED


def test_when_a_partner_was_last_seen_is_noted_once_a_minute(
    partners: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(partners, EMSP, grant())
    noted = []
    for now in ("10:00:00.000000", "10:00:59.900000", "10:01:00.000000", "10:01:00.100000", "10:02:00.000000"):
        monkeypatch.setattr(authentication, "now_precise", lambda now=now: f"2024-05-01T{now}Z")
        call(partners, f"Token {TOKEN}")
        partner = partners.get(EMSP.id)
        assert partner is not None
        noted.append(partner.last_seen_at)
    assert [str(each)[11:21] for each in noted] == ["10:00:00.0"] * 3 + ["10:01:00.1"] * 2
