"""What waits for a token finds its audience, whatever dies, lags or comes at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.context import LambdaContext
from local.functions import load
from ocpi.objects.audience import find_audience
from ocpi.objects.own import OwnWrites, own_key
from ocpi.objects.waiting import Waiting
from ocpi.store.port import OWN, Collection, Key, PageQuery
from ocpi.store.update import update
from ocpi.v2_1_1.module_rules import module_rules
from tests.support.gateway import ROOT
from tests.support.stores import draft
from tests.support.upkeep import deployment_over, let_time_pass, run_upkeep
from tests.unit.objects.tokens_of_partners import BOB, TNM, give_token
from tests.unit.v2_1_1.examples import example

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocpi.store.port import Draft, Objects, Record, Store

AUTH_ID = "NL-EXM-C1"


class Killed(BaseException):
    """The process died."""


class Dying:
    """Objects of a process that dies at its ``steps``-th call."""

    def __init__(self, objects: Objects, steps: int) -> None:
        self.objects, self.left = objects, steps

    def __getattr__(self, name: str) -> Any:
        if not self.left:
            raise Killed
        self.left -= 1
        return getattr(self.objects, name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ocpi.db"


@pytest.fixture
def store(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a deployment that this process is."""
    with deployment_over(file, monkeypatch) as opened:
        yield opened


@pytest.fixture
def objects(store: Store) -> Objects:
    return store.objects


def waiting(objects: Any) -> Waiting:
    return Waiting(objects, module_rules, pending_minutes=30)


def put(objects: Any, name: str, auth_id: str = AUTH_ID, *, module: str = "sessions", **fields: Any) -> Record:
    rules = module_rules(module)
    assert rules is not None
    base = {"sessions": "session_max", "cdrs": "cdr_max"}[module]
    body = rules.check_own({**example(base), "id": name, "auth_id": auth_id, **fields})
    key = own_key(rules, name)
    record = update(objects, key, OwnWrites(rules, objects, pending_minutes=30).put(key, body)).after
    assert record is not None
    return record


def total(objects: Objects, audience: str, module: str = "sessions") -> int:
    return objects.page(PageQuery(Collection(OWN, module), limit=1, audience=audience)).total


def test_a_token_settles_what_waited_for_it_and_nothing_else(objects: Objects) -> None:
    for number in range(3):
        put(objects, f"S-{number}")
    put(objects, "C-1", module="cdrs")
    other = put(objects, "S-OTHER", "OTHER")
    assert waiting(objects).settle(give_token(objects, TNM, AUTH_ID.upper())) == 4
    assert (total(objects, TNM), total(objects, TNM, "cdrs")) == (3, 1)
    assert objects.get(other.key) == other
    assert waiting(objects).settle(give_token(objects, BOB, AUTH_ID)) == 0
    assert (total(objects, TNM), total(objects, BOB)) == (3, 0)


def test_a_token_that_another_partner_gives_later_draws_nothing_to_it(objects: Objects) -> None:
    assert find_audience(objects, AUTH_ID) is None
    give_token(objects, TNM, AUTH_ID, last_updated="2024-01-01T00:00:00Z")
    give_token(objects, BOB, AUTH_ID, last_updated="2099-01-01T00:00:00Z")
    assert find_audience(objects, AUTH_ID) == TNM
    give_token(objects, TNM, AUTH_ID, last_updated="2024-01-02T00:00:00Z", valid=False)
    assert find_audience(objects, AUTH_ID) == TNM


def test_a_spelling_that_fits_better_draws_nothing_to_it(objects: Objects) -> None:
    give_token(objects, TNM, AUTH_ID.lower(), valid=False)
    give_token(objects, BOB, AUTH_ID)
    for spelled in (AUTH_ID, AUTH_ID.lower(), AUTH_ID.title()):
        assert find_audience(objects, spelled) == TNM


def test_the_cdr_of_a_session_whose_card_was_lost_goes_where_the_session_went(objects: Objects) -> None:
    give_token(objects, TNM, AUTH_ID)
    assert put(objects, "S", status="ACTIVE").audience == TNM
    give_token(objects, BOB, AUTH_ID)
    give_token(objects, TNM, AUTH_ID, valid=False)
    assert put(objects, "S", kwh=9, status="ACTIVE", last_updated="2025-01-01T00:00:00Z").audience == TNM
    assert put(objects, "C", module="cdrs").audience == TNM


def own_token(objects: Objects, auth_id: str = AUTH_ID, **changes: Any) -> Record:
    """A card that we give to a customer of ours."""
    rules = module_rules("tokens")
    assert rules is not None
    token = rules.check_own({**example("token_max"), "uid": "OURS", "type": "RFID", "auth_id": auth_id, **changes})
    key = own_key(rules, rules.object_id(token))
    record = update(objects, key, OwnWrites(rules, objects, pending_minutes=30).put(key, token)).after
    assert record is not None
    return record


def test_what_waits_when_a_token_of_our_own_comes_is_nobodys_and_waits_no_more(objects: Objects, file: Path) -> None:
    session, cdr = put(objects, "S"), put(objects, "C", AUTH_ID.lower(), module="cdrs")
    own_token(objects)
    assert waiting(objects).settle(give_token(objects, TNM, AUTH_ID)) == 2
    for record in (session, cdr):
        stored = objects.get(record.key)
        assert stored is not None
        assert (stored.audience, stored.due, stored.document) == (None, None, record.document)
    let_time_pass(file)
    assert run_upkeep() == 0
    assert waiting(objects).settle(give_token(objects, TNM, AUTH_ID)) == 0
    assert (total(objects, TNM), total(objects, TNM, "cdrs")) == (0, 0)


def test_upkeep_finds_that_what_waits_is_our_own_customers(objects: Objects, file: Path) -> None:
    put(objects, "S", status="PENDING")
    own_token(objects)
    let_time_pass(file)
    assert run_upkeep() == 1
    # The contract is another's by now; what was done with it before is not.
    own_token(objects, "OTHER")
    assert waiting(objects).settle(give_token(objects, TNM, AUTH_ID)) == 0
    assert total(objects, TNM) == 0
    assert objects.due("2999-01-01T00:00:00Z", 10) == []


@pytest.mark.parametrize("steps", range(6))
def test_a_process_that_dies_while_it_settles_leaves_the_rest_to_upkeep(
    objects: Objects, file: Path, steps: int
) -> None:
    names = [f"S-{number}" for number in range(3)]
    for name in names:
        put(objects, name)
    token = give_token(objects, TNM, AUTH_ID)
    try:
        waiting(Dying(objects, steps)).settle(token)
    except Killed:
        assert total(objects, TNM) < len(names)
    else:
        assert total(objects, TNM) == len(names)
        assert steps > 3
    let_time_pass(file)
    run_upkeep()
    assert total(objects, TNM) == len(names)
    assert objects.due("2999-01-01T00:00:00Z", 10) == []


class Lagging:
    """Objects of a database whose index does not show tokens yet."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objects, name)

    def find(self, lookup: str) -> list[Record]:
        return [] if lookup.startswith("token/") else self.objects.find(lookup)


def test_a_token_settles_what_waited_for_it_although_no_index_shows_it_yet(objects: Objects) -> None:
    put(objects, "X")
    assert waiting(Lagging(objects)).settle(give_token(objects, TNM, AUTH_ID)) == 1
    assert total(objects, TNM) == 1


def test_a_token_that_names_another_contract_is_no_token_of_this_one(objects: Objects) -> None:
    other = give_token(objects, TNM, "OTHER")
    assert find_audience(Lagging(objects), AUTH_ID, other) is None
    assert find_audience(Lagging(objects), "other", other) == TNM


class Meanwhile:
    """Objects of a process in which something else happens just before it writes."""

    def __init__(self, objects: Objects, happens: Any) -> None:
        self.objects, self.happens = objects, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objects, name)

    def put(self, key: Key, made: Draft, *, expected: int | None) -> Record:
        self.happens()
        return self.objects.put(key, made, expected=expected)


def test_a_change_that_comes_between_is_neither_lost_nor_in_the_way_of_the_audience(objects: Objects) -> None:
    put(objects, "X", status="ACTIVE")
    again: list[Record] = []

    class Contended(Meanwhile):
        def put_many(self, writes: Any) -> Any:
            if not again:
                again.append(put(objects, "X", status="ACTIVE", kwh=1, last_updated="2025-01-01T00:00:00Z"))
            return self.objects.put_many(writes)

    waiting(Contended(objects, lambda: None)).settle(give_token(objects, TNM, AUTH_ID))
    stored = objects.get(again[0].key)
    assert stored is not None
    assert (stored.audience, stored.document) == (TNM, again[0].document)


@pytest.mark.parametrize("module", ["sessions", "cdrs"])
def test_a_token_that_came_between_look_and_write_is_found_by_upkeep(objects: Objects, file: Path, module: str) -> None:
    def token_comes() -> None:
        assert waiting(objects).settle(give_token(objects, TNM, AUTH_ID)) == 0

    assert put(Meanwhile(objects, token_comes), "X", module=module).audience is None
    assert run_upkeep() == 0
    let_time_pass(file)
    assert run_upkeep() == 1
    assert total(objects, TNM, module) == 1


def test_a_look_does_not_undo_a_change_that_came_between(objects: Objects, file: Path) -> None:
    record = put(objects, "X", status="PENDING")
    let_time_pass(file)

    happened: list[Record] = []

    def session_begins() -> None:
        if not happened:
            happened.append(put(objects, "X", status="ACTIVE", last_updated="2025-01-01T00:00:00Z"))

    waiting(Meanwhile(objects, session_begins)).look_at(record)
    stored = objects.get(record.key)
    assert stored is not None
    assert stored.document == happened[0].document


def test_upkeep_looks_at_all_that_is_due_and_at_nothing_twice(objects: Objects, file: Path) -> None:
    for number in range(230):
        put(objects, f"S-{number}", f"A-{number}")
    assert run_upkeep() == 0
    for number in range(0, 230, 2):
        give_token(objects, TNM, f"A-{number}")
    let_time_pass(file)
    assert run_upkeep() == 230
    assert total(objects, TNM) == 115
    assert run_upkeep() == 0


@pytest.mark.req("SES-24")
def test_upkeep_ends_sessions_that_are_pending_for_too_long(
    objects: Objects, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(objects, "OLD", status="PENDING")
    let_time_pass(file)
    young = put(objects, "YOUNG", status="PENDING")
    assert run_upkeep() == 1
    old = objects.get(Key(young.key.collection, "OLD"))
    assert old is not None
    assert '"status":"INVALID"' in old.document
    assert objects.get(young.key) == young


def test_upkeep_begins_nothing_that_it_may_not_end(objects: Objects, file: Path) -> None:
    put(objects, "X", status="PENDING")
    let_time_pass(file)
    assert run_upkeep(seconds=9) == 0
    assert run_upkeep() == 1


def test_what_waits_in_a_module_that_nobody_knows_is_an_error(objects: Objects) -> None:
    record = objects.put(Key(Collection(OWN, "things"), "X"), draft("{}", lookup=f"waiting/{AUTH_ID}"), expected=None)
    with pytest.raises(LookupError, match="things"):
        waiting(objects).look_at(record)


def test_objects_that_fail_in_upkeep_do_not_hold_back_the_others(objects: Objects, file: Path) -> None:
    # More than a batch of objects of a module that nobody knows any more, all due for longer than the session.
    for number in range(120):
        broken = draft("{}", due="2020-01-01T00:00:00Z")
        objects.put(Key(Collection(OWN, "forgotten"), f"B{number}"), broken, expected=None)
    rules = module_rules("sessions")
    assert rules is not None
    key = own_key(rules, "S-2")
    session = example("session_min") | {"id": "S-2", "auth_id": AUTH_ID}
    update(objects, key, OwnWrites(rules, objects, 30).put(key, session))
    give_token(objects, BOB, AUTH_ID)
    let_time_pass(file, "S-2")
    handler = load(ROOT / "functions" / "upkeep", "app.handler")
    told = handler({}, LambdaContext("upkeep", 1024, 60))
    assert told == {"objects": 121, "failed": 120}
    settled = objects.get(key)
    assert settled is not None
    assert settled.audience is not None
    assert handler({}, LambdaContext("upkeep", 1024, 60)) == {"objects": 0, "failed": 0}
