"""A cursor is read by the list that wrote it, and by no other; nothing that was changed is read at all."""

from __future__ import annotations

import base64
import hmac
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.errors import BadCursor
from ocpi.transport.cursor import read_cursor, write_cursor

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
LIST = "partner-1|own/locations||"
ALPHABET = string.ascii_letters + string.digits + "-_"


@pytest.mark.req("TF-40")
@given(position=st.text(), offset=st.integers(0, 2**63 - 1), list_name=st.text())
def test_a_cursor_comes_back_as_it_was_written(position: str, offset: int, list_name: str) -> None:
    cursor = write_cursor(KEY, list_name, position, offset)
    assert read_cursor(KEY, list_name, cursor) == (position, offset)
    assert set(cursor) <= set(ALPHABET)


def test_a_cursor_of_any_length_comes_back_and_fits_into_a_url() -> None:
    for length in range(61):
        cursor = write_cursor(KEY, LIST, "x" * length, 7)
        assert read_cursor(KEY, LIST, cursor) == ("x" * length, 7)
        assert set(cursor) <= set(ALPHABET)


@pytest.mark.parametrize(
    ("key", "list_name"),
    [(OTHER_KEY, LIST), (KEY, "partner-2|own/locations||"), (KEY, "partner-1|own/tariffs||"), (KEY, f"{LIST}x")],
)
def test_another_list_or_key_does_not_read_it(key: bytes, list_name: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(key, list_name, write_cursor(KEY, LIST, "2024-05-01T00:00:00Z#a", 7))


@pytest.mark.parametrize("position", ["2024-05-01T00:00:00Z#a", "2024-05-01T00:00:00Z#ab", "2024-05-01T00:00:00Z#abc"])
def test_no_other_text_is_read_as_the_same_cursor(position: str) -> None:
    """Base64 has several texts for the same bytes, with 0, 1 or 2 characters of padding left out."""
    cursor = write_cursor(KEY, LIST, position, 7)
    changed = {cursor[:place] + other + cursor[place + 1 :] for place in range(len(cursor)) for other in ALPHABET}
    longer = {cursor + more for more in (*ALPHABET, "=", "==", "!", "\n", " ", "é", cursor)}
    for text in (changed | longer | {cursor[:-1], cursor[1:], ""}) - {cursor}:
        with pytest.raises(BadCursor):
            read_cursor(KEY, LIST, text)


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(KEY, LIST, text)


def test_a_cursor_is_sixteen_bytes_of_hmac_over_its_list_and_what_it_says() -> None:
    """As written once: cursors that were handed out before an update are read after it."""
    cursor = write_cursor(KEY, LIST, "2024-05-01T00:00:00Z#é", 7)
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    payload = b'["2024-05-01T00:00:00Z#\\u00e9",7]'
    assert raw[16:] == payload
    assert raw[:16] == hmac.digest(KEY, LIST.encode() + b"\0" + payload, "sha256")[:16]


def test_where_the_name_of_a_list_ends_is_signed_too() -> None:
    with pytest.raises(BadCursor):
        read_cursor(KEY, f"{LIST}\0", write_cursor(KEY, LIST, "x", 0))


@pytest.mark.parametrize("cursor", ["", "a", "é", "!!!!"])
def test_a_refusal_names_the_parameter_and_quotes_nothing(cursor: str) -> None:
    with pytest.raises(BadCursor) as refused:
        read_cursor(KEY, LIST, cursor)
    assert refused.value.__cause__ is None
    assert str(refused.value) == str(BadCursor("cursor", "this list did not hand out this cursor"))
    assert "cursor" in str(refused.value)


def test_cursors_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    read_cursor(KEY, LIST, write_cursor(KEY, LIST, "x", 0))
    ((given, right),) = compared
    assert given == right
    assert len(given) == 16
