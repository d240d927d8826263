"""What looks for secrets finds them: otherwise the tests that use it would prove nothing."""

from __future__ import annotations

import base64
import zlib

import pytest

from tests.support.spellings import found_in

SECRET = "ocpi_K7-secret_of-a-partner"


@pytest.mark.parametrize(
    "content",
    [
        SECRET.encode(),
        SECRET.encode().hex().encode(),
        SECRET.encode("utf-16-le"),
        *(base64.b64encode(f"{'Token '[:n]}{SECRET}\n".encode()) for n in range(6)),
        base64.urlsafe_b64encode(f"ü{SECRET}".encode()),
        b"x" * 10 + zlib.compress(b"{" + SECRET.encode() + b"}") + b"y",
        zlib.compress(base64.b64encode(f"a{SECRET}".encode()), 9),
    ],
)
def test_a_secret_is_found_in_every_spelling(content: bytes) -> None:
    assert found_in(b"before" + content + b"after", [SECRET, "another"]) == [SECRET]


def test_what_is_not_there_is_not_found() -> None:
    assert found_in(b"ocpi_K7-secret_of-a-partne" * 3 + zlib.compress(b"ocpi"), [SECRET]) == []
