from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from local.context import LambdaContext
from local.functions import load
from ocpi.delivery.stream import own_keys
from ocpi.store.port import Collection, Key
from tests.support.gateway import ROOT

if TYPE_CHECKING:
    from tests.unit.delivery.world import World

FOREIGN: list[Any] = [
    {},
    None,
    "text",
    {"dynamodb": None},
    {"dynamodb": {"Keys": {}}},
    {"dynamodb": {"Keys": {"pk": {"N": "1"}}}},
    {"dynamodb": {"Keys": {"pk": {"S": 7}}}},
    {"dynamodb": {"Keys": {"pk": {"S": "PARTNERS"}, "sk": {"S": "x"}}}},
    {"dynamodb": {"Keys": {"pk": {"S": "OBJECT#own/tariffs"}}}},
    {"dynamodb": {"Keys": {"pk": {"S": "OBJECT#own/tariffs#"}}}},
    {"dynamodb": {"Keys": {"pk": {"S": "OBJECT#DE-EMS/tokens#rfid/1"}}}},
    {"dynamodb": {"Keys": {"pk": {"S": "OBJECT#own/commands-sent#1"}}, "SequenceNumber": "7"}},
    {"dynamodb": {"Keys": {"pk": {"S": "DELIVERIES#p"}, "sk": {"S": "tariffs#1"}}}},
]


def record(key: str, number: int = 1) -> dict[str, Any]:
    return {"eventName": "MODIFY", "dynamodb": {"Keys": {"pk": {"S": key}}, "SequenceNumber": f"{number:021d}"}}


def push(world: World, monkeypatch: pytest.MonkeyPatch, store: Any = None) -> Any:
    """The handler of functions/push, at work in a world."""
    handler: Any = load(ROOT / "functions" / "push", "app.handler")
    parts = {
        "store": lambda: store or world.store,
        "deliveries": lambda: world.queue,
        "time": SimpleNamespace(time=world.clock),
    }
    for name, part in parts.items():
        monkeypatch.setitem(handler.__wrapped__.__globals__, name, part)
    return handler


def test_an_id_may_hold_anything_that_ids_hold() -> None:
    assert list(own_keys(record("OBJECT#own/tokens#rfid/a#b/c"))) == [Key(Collection("own", "tokens"), "rfid/a#b/c")]


def test_of_what_is_gone_the_id_is_spelled_as_it_was() -> None:
    gone = record("OBJECT#own/tariffs#t-1")
    gone["dynamodb"]["OldImage"] = {"id": {"S": "T-1"}}
    assert list(own_keys(gone)) == [Key(Collection("own", "tariffs"), "T-1")]


@pytest.mark.parametrize("image", [{}, None, 7, {"id": {"S": "T-2"}}, {"id": {"N": "1"}}, {"id": {"S": 1}}], ids=str)
def test_of_an_image_that_does_not_fit_nothing_is_taken(image: Any) -> None:
    odd = record("OBJECT#own/tariffs#t-1")
    odd["dynamodb"]["OldImage"] = image
    assert list(own_keys(odd)) == [Key(Collection("own", "tariffs"), "t-1")]


@pytest.mark.parametrize("foreign", FOREIGN[:-2], ids=str)
def test_other_records_are_about_none_of_our_objects(foreign: Any) -> None:
    assert list(own_keys(foreign)) == []


def test_push_marks_what_changed_and_wakes_whom_it_concerns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = push(world, monkeypatch)
    world.put("tariffs", id="T-1", stream=False)
    records = [each for each in FOREIGN if isinstance(each, dict) and each.get("dynamodb") is not None]
    event = {"Records": [*records, record("OBJECT#own/tariffs#t-1"), record("OBJECT#own/tariffs#t-1")]}
    assert handler(event, LambdaContext("push", 128, 60)) == {"batchItemFailures": []}
    assert [json.loads(message.body) for message in world.queue.messages] == [
        {"partner": world.partner.id, "why": "change", "noted": [["tariffs", "T-1"]]}
    ]
    world.run()
    assert world.requests == ["PUT tariffs/NL/EXA/T-1"]


@pytest.mark.parametrize("event", [{}, {"Records": []}, {"Records": [{}]}])
def test_push_is_content_with_an_event_without_changes(
    world: World, monkeypatch: pytest.MonkeyPatch, event: dict[str, Any]
) -> None:
    handler = push(world, monkeypatch)
    assert handler(event, LambdaContext("push", 128, 60)) == {"batchItemFailures": []}


def test_a_batch_that_fails_comes_again_from_its_first_record_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Down:
        def __getattr__(self, name: str) -> Any:
            raise OSError("the database is away")

    handler = push(world, monkeypatch, Down())
    event = {"Records": [record("OBJECT#own/tariffs#t-1", 5), record("OBJECT#own/tariffs#t-2", 6)]}
    assert handler(event, LambdaContext("push", 128, 60)) == {"batchItemFailures": [{"itemIdentifier": f"{5:021d}"}]}


class Poisoned:
    """Objects of which some cannot be read."""

    def __init__(self, world: World, *ids: str) -> None:
        self.objects, self.poisoned = world.store.objects, ids
        self.read: list[str] = []

    def get_many(self, keys: list[Key]) -> Any:
        self.read += [key.id for key in keys]
        if any(key.id in self.poisoned for key in keys):
            raise OSError("on purpose")
        return self.objects.get_many(keys)

    def store(self, world: World) -> Any:
        return SimpleNamespace(
            objects=self,
            partners=world.store.partners,
            deliveries=world.store.deliveries,
            channels=world.store.channels,
        )


def batch(count: int) -> dict[str, Any]:
    return {"Records": [record(f"OBJECT#own/tariffs#t-{number}", number) for number in range(count)]}


def test_of_a_batch_with_records_that_fail_the_first_is_reported_and_all_others_are_handed_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        world.put("tariffs", id=f"t-{number}", stream=False)
    handler = push(world, monkeypatch, Poisoned(world, "t-4", "t-6").store(world))
    report = handler(batch(9), LambdaContext("push", 128, 60))
    assert report == {"batchItemFailures": [{"itemIdentifier": f"{4:021d}"}]}
    world.run()
    assert sorted(world.requests) == [f"PUT tariffs/NL/EXA/t-{number}" for number in (0, 1, 2, 3, 5, 7, 8)]


def test_a_batch_whose_records_go_one_by_one_has_not_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = Poisoned(world)
    handler = push(world, monkeypatch, objects.store(world))
    world.put("tariffs", id="t-0", stream=False)
    listed, failures = world.store.partners.list, iter([OSError("once")])

    def list_but_once() -> Any:
        for failure in failures:
            raise failure
        return listed()

    monkeypatch.setattr(world.store.partners, "list", list_but_once)
    assert handler(batch(3), LambdaContext("push", 128, 60)) == {"batchItemFailures": []}
    assert objects.read == ["t-0", "t-1", "t-2"]


def test_where_time_is_up_what_was_not_tried_comes_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = Poisoned(world, "t-2")
    handler = push(world, monkeypatch, objects.store(world))
    report = handler(batch(3), LambdaContext("push", 128, 9))
    assert report == {"batchItemFailures": [{"itemIdentifier": f"{0:021d}"}]}
    assert objects.read == ["t-0", "t-1", "t-2"]


def test_a_record_that_fails_and_cannot_be_named_fails_the_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = push(world, monkeypatch, Poisoned(world, "t-1").store(world))
    nameless = {"dynamodb": {"Keys": {"pk": {"S": "OBJECT#own/tariffs#t-1"}}}}
    with pytest.raises(ValueError, match="sequence number"):
        handler({"Records": [nameless]}, LambdaContext("push", 128, 60))


def test_a_deleted_tariff_is_found_again_by_its_folded_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = push(world, monkeypatch)
    world.put("tariffs", id="Mixed-Case")
    world.run()
    found = world.store.objects.get(Key(Collection("own", "tariffs"), "Mixed-Case"))
    assert found is not None
    world.store.objects.delete(found.key, expected=found.revision)
    handler({"Records": [record("OBJECT#own/tariffs#mixed-case")]}, LambdaContext("push", 128, 60))
    world.run()
    assert world.requests[1:] == ["DELETE tariffs/NL/EXA/Mixed-Case"]
