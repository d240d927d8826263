"""Which tokens open what: the grants in the store decide."""

from __future__ import annotations

import base64
import hashlib
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


def test_a_caller_does_not_show_its_token(partners: Partners) -> None:
    save(partners, EMSP, grant())
    assert TOKEN not in repr(call(partners, f"Token {TOKEN}"))


def test_a_token_in_base64_has_one_spelling(partners: Partners) -> None:
    save(partners, EMSP, grant())
    whole = encoded(TOKEN)
    for changed in (f"{whole[:4]}!{whole[4:]}", f"{whole[:4]}-{whole[4:]}", f"-{whole}"):
        with pytest.raises(Unauthorized):
            call(partners, f"Token {changed}")


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


def test_what_is_kept_of_a_token_is_its_sha_256() -> None:
    assert token_hash("é") == hashlib.sha256(b"\xc3\xa9").hexdigest()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "an Authorization header of the form 'Token <token>' is required"),
        ("Token", "an Authorization header of the form 'Token <token>' is required"),
        ("Bearer x", "an Authorization header of the form 'Token <token>' is required"),
        ("Token x", "this token is not known here"),
    ],
)
def test_a_refusal_says_what_is_missing_and_quotes_nothing(
    partners: Partners, header: str | None, message: str
) -> None:
    with pytest.raises(Unauthorized) as refused:
        call(partners, header)
    assert str(refused.value) == message


def test_a_suspended_partner_is_told_whom_to_ask_and_leaves_no_trace(partners: Partners) -> None:
    both = replace(EMSP, status=PartnerStatus.SUSPENDED, grants=(token_hash(RENEWED), token_hash(TOKEN)))
    save(partners, both, grant(), grant(RENEWED, replaces=token_hash(TOKEN)))
    with pytest.raises(Forbidden, match=r"^this connection is suspended; ask the operator$"):
        call(partners, f"Token {RENEWED}")
    assert partners.grant(token_hash(TOKEN)) is not None
    partner = partners.get(EMSP.id)
    assert partner is not None
    assert partner.last_seen_at is None


@pytest.mark.req("TF-02")
def test_a_token_ends_at_the_very_microsecond(partners: Partners, monkeypatch: pytest.MonkeyPatch) -> None:
    save(partners, EMSP, grant(expires_at="2024-05-01T10:00:00.000001Z"))
    monkeypatch.setattr(authentication, "now_precise", lambda: "2024-05-01T10:00:00.000000Z")
    assert call(partners, f"Token {TOKEN}").token == TOKEN
    for now in ("2024-05-01T10:00:00.000001Z", "2024-05-01T10:00:00.000002Z"):
        monkeypatch.setattr(authentication, "now_precise", lambda now=now: now)
        with pytest.raises(Unauthorized):
            call(partners, f"Token {TOKEN}")


@pytest.mark.parametrize("useless", ["expired", "gone", "other role", "no longer its own"])
def test_a_spelling_that_opens_nothing_does_not_hide_one_that_does(partners: Partners, useless: str) -> None:
    """The text as sent may be a token as well as the Base64 of one."""
    sent = encoded(TOKEN)
    save(partners, EMSP, grant())
    other = replace(EMSP, id="p-2", role="CPO", grants=(token_hash(sent),))
    match useless:
        case "expired":
            save(partners, replace(other, role="EMSP"), Grant(token_hash(sent), "p-2", "registered", LONG_AGO))
        case "gone":
            save(partners, replace(EMSP, id="p-3"), Grant(token_hash(sent), "p-gone", "registered"))
        case "other role":
            save(partners, other, Grant(token_hash(sent), "p-2", "registered"))
        case _:
            save(partners, replace(other, role="EMSP", grants=()), Grant(token_hash(sent), "p-2", "registered"))
    assert call(partners, f"Token {sent}").partner.id == EMSP.id


@pytest.mark.req("CR-14")
def test_first_use_is_settled_only_while_something_older_is_left(
    partners: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[str] = []
    settle = partners.settle

    def noting(grant: Grant) -> None:
        settled.append(grant.hash)
        settle(grant)

    monkeypatch.setattr(partners, "settle", noting)
    both = replace(EMSP, grants=(token_hash(RENEWED), token_hash(TOKEN)))
    save(partners, both, grant(), grant(RENEWED, replaces=token_hash(TOKEN)))
    for token in (TOKEN, RENEWED, RENEWED):
        call(partners, f"Token {token}")
    assert settled == [token_hash(RENEWED)]


def test_who_was_seen_a_minute_ago_is_not_noted_again(partners: Partners, monkeypatch: pytest.MonkeyPatch) -> None:
    save(partners, EMSP, grant())
    seen: list[tuple[str, str]] = []
    note = partners.seen

    def noting(partner_id: str, at: str) -> None:
        seen.append((partner_id, at))
        note(partner_id, at)

    monkeypatch.setattr(partners, "seen", noting)
    times = [f"2024-05-01T10:0{rest}Z" for rest in ("0:00.000000", "1:00.000000", "1:00.000001", "2:00.000001")]
    for now in times:
        monkeypatch.setattr(authentication, "now_precise", lambda now=now: now)
        call(partners, f"Token {TOKEN}")
    assert seen == [("p-1", times[0]), ("p-1", times[2])]
    assert authentication.SEEN_EVERY_SECONDS == 60
