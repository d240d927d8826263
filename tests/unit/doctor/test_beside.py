"""What only one of the adapters keeps, planted wrong by hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.doctor import counters, examination
from ocpi.doctor.__main__ import main
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.port import Collection, Key, PageQuery
from ocpi.transport.authentication import token_hash
from tests.unit.doctor.healthy import TOKEN, UID
from tests.unit.doctor.shelves import look
from tests.unit.doctor.test_poisoned import difference, secret_in, told

if TYPE_CHECKING:
    from tests.unit.doctor.shelves import Laid, LaidDynamoDB, LaidSQLite

LOCATION, SESSION, WAITING = ("own/locations", "L1"), ("own/sessions", "S1"), ("own/sessions", "S2")

ATTRIBUTES: dict[str, tuple[str, tuple[str, ...], dict[str, Any], str]] = {
    "no place in the order of arrival": ("objects", LOCATION, {"created_key": None}, "created_key"),
    "a wrong place by last_updated": ("objects", LOCATION, {"updated_key": "x"}, "updated_key"),
    "not in the list for everybody": ("objects", LOCATION, {"view": None, "addressed_key": None}, "view"),
    "in the list of another": ("objects", SESSION, {"view": "own/sessions|DE-XXX"}, "view"),
    "in a list that nobody may see": ("objects", WAITING, {"view": "own/sessions|*"}, "view"),
    "another place than its own": ("objects", SESSION, {"addressed_key": "x"}, "addressed_key"),
    "not in the list of what is due": ("objects", WAITING, {"due_list": None, "due_key": None}, "due_list"),
    "due at another time": ("objects", WAITING, {"due_key": "x"}, "due_key"),
    "a delivery that nothing finds": ("deliveries", ("emsp", "locations", "L1"), {"due_list": None}, "due_list"),
    "a delivery in the wrong place": ("deliveries", ("emsp", "sessions", "S1"), {"due_key": "x"}, "due_key"),
    "a party that its holder does not know of": ("partners", ("emsp",), {"claim": None}, "claim"),
    "tokens that are not held": ("partners", ("emsp",), {"held_grants": {"SS": ["x"]}}, "held_grants"),
    "a token that never expires": ("grants", (token_hash(f"{TOKEN}-a"),), {"expires": None}, "expires"),
    "findings that cannot be read": ("objects", LOCATION, {"findings": b"x"}, "findings cannot be read"),
    "a journal that cannot be read": ("objects", LOCATION, {"journal": b"x"}, "journal cannot be read"),
}
LOST: dict[str, tuple[str, tuple[str, ...], dict[str, Any], str]] = {
    "a document that cannot be unpacked": ("objects", LOCATION, {"document": b"no zlib"}, "cannot be read"),
    "no document": ("objects", ("own/tokens", f"RFID/{UID}"), {"document": None}, "cannot be read"),
    "an id of another key": ("objects", LOCATION, {"id": "L7"}, "another key"),
    "a token without a partner": ("grants", (token_hash(f"{TOKEN}-a"),), {"partner_id": None}, "cannot be read"),
    "a delivery of another key": ("deliveries", ("emsp", "locations", "L1"), {"object_id": "x"}, "another key"),
    "a partner under another id": ("partners", ("invited",), {"document": '{"status":"INVITED"}'}, "cannot be read"),
    "a signing key that is too short": ("SETTINGS", ("signing_key",), {"secret": b"x"}, "32 bytes"),
}


@pytest.mark.parametrize("case", ATTRIBUTES)
def test_an_attribute_that_does_not_follow_from_its_item_is_written_anew(
    in_dynamodb: LaidDynamoDB, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    table, which, values, what = ATTRIBUTES[case]
    healthy = in_dynamodb.everything()
    in_dynamodb.change(table, which, **values)
    planted = in_dynamodb.everything()
    left, lines = look(in_dynamodb, capsys)
    assert (left, len(told(lines, "", what))) == (1, 1)
    assert look(in_dynamodb, capsys, repair=True)[0] == 0
    now = in_dynamodb.everything()
    assert difference(planted, now) == difference(healthy, planted)
    assert "cannot be read" in what or now == healthy
    assert look(in_dynamodb, capsys) == (0, [])


@pytest.mark.parametrize("case", LOST)
def test_an_item_that_cannot_be_read_is_named(
    in_dynamodb: LaidDynamoDB, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    table, which, values, what = LOST[case]
    in_dynamodb.change(table, which, **values)
    planted = in_dynamodb.everything()
    left, lines = look(in_dynamodb, capsys, repair=True)
    assert (left, len(told(lines, "", what))) == (1, 1)
    assert not secret_in(lines)
    assert in_dynamodb.everything() == planted


def test_a_place_that_is_lost_in_both_keys_becomes_the_last_one(
    in_dynamodb: LaidDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    in_dynamodb.change("objects", SESSION, party_key=None, addressed_key=None)
    assert look(in_dynamodb, capsys, repair=True)[0] == 0
    item = in_dynamodb.everything()["OBJECT#own/sessions#s1", "OBJECT"]
    assert item["addressed_key"] == item["party_key"] == {"S": f"{item['received']['S']}#s1"}


@pytest.mark.parametrize(
    ("item", "what"),
    [
        ({"pk": {"S": "EXCHANGES#emsp#2026-01-01"}, "sk": {"S": "x"}, "document": {"S": "{"}}, "cannot be read"),
        ({"pk": {"S": "FAILURES#192.0.2.1#5"}, "sk": {"S": "FAILURES"}, "failures": {"S": "x"}}, "cannot be read"),
        ({"pk": {"S": "CHANNEL#emsp"}, "sk": {"S": "CHANNEL"}}, "cannot be read"),
    ],
)
def test_what_nothing_is_lost_with_is_removed_if_it_cannot_be_read(
    in_dynamodb: LaidDynamoDB, capsys: pytest.CaptureFixture[str], item: Any, what: str
) -> None:
    in_dynamodb.client.put_item(TableName="store", Item=item)
    left, lines = look(in_dynamodb, capsys, repair=True)
    assert (left, len(told(lines, "", what))) == (0, 1)
    assert (item["pk"]["S"], item["sk"]["S"]) not in in_dynamodb.everything()


def test_an_item_of_an_unknown_kind_is_named_without_its_key(
    in_dynamodb: LaidDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    in_dynamodb.client.put_item(TableName="store", Item={"pk": {"S": f"PARROT#{UID}"}, "sk": {"S": UID}})
    left, lines = look(in_dynamodb, capsys, repair=True)
    assert (left, secret_in(lines), len(told(lines, "item PARROT", "nothing that is known"))) == (1, False, 1)


@pytest.mark.parametrize(("name", "value"), [("expires", None), ("lookup", {"S": "x"})])
def test_an_exchange_is_forgotten_in_time_and_found(
    in_dynamodb: LaidDynamoDB, capsys: pytest.CaptureFixture[str], name: str, value: Any
) -> None:
    (key,) = (
        key for key, item in in_dynamodb.everything().items() if item.get("lookup") == {"S": "exchange/sessions/s1"}
    )
    item = in_dynamodb.everything()[key]
    poisoned = {each: kept for each, kept in item.items() if each != name} | ({name: value} if value else {})
    in_dynamodb.client.put_item(TableName="store", Item=poisoned)
    assert look(in_dynamodb, capsys, repair=True)[0] == 0
    mended = in_dynamodb.everything()[key]
    assert mended["lookup"] == item["lookup"]
    assert abs(int(mended["expires"]["N"]) - int(item["expires"]["N"])) < 5


def test_counters_of_a_table_are_built_anew(in_dynamodb: LaidDynamoDB, capsys: pytest.CaptureFixture[str]) -> None:
    in_dynamodb.shelf.counters = DynamoDBCounters(in_dynamodb.client, "store")
    left, lines = look(in_dynamodb, capsys)
    assert left == len(told(lines, "counters of ", "wrong in")) > 3
    assert look(in_dynamodb, capsys, repair=True)[0] == 0
    assert look(in_dynamodb, capsys) == (0, [])


ROWS: dict[str, tuple[str, str]] = {
    "no place in the list of its audience": (
        "UPDATE objects SET addressed_key = NULL WHERE collection || folded_id = 'own/sessionss1'",
        "addressed_key does not follow",
    ),
    "a place in no list": ("UPDATE objects SET addressed_key = 'x' WHERE folded_id = 's2'", "addressed_key does not"),
    "findings that cannot be read": ("UPDATE objects SET findings = '[' WHERE folded_id = 'l1'", "findings cannot"),
    "an exchange kept for ever": (
        "UPDATE exchanges SET expires = 'never' WHERE subject IS NOT NULL",
        "expires does not",
    ),
    "an exchange that nothing finds": ("UPDATE exchanges SET subject = 'x' WHERE partner_id = 'emsp'", "subject does"),
    "no exchange": ("UPDATE exchanges SET document = '{' WHERE partner_id = '-'", "cannot be read"),
    "no change": ("UPDATE changes SET event = 'PARROT' WHERE position = 1", "no change of an object"),
    "failures of nothing": ("UPDATE failures SET failures = 'x'", "count nothing"),
    "a counter": ("UPDATE counters SET n = n + 1 WHERE list = 'own/locations|created'", "wrong in 3 places"),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_row_that_is_wrong_is_mended(in_sqlite: LaidSQLite, capsys: pytest.CaptureFixture[str], case: str) -> None:
    statement, what = ROWS[case]
    healthy = in_sqlite.everything()
    assert in_sqlite.execute(statement) >= 1
    planted = in_sqlite.everything()
    left, lines = look(in_sqlite, capsys)
    assert (left, len(told(lines, "", what))) == (len(lines), 1)
    assert look(in_sqlite, capsys, repair=True)[0] == 0
    assert difference(planted, in_sqlite.everything()) <= difference(healthy, planted)
    assert look(in_sqlite, capsys) == (0, [])


def test_an_entry_that_an_index_lacks_is_put_back(in_sqlite: LaidSQLite, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(in_sqlite.path, isolation_level=None)) as db:
        (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'objects_by_lookup'").fetchone()
        db.execute("PRAGMA writable_schema = ON")
        change = "UPDATE sqlite_schema SET sql = ? WHERE name = 'objects_by_lookup'"
        db.execute(change, ("CREATE INDEX objects_by_lookup ON objects (lookup) WHERE lookup = 'nothing'",))
        db.execute("PRAGMA writable_schema = RESET")
        db.execute("UPDATE objects SET lookup = NULL WHERE folded_id = 's2'")
        db.execute("REINDEX objects_by_lookup")
        db.execute("UPDATE objects SET lookup = 'waiting/auth-2' WHERE folded_id = 's2'")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(change, (sql,))
        db.execute("PRAGMA writable_schema = RESET")
    assert in_sqlite.store.objects.find("waiting/auth-2") == []
    left, lines = look(in_sqlite, capsys)
    assert (left, len(told(lines, "the file", "entries of an index"))) == (1, 1)
    assert look(in_sqlite, capsys, repair=True)[0] == 0
    assert [record.key.id for record in in_sqlite.store.objects.find("waiting/auth-2")] == ["S2"]


def test_a_signing_key_that_is_too_short_and_an_unknown_setting_are_named(
    in_sqlite: LaidSQLite, capsys: pytest.CaptureFixture[str]
) -> None:
    in_sqlite.execute("UPDATE settings SET value = x'00'")
    in_sqlite.execute("INSERT INTO settings VALUES ('parrot', x'00')")
    left, lines = look(in_sqlite, capsys, repair=True)
    assert (left, len(told(lines, "row 1 of settings", "32 bytes"))) == (2, 1)


def test_bytes_in_the_place_of_text_are_named(in_sqlite: LaidSQLite, capsys: pytest.CaptureFixture[str]) -> None:
    in_sqlite.change("objects", LOCATION, document=b"{}")
    left, lines = look(in_sqlite, capsys, repair=True)
    assert (left, len(told(lines, "own/locations/L1", "bytes"))) == (1, 1)


def test_what_is_right_when_it_is_read_again_is_no_finding(
    laid: Laid, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = laid.store.objects.get(Key(Collection(*LOCATION[0].split("/")), "L1"))
    assert record is not None
    laid.change("objects", LOCATION, audience=None)
    healed: list[object] = []

    def write_in_between(seconds: float) -> None:
        if not healed:
            laid.change("objects", LOCATION, audience="*")
            healed.append(seconds)

    monkeypatch.setattr("ocpi.doctor.examination.time.sleep", write_in_between)
    assert look(laid, capsys) == (0, [])
    assert healed


def test_nothing_is_mended_that_somebody_has_written_meanwhile(laid: Laid) -> None:
    laid.change("objects", LOCATION, journal="x")
    examined = examination.Examination(laid.shelf, 0)
    ((entry, flaws),) = examined.findings()
    record = laid.store.objects.get(Key(Collection("own", "locations"), "L1"))
    assert record is not None
    written = laid.store.objects.put(record.key, record.draft(journal=""), expected=record.revision)
    (repair,) = (flaw.repair for flaw in flaws)
    assert repair is not None
    assert repair() is False
    assert laid.shelf.delete(entry) is False
    assert laid.store.objects.get(record.key) == written


def test_counters_that_cannot_be_read_are_wrong_and_said_to_be(in_sqlite: LaidSQLite) -> None:
    class Broken:
        def collections(self) -> list[str]:
            return ["own/locations"]

        def check(self, collection: str) -> list[str]:
            raise ValueError(collection)

        def rebuild(self, collection: str) -> None:
            """That does not help either."""

    (finding,) = counters.CounterChecks(Broken(), 0).findings()
    assert finding.flaw.what == "cannot be read (ValueError)"
    assert finding.flaw.repair is not None
    assert finding.flaw.repair() is False


def test_the_command_says_how_it_ended(in_sqlite: LaidSQLite, capsys: pytest.CaptureFixture[str]) -> None:
    where = f"sqlite:{in_sqlite.path}"
    assert main([where]) == 0
    in_sqlite.change("objects", WAITING, due=None)
    assert main([where, "--wait", "0"]) == 1
    assert "own/sessions/S2: due does not follow from the document; write it anew" in capsys.readouterr().out
    assert main([where, "--wait", "0", "--repair"]) == 0
    assert main([where]) == 0


@pytest.mark.parametrize("where", ["sqlite:/nowhere/ocpi.db", "parrot", "dynamodb:"])
def test_the_command_says_that_it_cannot_look(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([where]) == 2
    assert "cannot be looked at" in capsys.readouterr().err


def test_the_command_looks_at_a_table(
    in_dynamodb: LaidDynamoDB, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpi.store.dynamodb.shared_client", lambda: in_dynamodb.client)
    assert main(["dynamodb:nowhere"]) == 2
    assert main(["dynamodb:store", "--wait", "0", "--repair"]) == 0
    out = capsys.readouterr().out
    assert "items, " in out
    assert "read capacity units read" in out


@pytest.mark.parametrize("document", [b"no zlib", None])
def test_a_page_goes_past_a_document_that_cannot_be_unpacked(in_dynamodb: LaidDynamoDB, document: bytes | None) -> None:
    sessions = PageQuery(Collection("own", "sessions"), 2)
    healthy = in_dynamodb.store.objects.page(sessions)
    in_dynamodb.change("objects", SESSION, document=document)
    page = in_dynamodb.store.objects.page(sessions)
    assert page.documents[0] == healthy.documents[1]
    assert (len(page.documents), page.total) == (2, 4)
