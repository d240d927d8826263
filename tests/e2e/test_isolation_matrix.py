"""The matrix of isolation: every route, every method, every kind of caller, every owner of the object.

Expected is what :mod:`tests.support.isolation_table` says. After every refused call the database is what it was, and no
answer ever holds anything of somebody else.
"""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from local.routing import Routes
from local.template import read_template
from tests.support.declared_routes import declared_routes
from tests.support.gateway import ROOT, running_gateway
from tests.support.isolation_table import ADMISSION, LEAVES, METHODS, NOWHERE, OCPI, OPERATOR, Row
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gateway import Gateway

PARTIES = {
    "CPO 1": ("FR", "CPA"),
    "CPO 2": ("DE", "CPB"),
    "EMSP 1": ("NL", "EMA"),
    "EMSP 2": ("BE", "EMB"),
    "CPO left": ("SE", "CPL"),
    "EMSP left": ("DK", "EML"),
    "CPO suspended": ("PL", "CPS"),
    "EMSP suspended": ("CZ", "EMS"),
}
OWNERS = (*PARTIES, "ours", "nobody")
TREE_OF = {"CPO": "/ocpi/emsp", "EMSP": "/ocpi/cpo"}
# Pulls go on beside, since partners have registered; they are nobody's objects.
COLUMNS = [
    "collection, id, document, last_updated, audience, revision FROM objects WHERE collection NOT LIKE 'jobs/%'",
    "id, document, revision FROM partners",
    "hash, partner_id, kind, expires_at FROM grants",
    "role, party, partner_id FROM parties",
]
# Without the exchange log and the limit on failed authentication a refused call has no reason at all to write.
UNHINDERED = {"OCPI_EXCHANGE_DAYS": "0", "OCPI_FAILED_AUTHENTICATIONS": "0"}
EVER = "date_from=1970-01-01T00:00:00Z"


def role_of(name: str) -> str:
    return name.partition(" ")[0]


def tag(owner: str) -> str:
    """Short, and in no other owner's tag."""
    return owner.replace(" ", "").upper()


def secret(owner: str) -> str:
    return f"SECRET-OF-{tag(owner)}-END"


def documents(owner: str) -> dict[str, dict[str, Any]]:
    """An object for each parameter that names one, each with its owner's secret in it."""
    name, hidden = tag(owner), {"x_secret": secret(owner)}
    connector = fixture("connector_max", id=f"C-{name}", **hidden)
    evse = fixture("evse_max", uid=f"E-{name}", connectors=[connector], **hidden)
    return {
        "connector_id": connector,
        "evse_uid": evse,
        "location_id": fixture("location_max", id=f"L-{name}", evses=[evse], **hidden),
        "session_id": fixture("session_max", id=f"S-{name}", **hidden),
        "cdr_id": fixture("cdr_max", id=f"D-{name}", **hidden),
        "tariff_id": fixture("tariff_max", id=f"T-{name}", **hidden),
        "token_uid": fixture("token_max", uid=f"U-{name}", auth_id=f"A-{name}", **hidden),
    }


@dataclass(frozen=True)
class Seen:
    """What came back."""

    status: int
    text: str

    @property
    def outcome(self) -> int:
        """As the table writes it: OCPI's status where HTTP's is a success, unless there is no body."""
        if self.status not in (200, 201) or not self.text:
            return self.status
        code = json.loads(self.text).get("status_code")
        return self.status if code is None else int(code)


class World:
    """A gateway with partners of every kind, each with an object of every kind."""

    def __init__(self, stack: ExitStack, gateway: Gateway) -> None:
        self.gateway = gateway
        self.operator = stack.enter_context(Operator(gateway))
        self.partners = {name: self._partner(stack, name) for name in PARTIES}
        self.cdrs, self.commands = dict[str, str](), dict[str, str]()
        for name, partner in self.partners.items():
            self._push(name, partner)
        for module, kind in (("locations", "location_id"), ("tariffs", "tariff_id"), ("tokens", "token_uid")):
            assert self.operator.put_object(module, documents("ours")[kind]).status_code == 201
        for name in ("EMSP 1", "EMSP 2"):
            for module, kind in (("sessions", "session_id"), ("cdrs", "cdr_id")):
                own = documents(name)[kind] | {"auth_id": f"A-{tag(name)}"}
                assert self.operator.put_object(module, own).status_code == 201
        self.invited = {role: self.operator.invite(role).token for role in TREE_OF}
        for name, partner in self.partners.items():
            if name.endswith("left"):
                assert partner.call("DELETE", partner.endpoint("credentials")).json()["status_code"] == 1000
            if name.endswith("suspended"):
                self.operator.patch(f"/partners/{partner.partner_id}", json={"status": "SUSPENDED"})
        self._connection = http.client.HTTPConnection(gateway.url.partition("//")[2])
        stack.callback(self._connection.close)
        self._version: Any = None
        self._stored: list[Any] = []
        self._database = stack.enter_context(
            closing(sqlite3.connect(f"file:{gateway.data / 'ocpi.db'}?mode=ro", uri=True))
        )

    def _partner(self, stack: ExitStack, name: str) -> PlayedPartner:
        partner = PlayedPartner(role_of(name), *PARTIES[name], token=f"token-b-of-{tag(name)}")
        stack.enter_context(partner)
        partner.register(self.operator.invite(partner.role))
        return partner

    def _push(self, name: str, partner: PlayedPartner) -> None:
        kinds = {"locations": "location_id", "sessions": "session_id", "tariffs": "tariff_id"}
        own = documents(name)
        for module, kind in kinds.items() if partner.role == "CPO" else [("tokens", "token_uid")]:
            value = own[kind]
            answer = partner.put(partner.own_url(module, value.get("id") or value["uid"]), value)
            assert answer.json()["status_code"] == 1000, answer.text
        if partner.role == "CPO":
            answer = partner.call("POST", partner.endpoint("cdrs"), json=own["cdr_id"])
            self.cdrs[name] = answer.headers["Location"].rpartition("/")[2]
            body = {"location_id": f"L-{tag(name)}", "evse_uid": f"E-{tag(name)}", "connector_id": f"C-{tag(name)}"}
            path = f"/2.1.1/partners/{partner.partner_id}/commands/UNLOCK_CONNECTOR"
            self.commands[name] = self.operator.post(path, json=body).json()["id"]

    def stored(self) -> list[Any]:
        """Everything that calls of partners may change, but for when they came."""
        version = self._database.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._stored = [self._database.execute(f"SELECT {each} ORDER BY 1, 2").fetchall() for each in COLUMNS]
        return self._stored

    def call(self, method: str, path: str, authorization: str | None, body: Any = None) -> Seen:
        """A request with a path as it is, whatever it is."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, headers)
        answer = self._connection.getresponse()
        return Seen(answer.status, answer.read().decode())

    def targets(self, row: Row) -> dict[str, dict[str, str]]:
        """For each owner what goes into the path."""
        if row.targets == "nothing":
            return {"nobody": self.values("nobody")}
        if row.targets == "ours":
            return {owner: self.values(owner) for owner in ("ours", "EMSP 1", "EMSP 2", "nobody")}
        return {owner: self.values(owner) for owner in OWNERS}

    def values(self, owner: str) -> dict[str, str]:
        """The parameters of a path that name the objects of an owner."""
        country_code, party_id = PARTIES.get(owner, ("NL", "EXA") if owner == "ours" else ("AT", "ZZZ"))
        ids = {kind: str(value.get("id") or value["uid"]) for kind, value in documents(owner).items()}
        return {
            **ids,
            "cdr_id": self.cdrs.get(owner, ids["cdr_id"]),
            "command": "UNLOCK_CONNECTOR",
            "command_id": self.commands.get(owner, "0" * 32),
            "country_code": country_code,
            "party_id": party_id,
        }

    def authorizations(self, role: str) -> dict[str, list[tuple[str, str | None]]]:
        """Every caller that is not a partner in its own tree, by its kind in :data:`ADMISSION`; ``role`` is whose tree
        is called.
        """
        other = next(each for each in TREE_OF if each != role)
        key = self.gateway.endpoints["operator"]["key"]
        c = {name: str(partner.token) for name, partner in self.partners.items()}
        nobody: list[tuple[str, str | None]] = [("without a header", None)]
        return {
            "nobody": nobody,
            "malformed": [(repr(text), text) for text in ("Token ", f"Bearer {c[f'{role} 1']}", c[f"{role} 1"])],
            "unknown token": [("made up", "Token nope"), ("cut short", f"Token {c[f'{role} 1'][:-1]}")],
            "token of the other role": [
                *((f"{other} {n}", f"Token {c[f'{other} {n}']}") for n in (1, 2)),
                ("token A of the other role", f"Token {self.invited[other]}"),
            ],
            "token A": [("invited", f"Token {self.invited[role]}")],
            "left": [("left", f"Token {c[f'{role} left']}")],
            "suspended": [("suspended", f"Token {c[f'{role} suspended']}")],
            "operator key": [("as it is used", f"Bearer {key}")],
            "operator key as a token": [("as a token", f"Token {key}")],
        }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack, stack.enter_context(running_gateway(environ=UNHINDERED)))


def path_of(route: str, values: dict[str, str]) -> str:
    """The path with the parameters of an owner in it, and the query that the specification asks for."""
    path = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], route)
    return f"{path}?{EVER}" if route == "/ocpi/cpo/2.1.1/sessions" else path


def body_for(route: str, owner: str) -> Any:
    """A body that would be right for the owner, whoever sends it."""
    if route.endswith("credentials"):
        return {}
    if route.endswith("/{command}"):
        return fixture("cmd_unlock_connector", response_url="http://127.0.0.1:1/x")
    if route.endswith("/{command_id}"):
        return {"result": "ACCEPTED"}
    if route.endswith("/authorize"):
        return None
    kind = "cdr_id" if route.endswith("/cdrs") else route.rpartition("{")[2].rstrip("}")
    return documents(owner).get(kind, {})


def expect(world: World, seen: Seen, outcome: int, caller: str, cell: str) -> None:
    """An outcome, and nothing of anybody but the caller."""
    if outcome >= 1000 and not seen.text:
        assert seen.status in (200, 201), cell
    else:
        assert seen.outcome == outcome, f"{cell}: {seen.text[:300]}"
    for owner in PARTIES:
        if owner != caller:
            assert secret(owner) not in seen.text, cell


def test_every_route_of_the_template_and_of_the_functions_has_a_row() -> None:
    declared = declared_routes()
    assert set(declared) == set(OCPI) | {path for path, methods in OPERATOR.items() if methods}
    assert {path: tuple(methods) for path, methods in declared.items() if path in OPERATOR} == {
        path: methods for path, methods in OPERATOR.items() if methods
    }
    assert {path: set(methods) for path, methods in declared.items() if path in OCPI} == {
        path: set(row.owner) for path, row in OCPI.items()
    }
    functions = read_template(ROOT / "template.yaml").functions
    routes = Routes(functions)
    reached = {
        match.resource
        for path in (*OCPI, *NOWHERE, *OPERATOR)
        if (match := routes.match("GET", path.replace("{", "").replace("}", ""))) is not None
    }
    assert reached == {route.path for function in functions for route in function.routes}


def test_the_matrix_is_as_large_as_is_said_of_it(world: World) -> None:
    """The figure of ``SECURITY.md``; what is asked beside the matrix is not counted."""
    cells = 0
    for route, row in OCPI.items():
        role = next(each for each, tree in TREE_OF.items() if route.startswith(f"{tree}/"))
        callers = sum(map(len, world.authorizations(role).values())) + 2
        cells += callers * len(METHODS) * len(world.targets(row))
    assert cells >= 14_000


@pytest.mark.req("TF-02", "TF-54")
@pytest.mark.parametrize("kind", ADMISSION)
def test_who_may_not_come_in_gets_one_answer_everywhere_and_changes_nothing(world: World, kind: str) -> None:
    before = world.stored()
    for route, row in OCPI.items():
        role = next(each for each, tree in TREE_OF.items() if route.startswith(f"{tree}/"))
        for caller, authorization in world.authorizations(role)[kind]:
            for owner, values in world.targets(row).items():
                body = body_for(route, owner)
                for method in METHODS:
                    cell = f"{method} {path_of(route, values)} by {kind} ({caller})"
                    outcome = ADMISSION[kind]
                    if kind == "token A" and row.invited is not None:
                        outcome = row.invited.get("GET" if method == "HEAD" else method, 405)
                    expect(world, world.call(method, path_of(route, values), authorization, body), outcome, "", cell)
                    assert world.stored() == before, cell


@pytest.mark.req("TF-54", "TF-08", "SES-15", "CDR-20", "TAR-11")
@pytest.mark.parametrize("caller", ["CPO 1", "CPO 2", "EMSP 1", "EMSP 2"])
def test_a_partner_gets_at_its_own_objects_and_at_no_others(world: World, caller: str) -> None:
    tree = f"{TREE_OF[role_of(caller)]}/"
    authorization = f"Token {world.partners[caller].token}"
    for route, row in OCPI.items():
        if not route.startswith(tree):
            continue
        for owner, values in world.targets(row).items():
            is_owner = row.targets == "nothing" or owner == ("ours" if row.targets == "ours" else caller)
            cells = row.owner if is_owner else row.other
            for method in METHODS:
                outcome = cells.get("GET" if method == "HEAD" else method, 405)
                if outcome == LEAVES:
                    continue
                before = world.stored()
                path = path_of(route, values)
                body = body_for(route, caller if row.targets == "nothing" else owner)
                seen = world.call(method, path, authorization, body)
                cell = f"{method} {path} by {caller}"
                expect(world, seen, outcome, caller, cell)
                if not (is_owner and outcome == 1000 and method not in ("GET", "HEAD")):
                    assert world.stored() == before, cell


@pytest.mark.req("TF-22")
def test_where_there_is_nothing_everybody_is_told_the_same(world: World) -> None:
    before = world.stored()
    callers = [*world.authorizations("CPO").values(), *world.authorizations("EMSP").values()]
    known = [(name, f"Token {world.partners[name].token}") for name in ("CPO 1", "EMSP 1")]
    for path, outcome in NOWHERE.items():
        for method in METHODS:
            texts = set()
            for caller, authorization in [*known, *(each for kind in callers for each in kind)]:
                seen = world.call(method, path, authorization, {})
                expect(world, seen, outcome, "", f"{method} {path} by {caller}")
                texts.add(re.sub(r'"timestamp":"[^"]*"', "", seen.text))
            assert len(texts) == 1, f"{method} {path}"
    assert world.stored() == before


def test_the_operator_api_is_the_operators_alone(world: World) -> None:
    before = world.stored()
    key = world.gateway.endpoints["operator"]["key"]
    tokens = [
        *(world.partners[each].token for each in ("CPO 1", "EMSP 1", "CPO left")),
        *world.invited.values(),
        key[:-1],
    ]
    refused = [
        None,
        key,
        f"Token {key}",
        f"Basic {key}",
        *(f"{word} {token}" for token in tokens for word in ("Token", "Bearer")),
    ]
    values = {
        **world.values("CPO 1"),
        "id": str(world.partners["CPO 1"].partner_id),
        "module": "locations",
        "object_id": f"L-{tag('CPO 1')}",
        "uid": f"U-{tag('ours')}",
        "sync_id": "0",
        "reconciliation_id": "0",
    }
    for route, methods in OPERATOR.items():
        path = path_of(route, values)
        for method in METHODS:
            for authorization in refused:
                cell = f"{method} {path} with {authorization}"
                expect(world, world.call(method, path, authorization, {}), 401, "", cell)
            asked = "GET" if method == "HEAD" else method
            if asked not in methods:
                outcome = 405 if methods else 404
                seen = world.call(method, path, f"Bearer {key}", {})
                assert seen.status == outcome, f"{method} {path} by the operator"
    assert world.stored() == before


# What a partner might try beside


def spellings(values: dict[str, str], own: dict[str, str], module: str, kind: str) -> list[str]:
    """Paths below a module that lead, read carelessly, to what is not the caller's."""
    there, mine = f"{values['country_code']}/{values['party_id']}", f"{own['country_code']}/{own['party_id']}"
    name = values[kind]
    paths = [
        f"{there.lower()}/{name}",
        f"{there.title()}/{name}",
        f"{there}/{name.lower()}",
        f"{there}/{name}/",
        f"{there}/{name}//",
        f"{there}//{name}",
        f"/{there}/{name}",
        f"{there.replace('/', '%2F')}/{name}",
        f"{there}%2F{name}",
        f"{there}/%2F{name}",
        f"{there}/{name}%2F",
        f"{mine}/../../{there}/{name}",
        f"{mine}/%2E%2E/%2E%2E/{there}/{name}",
        f"{mine}/..%2F..%2F{there.replace('/', '%2F')}%2F{name}",
        f"{mine}/%2E%2E%2F%2E%2E%2F{there.replace('/', '%2F')}%2F{name}",
        f"{mine}%2F..%2F..%2F{there}/{name}",
        f"{mine}/{there.replace('/', '%2F')}%2F{name}",
        f"{mine}/{name}",
        f"{mine}/{name}%00",
        f"{mine}/{name}%20",
        f"{there}/{name}%00",
        f"{there}/{name};x=1",
        f"{there}/{name}?country_code={own['country_code']}&party_id={own['party_id']}",
        f"%{ord(there[0]):02X}{there[1:]}/{name}",
        f"%25{ord(there[0]):02X}{there[1:]}/{name}",
        f"{own['country_code']}/{values['party_id']}/{name}",
        f"{values['country_code']}/{own['party_id']}/{name}",
        f"{mine},{there}/{name}",
        f"*/*/{name}",
        f"%2A/%2A/{name}",
        f"NL/EXA/{name}",
        f"own/{module}/{name}",
    ]
    return [f"{module}/{path}" for path in paths]


@pytest.mark.req("TF-54", "TF-56")
@pytest.mark.parametrize(
    ("caller", "victim", "module", "kind"),
    [
        ("CPO 1", "CPO 2", "locations", "location_id"),
        ("CPO 2", "CPO left", "sessions", "session_id"),
        ("CPO 1", "CPO suspended", "tariffs", "tariff_id"),
        ("EMSP 1", "EMSP 2", "tokens", "token_uid"),
        ("EMSP 2", "EMSP left", "tokens", "token_uid"),
    ],
)
def test_no_spelling_of_a_url_leads_to_anothers_object(
    world: World, caller: str, victim: str, module: str, kind: str
) -> None:
    tree, authorization = TREE_OF[role_of(caller)], f"Token {world.partners[caller].token}"
    row = f"{'-'.join(PARTIES[victim])}/{module}"

    def of_others() -> list[Any]:
        objects, *rest = world.stored()
        return [[each for each in objects if "-".join(PARTIES[caller]) not in each[0].upper()], *rest]

    before = of_others()
    assert any(row.lower() == each[0].lower() for each in before[0]), "the victim's is among them"
    for path in spellings(world.values(victim), world.values(caller), module, kind):
        for method in METHODS:
            seen = world.call(method, f"{tree}/2.1.1/{path}", authorization, documents(caller)[kind])
            assert seen.status < 500, f"{method} {path}"
            for owner in PARTIES:
                assert owner == caller or secret(owner) not in seen.text, f"{method} {path}"
            assert of_others() == before, f"{method} {path}"
    own = world.values(caller)
    mine = f"{own['country_code']}/{own['party_id']}".lower()
    found = world.call("GET", f"{tree}/2.1.1/{module}/{mine}/{own[kind]}", authorization)
    assert found.outcome == 1000, "the control: a party is one whatever its letters"


@pytest.mark.req("CDR-20", "CMD-38")
def test_ids_that_stand_alone_are_their_owners_in_every_spelling(world: World) -> None:
    before = world.stored()
    authorization = f"Token {world.partners['CPO 1'].token}"
    cdr, command = world.cdrs["CPO 2"], world.commands["CPO 2"]
    for name in (
        cdr,
        cdr.lower(),
        cdr.upper(),
        f"{cdr}/",
        f"{cdr}%20",
        f"%2F{cdr}",
        f"DE%2FCPB%2F{cdr}",
        f"../cdrs/{cdr}",
    ):
        seen = world.call("GET", f"/ocpi/emsp/2.1.1/cdrs/{name}", authorization)
        assert seen.status in (404, 405), name
    for name in (command, command.upper(), f"{command}/", f"{command}%20", f"%2F{command}"):
        for kind in ("UNLOCK_CONNECTOR", "START_SESSION", "unlock_connector"):
            path = f"/ocpi/emsp/2.1.1/commands/{kind}/{name}"
            assert world.call("POST", path, authorization, {"result": "REJECTED"}).status == 404, path
    assert world.stored() == before


@pytest.mark.req("SES-05", "CDR-02", "TF-33")
@pytest.mark.parametrize("caller", ["EMSP 1", "EMSP 2"])
@pytest.mark.parametrize("module", ["sessions", "cdrs"])
def test_every_page_of_a_list_holds_the_readers_own_only(world: World, caller: str, module: str) -> None:
    authorization = f"Token {world.partners[caller].token}"
    for offset in range(4):
        for limit in range(1, 5):
            path = f"/ocpi/cpo/2.1.1/{module}?{EVER}&offset={offset}&limit={limit}"
            seen = world.call("GET", path, authorization)
            expect(world, seen, 1000, caller, f"GET {path} by {caller}")
            ids = [each["id"] for each in json.loads(seen.text)["data"]]
            assert ids == ([f"{module[0].upper().replace('C', 'D')}-{tag(caller)}"] if offset == 0 else [])


def test_what_the_operator_asks_of_one_partner_is_that_partners(world: World) -> None:
    first, second = (str(world.partners[name].partner_id) for name in ("CPO 1", "CPO 2"))
    operator = world.operator
    started = {
        kind: operator.post(f"/partners/{second}/{verb}", json={}).json().get("id", "none")
        for kind, verb in (("syncs", "sync"), ("reconciliations", "reconcile"))
    }
    for kind, name in started.items():
        assert operator.get(f"/partners/{second}/{kind}/{name}").status_code == 200
        assert operator.get(f"/partners/{first}/{kind}/{name}").status_code == 404
    for module, kind in (("locations", "location_id"), ("sessions", "session_id"), ("tariffs", "tariff_id")):
        name = world.values("CPO 2")[kind]
        for path in (name, f"{name}/findings"):
            assert operator.get(f"/partners/{first}/{module}/{path}").status_code == 404
        for spelling in (f"../../{second}/{module}/{name}", f"%2E%2E%2F{module}%2F{name}"):
            answer = world.call(
                "GET",
                f"/operator/partners/{first}/{module}/{spelling}",
                f"Bearer {world.gateway.endpoints['operator']['key']}",
            )
            assert answer.status in (404, 405)
        listed = operator.get(f"/partners/{first}/{module}").text
        assert secret("CPO 2") not in listed
        assert secret("CPO 1") in listed
    assert {each["object_id"] for each in operator.get(f"/partners/{first}/deliveries").json()["items"]} <= {
        documents("ours")["token_uid"]["uid"]
    }
