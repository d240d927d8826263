"""Which records of a stream a function gets: Lambda's filter patterns.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.intrinsics import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]
FOLLOWED: frozenset[Path] = frozenset(
    {("eventName",), ("dynamodb", "Keys", "pk", "S"), ("dynamodb", "Keys", "sk", "S")}
)
"""What a pattern may look at: all else of a record is not the same here as in AWS."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way in which a text may match."""

    text: str
    is_prefix: bool

    def fits(self, value: Any) -> bool:
        """Whether a value of a record does."""
        return isinstance(value, str) and (value.startswith(self.text) if self.is_prefix else value == self.text)


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Any of the patterns is enough; each is what a record must have at each of its places."""

    patterns: tuple[Mapping[Path, tuple[Alternative, ...]], ...] = ()
    """None: every record passes."""

    def passes(self, record: Mapping[str, Any]) -> bool:
        """Whether the function gets a record."""
        return not self.patterns or any(_fits(record, pattern) for pattern in self.patterns)


def read_filter(place: str, criteria: Mapping[str, Any]) -> RecordFilter:
    """The filter of ``FilterCriteria``; raises :class:`TemplateError`, which names ``place``, for patterns that look
    at anything but :data:`FOLLOWED`, or for anything but a text or the beginning of one.
    """
    return RecordFilter(tuple(_read_pattern(place, each.get("Pattern")) for each in criteria.get("Filters", [])))


def _read_pattern(place: str, text: Any) -> Mapping[Path, tuple[Alternative, ...]]:
    try:
        pattern = json.loads(text)
    except (TypeError, ValueError) as error:
        raise TemplateError(f"{place}: the pattern {text!r} is not JSON") from error
    if not isinstance(pattern, dict) or not pattern:
        raise TemplateError(f"{place}: the pattern {text!r} says nothing of a record")
    return dict(_read_places(place, pattern, ()))


def _read_places(place: str, pattern: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, tuple[Alternative, ...]]]:
    for name, value in pattern.items():
        inner = (*path, name)
        if isinstance(value, dict):
            yield from _read_places(place, value, inner)
        elif inner not in FOLLOWED:
            raise TemplateError(f"{place}: a pattern on {'.'.join(inner)} is not followed outside AWS")
        elif not isinstance(value, list) or not value:
            raise TemplateError(f"{place}: the pattern on {'.'.join(inner)} lists nothing")
        else:
            yield inner, tuple(_read_alternative(place, inner, each) for each in value)


def _read_alternative(place: str, path: Path, value: Any) -> Alternative:
    match value:
        case str():
            return Alternative(value, is_prefix=False)
        case {"prefix": str(text), **rest} if not rest:
            return Alternative(text, is_prefix=True)
    raise TemplateError(f"{place}: {value!r} on {'.'.join(path)} is not followed outside AWS")


def _fits(record: Mapping[str, Any], pattern: Mapping[Path, tuple[Alternative, ...]]) -> bool:
    return all(any(each.fits(_at(record, path)) for each in alternatives) for path, alternatives in pattern.items())


def _at(record: Mapping[str, Any], path: Path) -> Any:
    value: Any = record
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
