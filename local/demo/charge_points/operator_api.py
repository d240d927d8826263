"""The calls of the operator API that a charge point system needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from local.operator_client import OperatorApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.operator_client import OperatorClient

Document = dict[str, Any]

PAGE_SIZE = 1000

log = logging.getLogger("local.demo")


class RefusedError(OperatorApiError):
    """The operator API refused (4xx); the same call again would be refused again."""


class OperatorApi:
    """All methods raise :class:`OperatorApiError` if the API fails and :class:`RefusedError` if it refuses."""

    def __init__(self, client: OperatorClient) -> None:
        self._client = client

    def serves_commands(self) -> bool:
        """Whether this deployment takes commands at all."""
        return self._client.call("GET", "/2.1.1/commands?limit=1").status == 200

    def party(self) -> Document:
        """Who the operator is."""
        return self._document("GET", "/party")

    def pending_commands(self) -> list[Document]:
        """Those that wait for an answer, oldest first."""
        return list(self._items("/2.1.1/commands?direction=received&state=pending"))

    def accepted_commands(self) -> list[Document]:
        """Those that were answered with ACCEPTED, oldest first."""
        answered = self._items("/2.1.1/commands?direction=received&state=answered")
        return [command for command in answered if command["result"] == "ACCEPTED"]

    def answer(self, command: Document, result: str) -> bool:
        """Say what becomes of a command; ``False`` if it is too late for that."""
        try:
            self._document("POST", f"/2.1.1/commands/{quote(command['id'], safe='')}/result", {"result": result})
        except RefusedError as error:
            log.warning("demo: the answer to %s came too late: %s", command["type"], error)
            return False
        return True

    def objects(self, module: str) -> Iterator[Document]:
        """All of ours of a module."""
        return self._items(f"/2.1.1/{module}?")

    def location(self, location_id: str) -> Document:
        """One location."""
        return self._document("GET", f"/2.1.1/locations/{quote(location_id, safe='')}")

    def tariff(self, tariff_id: str) -> Document:
        """One tariff."""
        return self._document("GET", f"/2.1.1/tariffs/{quote(tariff_id, safe='')}")

    def set_status(self, location_id: str, evse_uid: str, status: str, *, instead_of: str | None = None) -> None:
        """Set an EVSE's status; with ``instead_of`` only if it is that now."""
        path = f"/2.1.1/locations/{quote(location_id, safe='')}/evses/{quote(evse_uid, safe='')}"
        if instead_of is None or self._document("GET", path)["status"] == instead_of:
            self._document("PATCH", path, {"status": status})

    def put(self, module: str, value: Document, partner: str | None) -> str | None:
        """Write a session or CDR, for a partner if one is given; the partner whose it is now."""
        whose = f"?partner={quote(partner, safe='')}" if partner else ""
        return self._written("PUT", f"/2.1.1/{module}/{quote(value['id'], safe='')}{whose}", value)

    def patch_session(self, session_id: str, fields: Document) -> str | None:
        """Change some fields of a session; the partner whose it is."""
        return self._written("PATCH", f"/2.1.1/sessions/{quote(session_id, safe='')}", fields)

    def _written(self, method: str, path: str, content: Document) -> str | None:
        answer = self._document(method, path, content)
        for warning in answer["warnings"]:
            log.warning("demo: %s %s: %s", method, path, warning)
        audience: str | None = answer["audience"]
        return audience

    def _items(self, path: str) -> Iterator[Document]:
        cursor = ""
        while True:
            page = self._document("GET", f"{path}&limit={PAGE_SIZE}{cursor}")
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = f"&cursor={quote(page['next_cursor'], safe='')}"

    def _document(self, method: str, path: str, content: Document | None = None) -> Document:
        reply = self._client.call(method, path, content)
        if 200 <= reply.status < 300:
            document: Document = reply.content
            return document
        kind = RefusedError if 400 <= reply.status < 500 else OperatorApiError
        raise kind(f"{method} {path} answered {reply.status}: {str(reply.content)[:300]}")
