"""Whatever a partner says about where to call, a gateway as strict as in AWS connects to public addresses only.

Every place where a partner chooses a URL, over the whole system; the network is played and every connection in it is
known (:mod:`tests.support.watched_gateway`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.address_vectors import REFUSED, RESOLVES, Vector
from tests.support.answers import data_of
from tests.support.commands import command
from tests.support.partner_server import Reply, wait_until
from tests.support.party import MODULES, Operator, fixture
from tests.support.watched_gateway import HOST, PUBLIC, Network, PublicPartner, watched_gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

VECTORS = [vector for vector in REFUSED if vector.why != "ourselves"]
"""Ourselves are in the table under another name; the gateway's own URL is refused here as one with http."""
BY_KIND = list({vector.why: vector for vector in VECTORS}.values())
"""One of each kind, where trying one takes long."""
INNER = "https://mixed.partner.example"
REBINDING = "rebind.partner.example"
HOOK = "https://mixed-first.partner.example/hook"
SECONDS = 20.0


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    names = {name: [addresses] for name, addresses in RESOLVES.items()}
    names[REBINDING] = [(PUBLIC,), ("127.0.0.1",)]
    environ = {"OCPI_AUTHORIZATION_HOOK_URL": HOOK}
    with watched_gateway(tmp_path_factory.mktemp("network"), names, environ) as running:
        yield running


@pytest.fixture(autouse=True)
def _connected_to_the_partner_alone(network: Network) -> Iterator[None]:
    """However a test ends."""
    yield
    assert {tuple(where) for where in network.dialled if isinstance(where, list)} <= {(PUBLIC, 443)}
    assert all(isinstance(where, list) for where in network.dialled)
    assert set(network.asked) <= {*RESOLVES, REBINDING}


@pytest.fixture(scope="module")
def operator(network: Network) -> Iterator[Operator]:
    with Operator(network.gateway) as client:
        yield client


@pytest.fixture
def emsp(network: Network) -> Iterator[PublicPartner]:
    with PublicPartner("EMSP", server=network.server) as partner:
        yield partner


@pytest.fixture
def cpo(network: Network) -> Iterator[PublicPartner]:
    with PublicPartner("CPO", server=network.server) as partner:
        yield partner


@pytest.fixture
def leaving(operator: Operator) -> Iterator[list[PublicPartner]]:
    """Partners that are to be gone after the test, so that nothing is pushed to them or pulled from them later."""
    partners: list[PublicPartner] = []
    yield partners
    for partner in partners:
        assert operator.delete(f"/partners/{partner.partner_id}?force=true").status_code == 204


class Invitation:
    """A partner's tries to register with one invitation."""

    def __init__(self, operator: Operator, partner: PublicPartner) -> None:
        self._invited = operator.invite(partner.role)
        self._partner = partner
        self._url = partner.discover(self._invited.versions_url, self._invited.token)["credentials"]

    def outcome(self, versions_url: str | None = None) -> int:
        """The OCPI status of a try."""
        body = self._partner.credentials(**({} if versions_url is None else {"url": versions_url}))
        answer = self._partner.call("POST", self._url, token=self._invited.token, json=body)
        return int(answer.json()["status_code"])

    def still_works(self, leaving: list[PublicPartner]) -> None:
        """The control: the same try with nothing inner in it."""
        self._partner.serve_versions()
        self._partner.register(self._invited)
        leaving.append(self._partner)


def test_versions_url_of_credentials(
    network: Network, operator: Operator, emsp: PublicPartner, leaving: list[PublicPartner]
) -> None:
    before, invitation = len(network.dialled), Invitation(operator, emsp)
    for vector in VECTORS:
        assert invitation.outcome(vector.url) in (2001, 3001), vector
    assert len(network.dialled) == before, "not one connection"
    invitation.still_works(leaving)
    assert len(network.dialled) > before, "the control makes some"


def test_urls_in_the_list_of_versions(
    network: Network, operator: Operator, emsp: PublicPartner, leaving: list[PublicPartner]
) -> None:
    invitation = Invitation(operator, emsp)
    for vector in VECTORS:
        network.server.on("GET", "/emsp/versions", Reply.ocpi([{"version": "2.1.1", "url": vector.url}]))
        assert invitation.outcome() == 3001, vector
    invitation.still_works(leaving)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_while_registering(
    network: Network, operator: Operator, emsp: PublicPartner, leaving: list[PublicPartner], status: int
) -> None:
    invitation = Invitation(operator, emsp)
    for path in ("/emsp/2.1.1", "/emsp/versions"):
        for vector in _tellable(BY_KIND)[status % 10 :: 10]:
            network.server.on("GET", path, Reply(status, headers={"Location": vector.url}))
            assert invitation.outcome() == 3001, vector
    invitation.still_works(leaving)


def test_endpoints_of_version_details(
    network: Network, operator: Operator, emsp: PublicPartner, leaving: list[PublicPartner]
) -> None:
    invitation = Invitation(operator, emsp)
    # An answer with a NUL character in it is refused as a whole.
    told = [vector for vector in VECTORS if "\0" not in vector.url]
    endpoints = [{"identifier": f"x{number}", "url": vector.url} for number, vector in enumerate(told)]
    # Only what could be called is kept; a name that leads inside is found out when it is called.
    allowed = [{"identifier": name, "url": f"https://{HOST}/x/{name}"} for name in ("credentials", "tokens")]
    emsp.serve_versions()
    details = {"version": "2.1.1", "endpoints": endpoints + allowed}
    network.server.on("GET", "/emsp/2.1.1", Reply.ocpi(details))
    assert invitation.outcome() == 1000
    (partner,) = [each for each in operator.get("/partners").json()["items"] if each["status"] == "REGISTERED"]
    emsp.partner_id = partner["id"]
    leaving.append(emsp)
    kept = {url for each in partner["endpoints"] if not (url := str(each["url"])).startswith(f"https://{HOST}/")}
    assert kept == {vector.url for vector in VECTORS if vector.resolves}


def test_versions_url_given_to_the_operator(operator: Operator) -> None:
    for vector in VECTORS:
        body = {"role": "EMSP", "name": "x", "versions_url": vector.url, "token": "abc"}
        assert operator.post("/partners", json=body).status_code in (422, 502), vector


def test_a_name_that_leads_inside_the_second_time(network: Network, operator: Operator, emsp: PublicPartner) -> None:
    invitation, url = Invitation(operator, emsp), f"https://{REBINDING}/emsp"
    network.server.on("GET", "/emsp/versions", Reply.ocpi([{"version": "2.1.1", "url": f"{url}/2.1.1"}]))
    before = len(network.dialled)
    assert invitation.outcome(f"{url}/versions") == 3001
    assert network.asked.count(REBINDING) == 2
    assert len(network.dialled) == before + 1, "the first question led outside"


def register(operator: Operator, partner: PublicPartner, leaving: list[PublicPartner], **inner: str) -> None:
    """Register a partner some of whose modules are at inner names."""
    role = partner.role.lower()
    urls = {module: f"https://{HOST}/{role}/2.1.1/{module}" for module in MODULES} | inner
    endpoints = [{"identifier": module, "url": url} for module, url in urls.items()]
    partner.server.on("GET", f"/{role}/2.1.1", Reply.ocpi({"version": "2.1.1", "endpoints": endpoints}))
    for module in ("locations", "sessions", "cdrs", "tariffs", "tokens"):
        partner.server.on("GET", f"/{role}/2.1.1/{module}", Reply.ocpi([]))
    partner.register(operator.invite(partner.role))
    leaving.append(partner)


def attempts(operator: Operator, partner: PublicPartner, object_id: str) -> int:
    items = operator.get(f"/partners/{partner.partner_id}/deliveries").json()["items"]
    return sum(item["attempts"] for item in items if item["object_id"] == object_id)


def test_endpoints_that_objects_are_pushed_to(
    network: Network, operator: Operator, emsp: PublicPartner, leaving: list[PublicPartner]
) -> None:
    register(operator, emsp, leaving, locations=f"{INNER}/locations", tariffs="https://h9.partner.example/tariffs")
    before = len(network.server.requests)
    for module, name in (("locations", "location_min"), ("tariffs", "tariff_free")):
        object_id = f"GUARD-{module}"
        assert operator.put_object(module, fixture(name, id=object_id)).status_code in (200, 201)
        wait_until(lambda known=object_id: attempts(operator, emsp, known) > 0, SECONDS)  # type: ignore[misc] # bound early
    assert not any("GUARD" in request.path for request in network.server.requests[before:])


def test_redirects_and_location_headers_of_what_is_pushed(
    network: Network, operator: Operator, emsp: PublicPartner, leaving: list[PublicPartner]
) -> None:
    register(operator, emsp, leaving)
    auth_id = "GUARD-AUTH"
    token = fixture("token_max", uid="GUARD", auth_id=auth_id)
    assert emsp.put(emsp.own_url("tokens", "GUARD"), token).json()["status_code"] == 1000
    base = "/emsp/2.1.1"
    for number, status in enumerate((301, 302, 307, 308)):
        object_id = f"REDIRECTED-{number}"
        answer = Reply(status, headers={"Location": f"{INNER}{base}/tariffs/NL/EXA/{object_id}/"})
        for method in ("PUT", "PATCH", "GET"):
            network.server.on(method, f"{base}/tariffs/NL/EXA/{object_id}", answer)
        assert operator.put_object("tariffs", fixture("tariff_free", id=object_id)).status_code == 201
        wait_until(lambda known=object_id: attempts(operator, emsp, known) > 0, SECONDS)  # type: ignore[misc] # bound early
    network.server.on("POST", f"{base}/cdrs", Reply.ocpi(status=201, headers={"Location": f"{INNER}/cdrs/1"}))
    cdr = fixture("cdr_max", id="GUARD-CDR", auth_id=auth_id)
    assert operator.put_object("cdrs", cdr).status_code == 201
    wait_until(lambda: len(network.server.received("POST", f"{base}/cdrs")) > 0, SECONDS)
    body = {"modules": ["cdrs"], "repair": False}
    started = operator.post(f"/partners/{emsp.partner_id}/reconcile", json=body).json()
    url = f"/partners/{emsp.partner_id}/reconciliations/{started['id']}"
    wait_until(lambda: operator.get(url).json()["state"] != "running", SECONDS)


def pulled(operator: Operator, partner: PublicPartner) -> dict[str, Any]:
    """How a pull of tariffs ends."""
    url, deadline = f"/partners/{partner.partner_id}", time.monotonic() + SECONDS
    while True:
        answer = operator.post(f"{url}/sync", json={"modules": ["tariffs"], "full": True})
        if answer.status_code == 202:
            break
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    sync = f"{url}/syncs/{answer.json()['id']}"
    wait_until(lambda: operator.get(sync).json()["state"] != "running", SECONDS)
    module: dict[str, Any] = operator.get(sync).json()["modules"]["tariffs"]
    return module


def test_link_headers_of_what_is_pulled(
    network: Network, operator: Operator, cpo: PublicPartner, leaving: list[PublicPartner]
) -> None:
    register(operator, cpo, leaving)
    for vector in _tellable(BY_KIND):
        page = Reply.ocpi([fixture("tariff_free", id="LINKED")], headers={"Link": f'<{vector.url}>; rel="next"'})
        network.server.on("GET", "/cpo/2.1.1/tariffs", page)
        assert not pulled(operator, cpo)["complete"], vector
    network.server.on("GET", "/cpo/2.1.1/tariffs", Reply.ocpi([fixture("tariff_free", id="LINKED")]))
    assert pulled(operator, cpo)["complete"], "the control"


def _tellable(vectors: list[Vector]) -> list[Vector]:
    """Those that a header can carry, and that are not below the partner's own URL."""
    return [each for each in vectors if each.url.isascii() and each.url.isprintable() and each.why != "not absolute"]


def test_response_url_of_commands(
    network: Network, operator: Operator, emsp: PublicPartner, leaving: list[PublicPartner]
) -> None:
    # Hosts of the partner's own, as it said in the handshake: what is left to refuse them is the guard.
    register(operator, emsp, leaving, sessions=f"{INNER}/sessions", cdrs="https://h9.partner.example/cdrs")
    before = len(network.dialled)
    own = [Vector(f"{INNER}/results/1", "a host of the partner's"), Vector("https://h9.partner.example/1", "the same")]
    for vector in [*VECTORS, *own]:
        url = emsp.endpoint("commands", "UNLOCK_CONNECTOR")
        answer = emsp.call("POST", url, json=command("UNLOCK_CONNECTOR", vector.url))
        assert answer.json()["status_code"] == 2001, vector
        assert "/response_url" in answer.json()["status_message"], vector
    assert len(network.dialled) == before


def test_endpoints_that_are_asked(
    network: Network, operator: Operator, emsp: PublicPartner, cpo: PublicPartner, leaving: list[PublicPartner]
) -> None:
    register(operator, emsp, leaving, tokens=f"{INNER}/tokens")
    token = fixture("token_max", uid="ASKED", auth_id="ASKED", whitelist="NEVER")
    assert emsp.put(emsp.own_url("tokens", "ASKED"), token).json()["status_code"] == 1000
    assert operator.post("/2.1.1/tokens/ASKED/authorize").json()["source"] == "offline"
    register(operator, cpo, leaving, commands=f"{INNER}/commands")
    sent = operator.post(
        f"/2.1.1/partners/{cpo.partner_id}/commands/UNLOCK_CONNECTOR", json=command("UNLOCK_CONNECTOR")
    )
    assert sent.json()["state"] == "undeliverable", sent.text


def test_hooks_of_the_operator_are_held_to_the_same(
    network: Network, operator: Operator, cpo: PublicPartner, leaving: list[PublicPartner]
) -> None:
    register(operator, cpo, leaving)
    own = fixture("token_max", uid="HOOKED", auth_id="HOOKED")
    assert operator.put_object("tokens", own).status_code == 201
    answer = cpo.call("POST", cpo.endpoint("tokens", "HOOKED", "authorize"))
    assert data_of(answer)["allowed"] == "ALLOWED", "by the rule, as whenever the hook cannot be asked"
    assert HOOK.split("/")[2] in network.asked
    assert data_of(cpo.get(cpo.endpoint("tokens")))
