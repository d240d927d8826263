"""JSON documents that are almost right: an object in which something is changed that a program may stumble over, and
the bytes that it goes out as, which may be no JSON at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hypothesis.strategies import DrawFn

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Raw:
    """JSON text, or what passes for it, in the place of a value."""

    text: str


@dataclass(frozen=True)
class Doubled:
    """An object that names a member twice."""

    value: dict[str, Any]
    name: str
    other: Any


def _deep(opening: str, closing: str, depth: int) -> Raw:
    return Raw(opening * depth + closing * depth)


NUMBERS = (
    "0", "-0", "-0.0", "1", "-1", "0.1", "1e1", "1E+2", "1.0", "1e400", "-1e400", "1e-400", "1e308", "5e-324",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" * 400, "0." + "1" * 400, "1e99999999999",
    "NaN", "Infinity", "-Infinity", "01", "+1", ".5", "1.", "0x10", "1_000", "1e", "٣", "--1",
)  # fmt: skip
TEXTS = (
    "", " ", "a" * 256, "a" * 20_000, "\u0000", "a\u0000b", "\n", "\u202e", "\ufeff", "é", "e\u0301", "𝟘", "🔌" * 40,
    "İ", "ß", "\u2028", "a/b", "a%2Fb", "..", "../../etc", "<script>", "' OR 1=1 --", "{{7*7}}", "${jndi:ldap://x}",
    "#",
    "a#b", "|", "own/locations", "null", "true", "0", "-", "\\", '"', "\u007f", "\u0080", "\uffff", "L-1", "l-1",
    "E-100",
)  # fmt: skip
TIMES = (
    "2024-03-05T10:11:12Z", "2024-03-05T10:11:12", "2024-03-05T10:11:12.123456789Z", "2024-03-05T10:11:12+02:00",
    "2024-03-05T10:11:12-23:59", "2024-03-05", "10:11:12", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z",
    "2024-03-05T24:00:00Z", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
    "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-01:00",
    "10000-01-01T00:00:00Z", "2024-03-05t10:11:12z", "2024-03-05 10:11:12Z", "20240305T101112Z", "2024-W10-2T10:11:12Z",
    "٢٠٢٤-03-05T10:11:12Z", "2024-03-05T10:11:12Z ", "1709633472", "2024-03-05T10:11:12.Z", "2024-03-05T10:11:12+99:99",
)  # fmt: skip
URLS = (
    "https://emsp.example/result", "http://emsp.example/", "https://other.example/x", "https://127.0.0.1/",
    "https://[::1]/",
    "https://[", "https://a@b/", "file:///etc/passwd", "javascript:1", "https://", "//emsp.example/",
    "https://emsp.example:99999/",
    "https://emsp.example:-1/", "https://xn--/", "https://emsp。example/", "https://emsp.example/" + "a" * 300,
    "https://\u2100/",
    "https://emsp.example/\r\nX: y", "https://169.254.169.254/latest", "https://emsp.example/?a=b#c", "https://..",
    "https://%/",
)  # fmt: skip
LITERALS = (
    Raw("null"), Raw("true"), Raw("false"), Raw("[]"), Raw("{}"), Raw("[[]]"), Raw("[null]"), Raw("[{}]"), Raw('""'),
    Raw('"\\u0000"'), Raw('"\\ud800"'), Raw('"\\udc00\\ud800"'), Raw('"\\ud83d"'), Raw('"\\uD83D\\uDD0C"'), Raw('"\t"'),
    Raw('"\\x"'), Raw('{"a":1,"a":2}'), Raw('{"\\u0000":1}'), Raw('{"\\ud800":1}'), Raw('{"":{}}'), Raw("undefined"),
    Raw(""),
    Raw("[1,]"), Raw("{'a':1}"), Raw("/*c*/1"), _deep("[", "]", 63), _deep("[", "]", 100), _deep("[", "]", 100_000),
    _deep('{"a":', "}", 2_000), Raw("[" + ",".join(["{}"] * 2_000) + "]"),
)  # fmt: skip

_VALUES = st.one_of(
    st.sampled_from(LITERALS),
    st.sampled_from(NUMBERS).map(Raw),
    st.sampled_from(TEXTS),
    st.sampled_from(TIMES),
    st.sampled_from(URLS),
    st.text(max_size=300),
    st.integers().map(lambda number: Raw(str(number))),
    st.floats().map(lambda number: Raw(repr(number))),
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=5,
    ),
)


def documents(value: Any) -> st.SearchStrategy[bytes]:
    """Bodies made of an object: one in four is as it should be, in the others changed here and there."""
    return _documents(value)


@st.composite
def _documents(draw: DrawFn, value: Any) -> bytes:
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 1, 1, 2, 4)))):
        value = _changed(draw, value)
    text = written(value).encode("utf-8", "surrogatepass")
    spoil = draw(st.sampled_from(_SPOILED)) if draw(st.integers(0, 7)) == 7 else None
    return spoil(text) if spoil else text


def _changed(draw: DrawFn, value: Any) -> Any:
    path = draw(st.sampled_from(list(_paths(value))))
    kind = draw(
        st.sampled_from(("replace", "replace", "replace", "remove", "null", "add", "double", "wrap", "stretch"))
    )
    return _at(value, path, lambda old: _new(draw, kind, old))


_GONE = Raw("\0gone")


def _new(draw: DrawFn, kind: str, old: Any) -> Any:
    match kind, old:
        case "remove", _:
            return _GONE
        case "null", _:
            return None
        case "add", dict():
            return {**old, draw(st.sampled_from(TEXTS) | st.text(max_size=20)): draw(_VALUES)}
        case "double", dict() if old:
            return Doubled(old, draw(st.sampled_from(sorted(old))), draw(_VALUES))
        case "double" | "add", list() if old:
            return [*old, draw(st.sampled_from(old))]
        case "wrap", _:
            return [old] if draw(st.booleans()) else {"value": old}
        case "stretch", str():
            return (old or "a") * draw(st.sampled_from((2, 10, 1_000)))
        case "stretch", int():
            return Raw(str(old) + draw(st.sampled_from((".0", ".5", "e0", "e3", "000000000000000000000"))))
        case "stretch", list():
            return old * draw(st.sampled_from((0, 2, 40)))
    return draw(_VALUES)


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """The places of everything in a value, itself first."""
    yield path
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, member in inner:
        yield from _paths(member, (*path, name))


def _at(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    if not path:
        changed = change(value)
        return Raw("") if changed is _GONE else changed
    if isinstance(value, list):
        elements = [_inner(element, path, change) if at == path[0] else element for at, element in enumerate(value)]
        return [element for element in elements if element is not _GONE]
    members = {name: _inner(member, path, change) if name == path[0] else member for name, member in value.items()}
    return {name: member for name, member in members.items() if member is not _GONE}


def _inner(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    return change(value) if len(path) == 1 else _at(value, path[1:], change)


def written(value: Any) -> str:
    """A value as JSON text; what is raw in it goes out as it is."""
    match value:
        case Raw():
            return value.text
        case Doubled():
            members = [*value.value.items(), (value.name, value.other)]
            return "{" + ",".join(f"{written(name)}:{written(member)}" for name, member in members) + "}"
        case dict():
            return "{" + ",".join(f"{written(name)}:{written(member)}" for name, member in value.items()) + "}"
        case list():
            return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


_SPOILED: tuple[Callable[[bytes], bytes], ...] = (
    lambda text: b"",
    lambda text: text[: len(text) // 2],
    lambda text: text[:-1],
    lambda text: text + b"x",
    lambda text: text + text,
    lambda text: b"\xef\xbb\xbf" + text,
    lambda text: b" \r\n\t" + text + b"\n",
    lambda text: b"\x00" + text,
    lambda text: text.replace(b'"', b'"\xff', 1),
    lambda text: text.replace(b"e", b"\xc3\x28", 2),
    lambda text: text.replace(b"e", b"\xed\xa0\x80", 1),
    lambda text: text.decode("utf-8", "replace").encode("utf-16"),
    lambda text: text.decode("utf-8", "replace").encode("latin-1", "replace"),
    lambda text: b"[" + text + b"]",
    lambda text: b'{"data":' + text + b"}",
    lambda text: text.replace(b",", b"\n"),
    lambda text: b'"' + text[:1_000].hex().encode() + b'"',
    lambda text: b"\x1f\x8b\x08" + text,
    lambda text: b"a=b&c=d",
)
