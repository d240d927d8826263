"""What this process does with sockets.

No audit hook, which would hear a little more: one in Python stays for good, and Python refuses a trace function to a
thread that begins while another thread's is being announced to it; coverage then fails now and again.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on: a word for each socket that is made and each name that the system is asked to resolve."""
    seen: list[str] = []
    resolve = socket.getaddrinfo

    class Counted(socket.socket):
        def __init__(self, *args: Any, **options: Any) -> None:
            seen.append("made")
            super().__init__(*args, **options)

    def getaddrinfo(*args: Any, **options: Any) -> Any:
        seen.append("resolved")
        return resolve(*args, **options)

    monkeypatch.setattr(socket, "socket", Counted)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return seen
