from __future__ import annotations

from ocpi.transport.token_bucket import TokenBucket


def test_so_often_in_a_row_and_then_once_in_so_many_seconds() -> None:
    bucket = TokenBucket(3, 10)
    assert [bucket.take(100) for _ in range(5)] == [True, True, True, False, False]
    assert [bucket.take(at) for at in (109.9, 110, 110, 119.9, 120)] == [False, True, False, False, True]


def test_after_a_long_pause_it_is_full_again_and_not_fuller() -> None:
    bucket = TokenBucket(2, 10)
    assert [bucket.take(at) for at in (0, 0, 1_000, 1_000, 1_000)] == [True, True, True, True, False]
