from __future__ import annotations

from costing.tally import Tally, on_a_line

USED = Tally(
    {("wru", "Push", "deliveries"): 3, ("wru", "Push", "objects"): 1, ("wru", "Pull", "objects"): 2, ("api", "Pull"): 7}
)


def test_amounts_are_added_up_by_any_part_of_their_names() -> None:
    assert USED.of("wru") == 6
    assert USED.of("wru", "Push") == 4
    assert USED.of("wru", "", "objects") == 3
    assert USED.of("rru") == 0
    assert USED.of("api", "", "objects") == 0


def test_amounts_are_told_apart_by_one_part_of_their_names_largest_first() -> None:
    assert list(USED.by("wru", 1).items()) == [("Push", 4), ("Pull", 2)]
    assert USED.by("api", 2) == {}


def test_a_line_leads_through_both_sizes_and_beyond() -> None:
    one, five = Tally({("wru",): 3.0, ("cpu",): 10.0}), Tally({("wru",): 11.0, ("rru",): 4.0})
    assert on_a_line((1, one), (5, five), 1)[("wru",)] == 3
    assert on_a_line((1, one), (5, five), 5) == Tally({("wru",): 11.0, ("rru",): 4.0, ("cpu",): 0.0})
    assert on_a_line((1, one), (5, five), 20)[("wru",)] == 41
    assert on_a_line((1, one), (5, five), 9)[("cpu",)] == -10


def test_what_is_subtracted_stays_below_zero() -> None:
    assert USED.plus(USED.times(-2)).of("wru") == -6
