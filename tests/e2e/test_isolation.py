"""No partner learns anything of another: two CPOs and two eMSPs at one gateway, each trying everything on the others.

The URLs are made from the routes that the functions declare. "Exists but is not yours" and "does not exist" must be the
same answer, byte for byte but for the timestamp.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import data_of, ended
from tests.support.gateway import running_gateway
from tests.support.ocpi_routes import OcpiRoute, module_routes
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.support.gateway import Gateway

# The first eMSP is the same party as the second CPO: a party may play both roles, with two registrations.
PARTIES = {"CPO 1": ("FR", "CPA"), "CPO 2": ("DE", "DUO"), "EMSP 1": ("DE", "DUO"), "EMSP 2": ("NL", "EMB")}
NOBODY = ("BE", "ZZZ")
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "DELETE", "PATCH", "PUT")
"""PUT last: under one's own party it makes what the others would find."""
EVER = {"date_from": "1970-01-01T00:00:00Z", "limit": "1000"}
OLD, LATER = "2024-03-05T10:00:00Z", "2024-03-06T00:00:00Z"
ROUTES = [route for route in module_routes() if "/commands" not in route.path]
WITH_IDS = [route for route in ROUTES if route.parameters]


def role_of(partner: str) -> str:
    return partner.partition(" ")[0]


attackers = pytest.mark.parametrize("attacker", PARTIES)
attackers_in_their_tree = pytest.mark.parametrize(
    ("attacker", "route"),
    [(attacker, route) for attacker in PARTIES for route in WITH_IDS if route.our_role != role_of(attacker)],
    ids=str,
)
attackers_in_the_other_tree = pytest.mark.parametrize(
    ("attacker", "route"),
    [(attacker, route) for attacker in PARTIES for route in ROUTES if route.our_role == role_of(attacker)],
    ids=str,
)
TIMESTAMP = re.compile(r'"timestamp":"[^"]*"')
BASES = {"sessions": "session_max", "cdrs": "cdr_max"}
LISTS = tuple(BASES)
GUESTS = count(1)

Seen = tuple[int, list[tuple[str, str]], str]


def named(partner: str) -> str:
    """Three characters, so that ids of different partners are of one length."""
    return partner[0] + partner[-2:].strip().zfill(2)


def ids_of(partner: str) -> dict[str, str]:
    """The ids of everything that a partner pushes, by the name of the parameter in the route."""
    name = named(partner)
    return {
        "location_id": f"L-{name}",
        "evse_uid": f"E-{name}",
        "connector_id": f"C-{name}",
        "session_id": f"S-{name}",
        "cdr_id": f"D-{name}",
        "tariff_id": f"T-{name}",
        "token_uid": f"U-{name}",
    }


def documents(ids: dict[str, str], secret: str) -> dict[str, dict[str, Any]]:
    """An object for each kind of id, with a secret in it."""
    connector = fixture("connector_max", id=ids["connector_id"], x_secret=secret)
    evse = fixture("evse_max", uid=ids["evse_uid"], connectors=[connector], x_secret=secret)
    return {
        "connector_id": connector,
        "evse_uid": evse,
        "location_id": fixture("location_max", id=ids["location_id"], evses=[evse], x_secret=secret),
        "session_id": fixture("session_max", id=ids["session_id"], x_secret=secret),
        "cdr_id": fixture("cdr_max", id=ids["cdr_id"], x_secret=secret),
        "tariff_id": fixture("tariff_max", id=ids["tariff_id"], x_secret=secret),
        "token_uid": fixture("token_max", uid=ids["token_uid"], auth_id=f"A-{secret}", x_secret=secret),
    }


def secret_of(partner: str) -> str:
    return f"SECRET-{named(partner)}"


class World:
    """A gateway with four partners, each with something of every kind that is nobody else's."""

    def __init__(self, stack: ExitStack, gateway: Gateway, operator: Operator) -> None:
        self.gateway, self.operator = gateway, operator
        self.partners: dict[str, PlayedPartner] = {}
        self.urls: dict[str, dict[str, dict[str, Any]]] = {}
        """For each partner the URLs of what it pushed, and what it reads there."""
        for name, (country_code, party_id) in PARTIES.items():
            partner = PlayedPartner(role_of(name), country_code, party_id, token=f"token-b-of-{named(name)}")
            stack.enter_context(partner)
            partner.register(operator.invite(partner.role))
            self.partners[name] = partner
            self.urls[name] = self.push(partner, name)
        for name in ("EMSP 1", "EMSP 2", "nobody"):
            self._own(name)

    def push(self, partner: PlayedPartner, name: str) -> dict[str, dict[str, Any]]:
        """Let a partner push one object of every kind; what it then reads, by URL."""
        ids = ids_of(name)
        objects = documents(ids, secret_of(name))
        if partner.role == "EMSP":
            pushed = {"tokens": "token_uid"}
        else:
            pushed = {"locations": "location_id", "sessions": "session_id", "tariffs": "tariff_id"}
        urls = {partner.own_url(module, ids[kind]): objects[kind] for module, kind in pushed.items()}
        for url, value in urls.items():
            ended(partner.put(url, value), 201, 1000)
        if partner.role == "CPO":
            answer = partner.call("POST", partner.endpoint("cdrs"), json=objects["cdr_id"])
            ended(answer, 201, 1000)
            urls[answer.headers["Location"]] = objects["cdr_id"]
        return urls

    def _own(self, name: str) -> None:
        """Our own sessions and CDRs for an eMSP, by the token that it gave us; ``nobody``'s token nobody gave us."""
        for module, base in BASES.items():
            for number, at in enumerate((OLD, LATER)):
                secret = secret_of(name)
                value = fixture(base, id=f"{named(name)}-{number}", auth_id=f"A-{secret}", last_updated=at)
                answer = self.operator.put_object(module, value | {"x_secret": secret})
                assert answer.status_code == 201, answer.text
                expected = self.partners[name].partner_id if name in self.partners else None
                assert answer.json()["audience"] == expected

    def others(self, attacker: str) -> list[str]:
        return [name for name in PARTIES if name != attacker]

    def call(self, attacker: str, method: str, route: OcpiRoute, values: dict[str, str], **options: Any) -> Seen:
        """Call a route, its parameters filled in, with a body that would be right there; what came back."""
        country_code, party_id = values["party"].split("-")
        url = self.gateway.url + route.path.format(**values, country_code=country_code, party_id=party_id)
        kind = route.parameters[-1] if route.parameters else ""
        body = documents(values, "attack").get(kind)
        answer = self.partners[attacker].call(method, url, json=body, **options)
        for victim in (*self.others(attacker), "nobody"):
            assert secret_of(victim) not in f"{answer.headers} {answer.text}"
        return seen(answer)

    def is_untouched(self) -> bool:
        """Whether every partner still reads what it pushed."""
        return all(
            data_of(self.partners[name].get(url)) == value
            for name, urls in self.urls.items()
            for url, value in urls.items()
        )


def seen(answer: httpx.Response) -> Seen:
    """All that a partner sees of an answer, but for the time."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in ("date", "x-request-id"))
    return answer.status_code, headers, TIMESTAMP.sub("", answer.text)


def targets(partner: str, party: tuple[str, str]) -> dict[str, str]:
    """What goes into a route for the objects of a partner under a party."""
    return {**ids_of(partner), "party": "-".join(party)}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with ExitStack() as stack:
        # Most of what is tried here fails, and from one address.
        gateway = stack.enter_context(running_gateway(environ={"OCPI_FAILED_AUTHENTICATIONS": "0"}))
        yield World(stack, gateway, stack.enter_context(Operator(gateway)))


def test_the_matrix_has_every_module_in_both_trees() -> None:
    found = {(route.our_role, route.path.split("/")[4]) for route in ROUTES}
    modules = ("locations", "sessions", "cdrs", "tariffs", "tokens")
    assert found == {(role, module) for role in ("CPO", "EMSP") for module in modules}
    received = {parameter for route in WITH_IDS for parameter in route.parameters}
    assert received == {*ids_of("CPO 1"), "country_code", "party_id"}


@pytest.mark.req("TF-54", "TF-08", "SES-15", "CDR-20", "TAR-11")
@attackers_in_their_tree
def test_what_is_anothers_looks_like_what_does_not_exist(world: World, attacker: str, route: OcpiRoute) -> None:
    for method in METHODS:
        nothing = world.call(attacker, method, route, targets("nobody", NOBODY))
        assert nothing[0] in (404, 405)
        for victim in world.others(attacker):
            if PARTIES[victim] == PARTIES[attacker]:
                continue
            for target in (victim, "nobody"):
                assert world.call(attacker, method, route, targets(target, PARTIES[victim])) == nothing, method
    assert world.is_untouched()


@pytest.mark.req("TF-56", "CDR-19")
@attackers_in_their_tree
def test_an_id_that_another_has_is_as_free_as_one_that_nobody_has(
    world: World, attacker: str, route: OcpiRoute
) -> None:
    own = PARTIES[attacker]
    for victim in world.others(attacker):
        free = targets(f"{victim[0]} x{victim[-1]}", own)
        taken = targets(victim, own)
        for method in METHODS:
            status, headers, text = world.call(attacker, method, route, taken)
            as_free = text.replace(named(victim), free["cdr_id"].removeprefix("D-"))
            assert (status, headers, as_free) == world.call(attacker, method, route, free), method
    assert world.is_untouched()


@pytest.mark.req("CDR-19")
@pytest.mark.parametrize("attacker", ["CPO 1", "CPO 2"])
def test_a_cdr_under_the_id_of_anothers_is_taken_as_any_other(world: World, attacker: str) -> None:
    partner = world.partners[attacker]
    answers = []
    for cdr_id in (next(f"D-{named(each)}" for each in ("CPO 1", "CPO 2") if each != attacker), "D-YYY"):
        answer = partner.call("POST", partner.endpoint("cdrs"), json=fixture("cdr_max", id=cdr_id))
        answers.append((answer.status_code, answer.headers["Location"].replace(cdr_id, ""), seen(answer)[2]))
        data_of(partner.get(answer.headers["Location"]))
    assert answers[0] == answers[1]
    assert world.is_untouched()


@pytest.mark.req("TF-02", "TF-08")
@attackers_in_the_other_tree
def test_the_tree_of_the_other_role_takes_a_token_for_one_that_it_does_not_know(
    world: World, attacker: str, route: OcpiRoute
) -> None:
    for method in METHODS:
        unknown = world.call(attacker, method, route, targets("nobody", NOBODY), token="nope")
        assert unknown[0] == 401
        for victim, party in PARTIES.items():
            assert world.call(attacker, method, route, targets(victim, party)) == unknown, method
    assert world.is_untouched()


# Lists of what is one partner's


@pytest.fixture(scope="module")
def newcomer(world: World) -> Iterator[PlayedPartner]:
    """An eMSP that has given us nothing."""
    with PlayedPartner("EMSP", "IT", "NEW", token="token-b-of-the-newcomer") as partner:
        partner.register(world.operator.invite("EMSP"))
        yield partner


@pytest.mark.req("SES-05", "CDR-02", "TF-33")
@pytest.mark.parametrize("module", LISTS)
@pytest.mark.parametrize("reader", ["EMSP 1", "EMSP 2"])
def test_a_list_and_its_totals_hold_what_is_the_readers_and_nothing_else(
    world: World, reader: str, module: str
) -> None:
    partner = world.partners[reader]
    url, own = partner.endpoint(module), [f"{named(reader)}-0", f"{named(reader)}-1"]
    for query, expected in (
        ({}, own),
        ({"date_to": LATER}, own[:1]),
        ({"date_from": LATER}, own[1:]),
        ({"offset": "1"}, own[1:]),
        ({"offset": "2"}, []),
        ({"limit": "1"}, own[:1]),
        *(({name: other}, own) for name in ("audience", "partner", "auth_id") for other in ("*", "own", "NL-EMB")),
        ({"party_id": "EMB", "country_code": "NL"}, own),
    ):
        answer = partner.get(url, params=EVER | query)
        total = len(own) if query.keys().isdisjoint(("date_from", "date_to")) else len(expected)
        assert [each["id"] for each in data_of(answer)] == expected, query
        assert answer.headers["X-Total-Count"] == str(total)
        assert ("Link" in answer.headers) == (query == {"limit": "1"})


@pytest.mark.req("SES-05", "CDR-02", "TF-33")
@pytest.mark.parametrize("module", LISTS)
def test_a_newcomers_lists_are_empty(world: World, newcomer: PlayedPartner, module: str) -> None:
    answer = newcomer.get(newcomer.endpoint(module), params=EVER)
    assert (data_of(answer), answer.headers["X-Total-Count"]) == ([], "0")
    assert newcomer.call("HEAD", newcomer.endpoint(module), params=EVER).headers["X-Total-Count"] == "0"


@pytest.mark.req("SES-05", "CDR-02")
@pytest.mark.parametrize("module", LISTS)
def test_the_cursor_of_another_is_one_that_nobody_handed_out(world: World, module: str) -> None:
    first, second = world.partners["EMSP 1"], world.partners["EMSP 2"]
    link = first.get(first.endpoint(module), params=EVER | {"limit": "1"}).headers["Link"]
    url = link.partition(">")[0].removeprefix("<")
    assert [each["id"] for each in data_of(first.get(url))] == [f"{named('EMSP 1')}-1"]
    made_up = re.sub("cursor=[^&]*", "cursor=AAAA", url)
    assert seen(second.get(url)) == seen(second.get(made_up))
    ended(second.get(url), 200, 2001)


@pytest.mark.req("SES-05", "CDR-02")
@attackers
def test_what_is_others_own_is_not_written_by_whatever_method(world: World, attacker: str) -> None:
    """Neither under our own party nor under theirs."""
    partner = world.partners[attacker]
    for module, base in BASES.items():
        for victim in ("EMSP 1", "EMSP 2", "nobody"):
            if victim == attacker:
                continue
            own_id = f"{named(victim)}-0"
            for segments in ((own_id,), ("NL", "EXA", own_id), ("own", own_id)):
                for method in METHODS:
                    answers = [
                        seen(partner.call(method, partner.endpoint(module, *segments[:-1], each), json=fixture(base)))
                        for each in (own_id, "???-?".replace("?", "x"))
                    ]
                    assert answers[0] == answers[1]
                    assert answers[0][0] in (404, 405)
            assert world.operator.get(f"/2.1.1/{module}/{own_id}").json()["x_secret"] == secret_of(victim)


# Leaving and coming back


@pytest.fixture(params=["the partner", "the operator"])
def leaves(request: pytest.FixtureRequest, world: World) -> Callable[[PlayedPartner], None]:
    """Ends a registration, from either side."""

    def by_partner(partner: PlayedPartner) -> None:
        ended(partner.call("DELETE", partner.endpoint("credentials")), 200, 1000)

    def by_operator(partner: PlayedPartner) -> None:
        assert world.operator.delete(f"/partners/{partner.partner_id}?force=true").status_code == 204

    return by_partner if request.param == "the partner" else by_operator


@pytest.fixture(params=["CPO", "EMSP"])
def guest(request: pytest.FixtureRequest, world: World) -> Iterator[PlayedPartner]:
    """A partner that is free to leave, of a party that no other test has."""
    with PlayedPartner(request.param, "SE", f"G{next(GUESTS):02}", token="token-b-of-the-guest") as partner:
        partner.register(world.operator.invite(partner.role))
        yield partner


@pytest.mark.req("TF-02")
def test_a_partner_that_left_is_nobody_until_it_registers_again_and_then_finds_what_it_had_pushed(
    world: World, guest: PlayedPartner, leaves: Callable[[PlayedPartner], None]
) -> None:
    urls, left = world.push(guest, f"{guest.role} 9"), guest.partner_id
    leaves(guest)
    for url in (*urls, *guest.endpoints.values()):
        for method in METHODS:
            answer = guest.call(method, url, json={})
            assert answer.status_code == 401
            assert seen(answer) == seen(guest.call(method, url, token="unknown", json={}))
    guest.register(world.operator.invite(guest.role))
    assert guest.partner_id != left
    assert {url: data_of(guest.get(url)) for url in urls} == urls


def test_a_suspended_partner_gets_one_answer_to_everything(world: World, guest: PlayedPartner) -> None:
    path, urls = f"/partners/{guest.partner_id}", world.push(guest, f"{guest.role} 8")
    assert world.operator.patch(path, json={"status": "SUSPENDED"}).status_code == 200
    everything = [(method, url) for url in (*urls, *guest.endpoints.values()) for method in METHODS if method != "HEAD"]
    answers = {seen(guest.call(method, url, json={}))[2] for method, url in everything}
    assert len(answers) == 1
    assert {guest.call(method, url, json={}).status_code for method, url in everything} == {403}
    assert world.operator.patch(path, json={"status": "REGISTERED"}).status_code == 200
    assert {url: data_of(guest.get(url)) for url in urls} == urls


@pytest.mark.req("SES-05", "CDR-02")
@pytest.mark.parametrize("guest", ["EMSP"], indirect=True)
def test_an_emsp_that_returns_sees_its_own_again_and_what_came_for_its_tokens_meanwhile(
    world: World, newcomer: PlayedPartner, guest: PlayedPartner, leaves: Callable[[PlayedPartner], None]
) -> None:
    auth_id = f"A-{guest.owner_path}"
    token = fixture("token_max", uid="GUEST", auth_id=auth_id)
    ended(guest.put(guest.own_url("tokens", "GUEST"), token), 201, 1000)

    def charge(name: str) -> list[str | None]:
        """A session and a CDR of the guest's token; whose they are."""
        own = [(module, fixture(base, id=name, auth_id=auth_id)) for module, base in BASES.items()]
        return [world.operator.put_object(module, value).json()["audience"] for module, value in own]

    before, meanwhile = f"{guest.party_id}-before", f"{guest.party_id}-meanwhile"
    assert charge(before) == [guest.partner_id] * 2
    leaves(guest)
    assert charge(meanwhile) == [guest.partner_id] * 2
    guest.register(world.operator.invite("EMSP"))
    for module in LISTS:
        answer = guest.get(guest.endpoint(module), params=EVER)
        assert [each["id"] for each in data_of(answer)] == [before, meanwhile]
        assert answer.headers["X-Total-Count"] == "2"
        assert data_of(newcomer.get(newcomer.endpoint(module), params=EVER)) == []
    assert charge(before) == charge(meanwhile) == [guest.partner_id] * 2
