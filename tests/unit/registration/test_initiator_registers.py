"""We register with a partner, request by request; it answers as written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.errors import PartnerFailed, StateConflict
from ocpi.exchanges.outbound import About
from ocpi.faults import Fault, Invalid
from ocpi.registration.initiator import HANDSHAKE_BUDGET_SECONDS, TAKE_BACK_SECONDS, new_partner_id
from ocpi.registration.receiver import TAKEN
from ocpi.store.port import Conflict, Grant, Partner, PartnerChange, PartnerStatus
from ocpi.times import to_wire
from ocpi.transport.authentication import token_hash
from tests.unit.registration import world as worlds
from tests.unit.registration.scripted import (
    DETAILS,
    VERSIONS,
    Scripted,
    answering,
    credentials,
    endpoints,
    ocpi,
    plain,
    unreachable,
)

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from tests.unit.registration.world import World


def within_a_second(text: str | None, instant: datetime) -> bool:
    return text is not None and abs(datetime.fromisoformat(text) - instant) < timedelta(seconds=2)


def test_times_are_what_the_gateway_in_front_allows() -> None:
    assert (HANDSHAKE_BUDGET_SECONDS, TAKE_BACK_SECONDS) == (25.0, 2.5)


@pytest.mark.req("CR-45")
def test_a_registration_keeps_what_the_partner_says_and_opens_what_we_gave(
    world: World, partner: Scripted, budgets: list[float]
) -> None:
    found = world.register()
    assert partner.requests == [
        "GET /versions token-a",
        "GET /2.1.1 token-a",
        "POST /2.1.1/credentials token-a",
    ]
    assert [each["about"] for each in partner.asked] == [
        About(None, step) for step in ("versions", "version_details", "credentials")
    ]
    assert budgets == [HANDSHAKE_BUDGET_SECONDS]
    sent = json.loads(partner.asked[2]["body"])
    ours = sent.pop("token")
    assert sent == {
        "url": "https://us.example/ocpi/cpo/versions",
        "business_details": {"name": worlds.SETTINGS.party_name},
        "party_id": "EXA",
        "country_code": "NL",
    }
    now = world.now(found)
    assert found == now
    assert (now.role, now.name, now.status, now.version) == ("EMSP", "Partner", PartnerStatus.REGISTERED, "2.1.1")
    assert (now.party, now.versions_url, now.business_details) == ("DE-ABC", VERSIONS, {"name": "Partner"})
    assert now.endpoints == tuple(endpoints("credentials", "tokens"))
    assert within_a_second(now.registered_at, datetime.now(UTC))
    assert within_a_second(now.invited_at, datetime.now(UTC))
    assert world.ours(now) == "token-c"
    assert now.grants == (token_hash(ours),)
    assert world.partners.grant(token_hash(ours)) == Grant(token_hash(ours), now.id, "registered")
    assert world.partners.by_party("EMSP", "DE", "ABC") == now


def test_country_and_party_are_kept_in_upper_case(world: World, partner: Scripted) -> None:
    answering(partner, POST=ocpi(credentials(country_code="de", party_id="abc")))
    assert world.register().party == "DE-ABC"


def test_while_the_handshake_runs_token_b_opens_for_five_minutes(world: World, partner: Scripted) -> None:
    seen: list[Any] = []
    request = partner.request

    def looking(method: str, url: str, **options: Any) -> Answer:
        if method == "POST":
            (under_way,) = world.partners.list()
            seen.extend((under_way, world.partners.grant(under_way.grants[0])))
        return request(method, url, **options)

    partner.request = looking  # type: ignore[method-assign] # looks while it runs
    registered = world.register()
    under_way, grant = seen
    assert (under_way.id, under_way.status, under_way.token) == (registered.id, PartnerStatus.REGISTERING, None)
    assert (grant.kind, grant.partner_id, grant.replaces) == ("handshake", registered.id, None)
    assert within_a_second(grant.expires_at, datetime.now(UTC) + timedelta(seconds=300))


@pytest.mark.req("CR-45")
@pytest.mark.parametrize(
    ("answer", "http_status", "ocpi_status"),
    [
        (unreachable("timeout"), None, None),
        (ocpi(status_code=3001), 200, 3001),
        (plain(b"", 500), 500, None),
    ],
)
def test_a_post_that_fails_leaves_nothing_and_is_not_taken_back(
    world: World, partner: Scripted, answer: Any, http_status: int | None, ocpi_status: int | None
) -> None:
    answering(partner, POST=answer)
    with pytest.raises(PartnerFailed) as failed:
        world.register()
    assert (failed.value.step, int(failed.value.status_code)) == ("credentials", 3001)
    assert (failed.value.http_status, failed.value.ocpi_status) == (http_status, ocpi_status)
    assert world.partners.list() == []
    assert len(partner.asked) == 3


@pytest.mark.parametrize("wrapped", [False, True])
def test_credentials_that_are_not_valid_are_named_and_taken_back_with_the_token_in_them(
    world: World, partner: Scripted, budgets: list[float], wrapped: bool
) -> None:
    given = credentials(party_id="ABCD", country_code=5)
    answering(partner, POST=ocpi([given] if wrapped else given))
    with pytest.raises(PartnerFailed) as failed:
        world.register()
    text = str(failed.value)
    assert text.startswith("credentials: the partner answered with credentials that are not valid: /")
    assert "/party_id: " in text
    assert "; " in text
    assert "/country_code: " in text
    assert "token-c" not in text
    assert (failed.value.step, int(failed.value.status_code)) == ("credentials", 3001)
    assert (failed.value.http_status, failed.value.ocpi_status) == (200, 1000)
    assert failed.value.__cause__ is None
    assert partner.requests[-1] == "DELETE /2.1.1/credentials token-c"
    assert budgets[-1] == TAKE_BACK_SECONDS
    assert world.partners.list() == []


@pytest.mark.parametrize("data", [..., [], "token-c", {"token": ""}, {"token": 5}, {}, [credentials(), credentials()]])
def test_where_no_token_came_back_nothing_is_taken_back(world: World, partner: Scripted, data: Any) -> None:
    answering(partner, POST=ocpi(data))
    with pytest.raises(PartnerFailed):
        world.register()
    assert partner.requests[-1].startswith("POST ")
    assert world.partners.list() == []


def test_a_single_object_in_a_list_is_that_object(world: World, partner: Scripted) -> None:
    answering(partner, POST=ocpi([credentials()]))
    assert world.register().status is PartnerStatus.REGISTERED


@pytest.mark.req("CR-45")
@pytest.mark.parametrize("answer", [ocpi(), plain(b"", 500), unreachable("timeout")])
def test_a_party_that_is_registered_elsewhere_is_refused_and_the_handshake_taken_back(
    world: World, partner: Scripted, answer: Any
) -> None:
    first = world.register()
    # A second platform of the same party, so that only the claim on the party tells.
    there = "https://second.example/credentials"
    partner.answers[f"GET {DETAILS}"] = ocpi(
        {"endpoints": [{"identifier": "credentials", "url": there}, *endpoints("tokens")]}
    )
    partner.answers |= {f"POST {there}": ocpi(credentials(token="token-d")), f"DELETE {there}": answer}
    with pytest.raises(StateConflict, match=TAKEN) as refused:
        world.register()
    assert refused.value.__cause__ is None
    assert partner.requests[-1] == f"DELETE {there} token-d"
    assert world.partners.list() == [first]


def test_the_taking_back_shows_its_token_as_the_partner_wants_it(world: World, partner: Scripted) -> None:
    """The encoding that the handshake learned is how its end begins."""
    request = partner.request

    def base64_only(method: str, url: str, **options: Any) -> Answer:
        answer = request(method, url, **options)
        return answer if options["encoding"] == "base64" else plain(b"", 401)

    partner.request = base64_only  # type: ignore[method-assign] # a habit
    answering(partner, POST=ocpi({"token": "token-c"}))
    with pytest.raises(PartnerFailed):
        world.register()
    assert [(each["method"], each["encoding"]) for each in partner.asked] == [
        ("GET", "plain"),
        ("GET", "base64"),
        ("GET", "base64"),
        ("POST", "base64"),
        ("DELETE", "base64"),
    ]


@pytest.mark.parametrize("slash", ["", "/"])
def test_registering_twice_is_a_conflict_though_the_used_token_a_opens_nothing(
    world: World, partner: Scripted, slash: str
) -> None:
    world.register()
    partner.answers[f"GET {VERSIONS}/"] = plain(b"", 401)
    answering(partner, GET_versions=plain(b"", 401))
    with pytest.raises(StateConflict, match=TAKEN):
        world.register(versions_url=f"{VERSIONS}{slash}")


def test_a_failure_of_another_partner_is_no_conflict(world: World, partner: Scripted) -> None:
    world.register()
    partner.answers["GET https://other.example/versions"] = plain(b"", 401)
    with pytest.raises(PartnerFailed) as failed:
        world.register(versions_url="https://other.example/versions")
    assert (failed.value.step, failed.value.http_status) == ("versions", 401)
    left = world.initiator().leave(world.known[0], force=True)
    assert left.versions_url == VERSIONS
    answering(partner, GET_versions=plain(b"", 401))
    with pytest.raises(PartnerFailed):
        world.register()


def test_a_versions_url_that_may_not_be_called_is_a_fault_of_who_gave_it(world: World, partner: Scripted) -> None:
    answering(partner, GET_versions=unreachable("refused_address", "the URL is not https"))
    with pytest.raises(Invalid) as refused:
        world.register()
    assert refused.value.faults == [Fault("/versions_url", "the URL is not https")]
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "changes",
    [
        {"GET_versions": unreachable("dns", "unknown")},
        {"GET_details": unreachable("refused_address", "the URL is not https")},
    ],
)
def test_any_other_step_that_fails_is_the_partners(world: World, partner: Scripted, changes: Any) -> None:
    answering(partner, **changes)
    with pytest.raises(PartnerFailed):
        world.register()
    assert world.partners.list() == []


def known_elsewhere(world: World, partner: Scripted) -> None:
    """Another party of the same platform is registered."""
    answering(partner, POST=ocpi(credentials(party_id="ONE", token="token-one")))
    world.register()
    partner.asked.clear()
    answering(partner, POST=ocpi(credentials(party_id="TWO", token="token-two")))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_second_party_of_one_platform_is_registered_after_a_look_at_whose_token_this_is(
    world: World, partner: Scripted, wrapped: bool
) -> None:
    known_elsewhere(world, partner)
    whose = credentials(party_id="TWO")
    answering(partner, GET=ocpi([whose] if wrapped else whose))
    assert world.register().party == "DE-TWO"
    assert partner.requests[2:] == ["GET /2.1.1/credentials token-a", "POST /2.1.1/credentials token-a"]


@pytest.mark.parametrize(
    "answer",
    [
        ocpi(credentials(party_id="ONE")),
        ocpi(credentials(party_id="one", country_code="de")),
        plain(b"", 405),
        unreachable("timeout"),
        ocpi(),
        ocpi({"country_code": "DE"}),
        ocpi({"party_id": "TWO"}),
        ocpi("DE-TWO"),
    ],
)
def test_a_party_that_is_known_or_cannot_be_told_is_not_asked_to_register_again(
    world: World, partner: Scripted, answer: Any
) -> None:
    known_elsewhere(world, partner)
    answering(partner, GET=answer)
    with pytest.raises(StateConflict, match=TAKEN) as refused:
        world.register()
    assert refused.value.__cause__ is None
    assert "POST" not in [each["method"] for each in partner.asked]
    assert len(world.partners.list()) == 1


def test_a_partner_of_our_other_role_is_another_registration(world: World, partner: Scripted) -> None:
    world.register()
    partner.asked.clear()
    both = world.initiator().register("CPO", "The other", VERSIONS, "token-a")
    assert (both.role, both.party) == ("CPO", "DE-ABC")
    assert [each["method"] for each in partner.asked] == ["GET", "GET", "POST"]
    assert json.loads(partner.asked[2]["body"])["url"] == "https://us.example/ocpi/emsp/versions"
    assert len(world.known) == 2


def began(world: World, partner_id: str, seconds_ago: float, status: PartnerStatus) -> None:
    at = to_wire(datetime.now(UTC) - timedelta(seconds=seconds_ago))
    world.partners.save(PartnerChange(Partner(partner_id, "EMSP", "Partner", status, at), expected=None))


def test_only_handshakes_that_began_ten_minutes_ago_are_forgotten(world: World, partner: Scripted) -> None:
    for partner_id, seconds, status in (
        ("gone", 610, PartnerStatus.REGISTERING),
        ("young", 580, PartnerStatus.REGISTERING),
        ("invited", 10_000, PartnerStatus.INVITED),
    ):
        began(world, partner_id, seconds, status)
    registered = world.register()
    assert {each.id for each in world.partners.list()} == {"young", "invited", registered.id}


def test_a_handshake_that_another_process_forgot_first_holds_nobody_up(
    world: World, partner: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, tried = world.partners.remove, []

    def first_is_gone(forgotten: Partner) -> None:
        tried.append(forgotten.id)
        if len(tried) == 1:
            raise Conflict
        remove(forgotten)

    for partner_id in ("a", "b"):
        began(world, partner_id, 10_000, PartnerStatus.REGISTERING)
    monkeypatch.setattr(world.partners, "remove", first_is_gone)
    world.register()
    assert sorted(tried) == ["a", "b"]
    assert tried[0] in {each.id for each in world.partners.list()}
    assert tried[1] not in {each.id for each in world.partners.list()}


def test_ids_of_partners_are_lower_case_and_never_the_same() -> None:
    ids = {new_partner_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(each) == 20 and set(each) <= set("0123456789abcdef") for each in ids)
