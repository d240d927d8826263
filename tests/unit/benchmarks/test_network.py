"""The made-up network: always the same, and taken by the models as it is."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from network import MODULES, Size, lines_of, made_up

from ocpi import strict_json
from ocpi.v2_1_1.module_rules import module_rules

if TYPE_CHECKING:
    from pathlib import Path

SIZE = Size(locations=200, tokens=100, sessions=300)


def test_the_same_seed_gives_the_same_network() -> None:
    first = made_up(SIZE)
    made_up.cache_clear()
    assert made_up(SIZE) == first
    assert made_up(SIZE, seed=2) != first


def test_every_object_is_valid_and_refers_to_what_there_is() -> None:
    network = made_up(SIZE)
    for module in MODULES:
        rules = module_rules(module)
        assert rules is not None
        for line in lines_of(module, size=SIZE):
            rules.check(strict_json.read(line.decode()))
    cards = {token["auth_id"] for token in network["tokens"]}
    assert {value["auth_id"] for module in ("sessions", "cdrs") for value in network[module]} <= cards
    tariffs = {tariff["id"] for tariff in network["tariffs"]}
    evses = [evse for location in network["locations"] for evse in location["evses"]]
    assert {connector["tariff_id"] for evse in evses for connector in evse["connectors"]} <= tariffs
    for module in MODULES:
        ids = [value["uid" if module == "tokens" else "id"] for value in network[module]]
        assert len(set(ids)) == len(ids)


def test_it_has_the_shape_of_the_real_one() -> None:
    """Of that: 6.35 EVSEs a location, half of all locations 5 or fewer, documents of 3.3 kB on average."""
    locations = made_up(Size(locations=2000, tokens=1, sessions=0))["locations"]
    evses = sorted(len(location["evses"]) for location in locations)
    assert 5.5 < sum(evses) / len(evses) < 7.2
    assert evses[len(evses) // 2] == 5
    assert evses[-1] > 30
    assert 2500 < sum(map(len, lines_of("locations", size=SIZE))) / SIZE.locations < 4000


def test_a_file_is_taken_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "locations.ndjson.gz"
    with gzip.open(path, "wb") as file:
        file.write(b'{"id": "A"}\n\n{"id": "B"}\n')
    assert [json.loads(line)["id"] for line in lines_of("locations", path)] == ["A", "B"]
