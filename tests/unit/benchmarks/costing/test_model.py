from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from costing import model
from costing.day import RECONCILED_DAYS, Operator, cold_starts, pages
from costing.model import (
    DEPENDENT,
    Measured,
    Shape,
    bill,
    billed_ms,
    day_of,
    idle_polls,
    month,
    read_prices,
    read_shape,
)
from costing.tables import table, write_tables
from costing.tally import Tally

from ocpi.reconciliation.starting import LOOKS_BACK

ROOT = Path(__file__).parents[4]
SHAPE = Shape(memory_mb=1024, alarms=12, secrets=2, keys=1, polled_queues=4)


def test_what_the_template_costs_by_being_there_is_read_from_it() -> None:
    shape = read_shape((ROOT / "template.yaml").read_text(encoding="utf-8"))
    assert (shape.memory_mb, shape.secrets, shape.keys, shape.polled_queues) == (1024, 2, 1, 4)
    assert shape.alarms >= 10


def test_lambda_charges_for_a_part_of_a_core_and_for_waiting() -> None:
    used = Tally(
        {
            ("cpu ms", "Push"): 100.0,
            ("calls", "Push", "dynamodb", "GetItem"): 3,
            ("calls", "Push", "partner", "HTTP"): 1,
            ("calls", "queues", "sqs", "ReceiveMessage"): 5,
        }
    )
    assert billed_ms(used, SHAPE) == pytest.approx(100 * 1769 / 1024 + 3 * 5 + 200)


def test_memory_beyond_a_core_makes_nothing_faster() -> None:
    large = Shape(4096, 0, 0, 0, 0)
    assert billed_ms(Tally({("cpu ms", "Push"): 100.0}), large) == 100


def test_four_idle_queues_are_asked_86400_times_a_day() -> None:
    assert idle_polls(SHAPE) == 4 * 5 * 4320


def test_what_is_free_is_taken_off_and_never_more() -> None:
    prices: dict[str, Any] = {
        "items": {
            "a": {"price": 2.0, "per": 10, "free": 100},
            "b": {"price": 1.0, "per": 1, "free": 5},
        }
    }
    amounts = {"a": 150.0, "b": 2.0}
    assert bill(amounts, prices, free=False) == {"a": 30, "b": 2}
    assert bill(amounts, prices, free=True) == {"a": 10, "b": 0}


def test_every_item_of_a_bill_has_a_price_and_a_source() -> None:
    prices = read_prices("us-east-1")
    assert prices["as_of"]
    for item in prices["items"].values():
        assert item["price"] > 0
        assert item["source"].startswith("https://aws.amazon.com/")


def test_every_list_of_prices_is_of_the_same_items() -> None:
    lists = [read_prices(path.stem)["items"].keys() for path in model.PRICES.glob("*.json")]
    assert lists
    assert all(each == lists[0] for each in lists)


def test_an_operator_of_500_evses() -> None:
    operator = Operator(500, 5)
    assert operator.locations == 79
    assert operator.sessions == pytest.approx(255.4, abs=0.1)
    assert operator.changes == pytest.approx(255.4 * 2 + 50, abs=0.2)


def test_within_an_hour_most_changes_are_of_other_locations_and_never_of_more_than_there_are() -> None:
    operator = Operator(500, 5)
    assert 0.85 < operator.changed_within(1) / (operator.changes / 24) < 1
    assert operator.changed_within(24 * 30) == pytest.approx(79, abs=0.01)


@pytest.mark.parametrize(("documents", "requests"), [(0, 1), (1, 1), (100, 1), (101, 2), (787, 8)])
def test_a_list_takes_a_request_for_each_page(documents: int, requests: int) -> None:
    assert pages(documents, 100) == requests


def test_a_function_called_rarely_starts_each_time_and_a_busy_one_hardly_ever() -> None:
    assert cold_starts(1, 10) == pytest.approx(1, rel=0.01)
    assert cold_starts(1440, 10) == pytest.approx(1440 * math.exp(-10))


def test_a_table_is_put_where_the_document_has_a_place_for_it(tmp_path: Path) -> None:
    document = tmp_path / "cost.md"
    document.write_text("before\n<!-- begin bill -->\nold\n<!-- end bill -->\nafter\n", encoding="utf-8")
    content = table(["a", "b"], [["x", "1"]])
    for _ in range(2):
        write_tables(document, {"bill": content})
        assert document.read_text(encoding="utf-8") == (
            "before\n<!-- begin bill -->\n\n| a | b |\n| --- | --: |\n| x | 1 |\n\n<!-- end bill -->\nafter\n"
        )


def test_a_table_without_a_place_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    document = tmp_path / "cost.md"
    document.write_text("<!-- begin bill -->\n<!-- end bill -->\n", encoding="utf-8")
    with pytest.raises(ValueError, match="acts"):
        write_tables(document, {"bill": "x", "acts": "y"})
    assert document.read_text(encoding="utf-8") == "<!-- begin bill -->\n<!-- end bill -->\n"


ALONE = ("command", "token", "poll nothing", "pull", "sweep nothing")


def measured() -> Measured:
    """Each act writes a unit, where it depends on them one for each partner; each object more of a list another."""

    def world(partners: int) -> dict[str, Tally]:
        units = dict.fromkeys(ALONE, 1.0) | {name: float(partners) for name in DEPENDENT}
        units |= {"sweep locations": 7, "sweep sessions": 7, "pull many": 21}
        lists = {
            f"{name} {size}": float(n) for name in ("poll", "sweep full", "reconcile") for size, n in SIZES.items()
        }
        return {name: Tally({("wru", "F"): amount}) for name, amount in (units | lists).items()}

    return Measured({1: world(1), 5: world(5)}, {"F": 100.0}, (8, 40), SHAPE)


SIZES = {"few": 8, "many": 40}


def test_a_day_is_each_act_as_often_as_it_happens() -> None:
    operator = Operator(500, 20)
    found = {name: tally.of("wru") for name, tally in day_of(operator, measured()).items()}
    assert found["status changes"] == pytest.approx(operator.changes * 20)
    assert found["commands"] == pytest.approx(operator.sessions * 0.3)
    assert found["upkeep"] == pytest.approx(1440 * 20)
    assert found["pulls"] == pytest.approx(20 * 4 + 20 * 5000 / 7)
    assert found["weekly sweeps"] == pytest.approx((79 * 20 + operator.sessions * 2 * 365) / 7)
    assert found["weekly reconciliations"] == pytest.approx((79 * 20 + operator.sessions * 2 * 30) / 7)


def test_a_day_reckons_with_what_a_weekly_reconciliation_looks_back() -> None:
    assert timedelta(days=RECONCILED_DAYS) == LOOKS_BACK


def test_sweeps_and_polls_grow_with_what_was_written() -> None:
    operator = Operator(500, 20)
    found = {name: tally.of("wru") for name, tally in day_of(operator, measured()).items()}
    written = operator.changed_within(4) + 2 * operator.sessions / 20 / 6
    assert found["hourly sweeps"] == pytest.approx(20 * 24 * (1 + written))
    share = operator.sessions / 20
    hourly = 24 * (1 + operator.changed_within(1))
    assert found["partners poll"] == pytest.approx(20 * (hourly + (1 + 79) + (1 + 4) + 2 * (1 + share)))


def test_a_month_has_every_item_of_the_price_list() -> None:
    operator = Operator(50, 5)
    amounts = month(operator, measured(), day_of(operator, measured()))
    assert amounts.keys() == read_prices("us-east-1")["items"].keys()
    assert amounts["SQS requests"] == 30 * 86_400
    assert amounts["Alarms"] == 12
