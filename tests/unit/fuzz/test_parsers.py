"""A small share of what ``benchmarks/fuzz_parsers.py`` does for long: texts made from those that are right."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fuzzing.mutations import mutated
from tests.support.fuzzing.parsers import PARSERS

EXAMPLES = 400


@pytest.mark.parametrize("name", PARSERS)
def test_whatever_the_text_a_parser_raises_what_it_says_and_its_own_writing_reads_the_same(name: str) -> None:
    parse, seeds = PARSERS[name]
    for seed in seeds:
        parse(seed)

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(mutated(seeds) | st.binary(max_size=80) | st.text(max_size=40).map(lambda text: text.encode()))
    def parses(data: bytes) -> None:
        parse(data)

    parses()
