"""Tables in Markdown, and where they stand in a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text, and all others numbers."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_tables(document: Path, tables: Mapping[str, str]) -> None:
    """Replace what stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``, for each name. Raises
    :class:`ValueError` for one that the document has no place for.
    """
    text = document.read_text(encoding="utf-8")
    for name, content in tables.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"{document.name} has no place for the table {name!r}")
        text = f"{before}{begin}\n\n{content}\n\n{end}{after}"
    document.write_text(text, encoding="utf-8")
