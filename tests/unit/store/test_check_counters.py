"""The command that proves counters: how often it looks, what it says, what it repairs, and how it ends."""

from __future__ import annotations

import runpy
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.store import check_counters
from ocpi.store.check_counters import main, open_counters
from ocpi.store.dynamodb_counters_check import DynamoDBCounters
from ocpi.store.sqlite import SQLiteStore
from ocpi.store.sqlite_counters import SQLiteCounters
from tests.support.scripted_dynamodb import ScriptedDynamoDB
from tests.support.stores import draft, key

if TYPE_CHECKING:
    from pathlib import Path


class Told:
    """Counters of which each look finds what a test says; nothing once that is used up."""

    def __init__(self, **looks: list[list[str]]) -> None:
        self.looks = looks
        self.asked: list[tuple[str, str]] = []

    def collections(self) -> list[str]:
        return sorted(self.looks)

    def check(self, collection: str) -> list[str]:
        self.asked.append(("check", collection))
        left = self.looks.get(collection)
        return left.pop(0) if left else []

    def rebuild(self, collection: str) -> None:
        self.asked.append(("rebuild", collection))


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


def run(monkeypatch: pytest.MonkeyPatch, counters: Told, *arguments: str) -> int:
    opened: list[str] = []

    def open_told(where: str) -> Told:
        opened.append(where)
        return counters

    monkeypatch.setattr(check_counters, "open_counters", open_told)
    status = main(["dynamodb:t", *arguments])
    assert opened == ["dynamodb:t"]
    return status


def test_exact_counters_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch, waited: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    counters = Told(a=[[]], b=[[]])

    assert run(monkeypatch, counters) == 0
    assert counters.asked == [("check", "a"), ("check", "b")]
    assert capsys.readouterr().out == "a: exact\nb: exact\n"
    assert waited == []


def test_what_looks_wrong_is_looked_at_again_until_it_is_right(
    monkeypatch: pytest.MonkeyPatch, waited: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    counters = Told(a=[["x"], []])

    assert run(monkeypatch, counters, "--repair") == 0
    assert counters.asked == [("check", "a")] * 2
    assert capsys.readouterr().out == "a: exact\n"
    assert waited == [5]


def test_what_stays_wrong_after_three_looks_is_said_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, waited: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    found = [f"finding {number}" for number in range(21)]
    counters = Told(a=[["x"], ["x"], found], b=[[]])

    assert run(monkeypatch, counters, "--wait", "0.5") == 1
    assert counters.asked == [("check", "a")] * 3 + [("check", "b")]
    assert waited == [0.5, 0.5]
    said = capsys.readouterr().out.splitlines()
    assert said == ["a: 21 findings", *(f"  {finding}" for finding in found[:20]), "b: exact"]


def test_what_stays_wrong_is_built_anew_and_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, waited: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    counters = Told(a=[["x"]] * 4)

    assert run(monkeypatch, counters, "--repair", "--wait", "1") == 0
    assert counters.asked == [("check", "a")] * 3 + [("rebuild", "a")] + [("check", "a")] * 2
    assert capsys.readouterr().out == "a: 1 findings\n  x\na, built anew: exact\n"
    assert waited == [1, 1, 1]


def test_what_no_building_mends_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, waited: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    counters = Told(a=[["x"]] * 6)

    assert run(monkeypatch, counters, "--repair") == 1
    assert capsys.readouterr().out.splitlines()[2:] == ["a, built anew: 1 findings", "  x"]
    assert waited == [5] * 4


def test_collections_that_are_named_are_looked_at_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = Told(a=[], b=[], c=[])

    assert run(monkeypatch, counters, "c", "--wait", "0", "a") == 0
    assert counters.asked == [("check", "c"), ("check", "a")]


def test_what_is_no_store_is_refused_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for where in ("postgres:x", f"sqlite:{tmp_path}", f"sqlite:{tmp_path / 'missing'}", "dynamodb:", "dynamodb"):
        with pytest.raises(SystemExit) as ended:
            main([where])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert f"error: {where!r} is neither dynamodb:<table> nor the sqlite:<path> of a file" in said
    assert not (tmp_path / "missing").exists()


def test_the_help_names_the_command_and_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for part in (
        "usage: python -m ocpi.store.check_counters",
        "store dynamodb:<table> or sqlite:<path>",
        "[collection ...]",
        "--repair build wrong counters anew",
        "--wait WAIT seconds between looks (default: 5)",
    ):
        assert part in said


def test_a_table_is_opened_with_the_client_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = ScriptedDynamoDB()
    monkeypatch.setattr("ocpi.store.dynamodb.shared_client", lambda: client)
    counters = open_counters("dynamodb:a:b")

    assert isinstance(counters, DynamoDBCounters)
    assert (counters._client, counters._table) == (client, "a:b")


def test_a_file_is_opened_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a:b.sqlite"
    store = SQLiteStore(path)
    store.objects.put(key("a"), draft("1"), expected=None)
    store.close()

    counters = open_counters(f"sqlite:{path}")
    assert isinstance(counters, SQLiteCounters)
    assert counters.collections() == ["own/locations"]
    counters._database.close()


@pytest.mark.parametrize("is_wrong", [True, False])
def test_the_module_is_a_command_that_ends_with_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, is_wrong: bool
) -> None:
    path = tmp_path / "x.sqlite"
    store = SQLiteStore(path)
    store.objects.put(key("a"), draft("1"), expected=None)
    if is_wrong:
        with store._database.writing() as db:
            db.execute("UPDATE counters SET n = n + 1")
    store.close()
    monkeypatch.setattr(sys, "argv", ["check_counters", f"sqlite:{path}", "--wait", "0"])
    monkeypatch.delitem(sys.modules, "ocpi.store.check_counters")

    with pytest.raises(SystemExit) as ended:
        runpy.run_module("ocpi.store.check_counters", run_name="__main__")
    assert ended.value.code == int(is_wrong)
    assert capsys.readouterr().out.startswith("own/locations: ")


def test_a_file_that_is_no_database_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database " * 100)

    with pytest.raises(SystemExit) as ended:
        main([f"sqlite:{path}"])
    assert ended.value.code == 2
    assert f"'sqlite:{path}' cannot be looked at: " in capsys.readouterr().err
    assert path.read_text() == "no database " * 100
