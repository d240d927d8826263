"""The slash at the end of a URL's path, about which partners differ."""

from __future__ import annotations


def with_slash(url: str, setting: str) -> str:
    """The URL as a setting ``trailing_slash`` (``keep``, ``add`` or ``strip``) wants its path to end."""
    if setting == "keep":
        return url
    path, mark, query = url.partition("?")
    return f"{path.rstrip('/')}{'/' if setting == 'add' else ''}{mark}{query}"


def toggled(url: str) -> tuple[str, str]:
    """The URL with the slash at the end of its path taken away, or put there; and the setting that makes it so."""
    setting = "strip" if url.partition("?")[0].endswith("/") else "add"
    return with_slash(url, setting), setting
