"""A deployment to throw requests at, with somebody of every kind who may call it, and something of everything in it.

Whoever has thrown a request that was taken puts everything back as it was (:meth:`World.put_back`), so that no request
depends on those before it.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import sqlite3
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from local.event import Request
from tests.support.in_process import InProcess
from tests.support.party import fixture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.answer import Answer

CANARY = "c4nary"
"""Stands in everything that is secret or on a card: in no log may it ever be read."""
TOKENS = {name: f"token-{CANARY}-of-{name}" for name in ("cpo", "emsp", "other", "suspended", "invited")}
CARD, CONTRACT = f"0{CANARY}4D5E6F", f"NL-EXM-{CANARY}-A"
PARTIES = {"cpo": ("DE", "CPA"), "emsp": ("DE", "EMA"), "other": ("NL", "OTH"), "suspended": ("FR", "SUS")}
ROLES = {"cpo": "CPO", "emsp": "EMSP", "other": "EMSP", "suspended": "EMSP", "invited": "CPO"}
COMMAND = "command-1"
PASSING = frozenset({"exchanges", "failures", "settings"})
"""Tables of what a refused request may leave: that it was there."""
FILES = ("ocpi.db", "queues.db")
ENVIRON = {
    "OCPI_COUNTRY_CODE": "NL",
    "OCPI_PARTY_ID": "EXA",
    "OCPI_ALLOW_PRIVATE_ADDRESSES": "0",
    "OCPI_FAILED_AUTHENTICATIONS": "0",
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
}


class World:
    """To be closed. No partner of it can be reached."""

    def __init__(self, folder: Path) -> None:
        self.system = InProcess(folder, ENVIRON)
        self.callers = {
            "operator": f"Bearer {self.system.operator_key}",
            **{name: f"Token {token}" for name, token in TOKENS.items()},
        }
        self._resources = ExitStack()
        self._log = self._resources.enter_context(self._listening())
        with self.system.at_work():
            self._cut_off()
            self._register()
        self._fill()
        with self.system.at_work():
            # Made when it is first asked for.
            self.system.module("ocpi.deployment").store().signing_key()
        self._files = {name: sqlite3.connect(folder / name, isolation_level=None) for name in FILES}
        self._kept = {name: sqlite3.connect(":memory:") for name in FILES}
        for name, file in self._files.items():
            file.backup(self._kept[name])

    def close(self) -> None:
        for connection in (*self._files.values(), *self._kept.values()):
            connection.close()
        self._resources.close()
        self.system.close()

    def send(self, request: Request) -> Answer:
        """What comes back."""
        return self.system.request(request)

    def call(self, caller: str, method: str, path: str, body: Any = None) -> Answer:
        """A request as it should be."""
        headers = (("Host", "ocpi.example"), ("Authorization", self.callers[caller]))
        payload = b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        return self.send(Request(method, path, query, headers, payload, "192.0.2.7", 443))

    def digest(self) -> str:
        """Of everything that is kept, but for the traces that any request leaves."""
        digest = hashlib.sha256()
        for file in self._files.values():
            for table in _tables(file):
                for row in file.execute(_CONTENT.get(table, f"SELECT * FROM {table}")):  # noqa: S608 - names of ours
                    digest.update(repr(row).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def put_back(self) -> None:
        """Everything as it was in the beginning."""
        for name, file in self._files.items():
            self._kept[name].backup(file)

    def logged(self) -> str:
        """What was logged since this was asked last, and what stands in the exchange log."""
        text = self._log.getvalue()
        self._log.seek(0)
        self._log.truncate()
        store = self._files["ocpi.db"]
        exchanges = store.execute("SELECT document || coalesce(subject, '') FROM exchanges").fetchall()
        if exchanges:
            store.execute("DELETE FROM exchanges")
        return "\n".join((text, *(document for (document,) in exchanges)))

    @contextmanager
    def _listening(self) -> Iterator[io.StringIO]:
        """What is logged, by whom ever; loggers are the whole process's, and are as they were afterwards."""
        log = io.StringIO()
        with self.system.at_work():
            powertools = self.system.module("ocpi.observability").logger
        ours = logging.StreamHandler(log)
        ours.setFormatter(powertools.registered_formatter)
        logger: logging.Logger = powertools._logger
        before = logger.handlers, logger.level, logger.propagate
        everything = logging.StreamHandler(log)
        logging.getLogger().addHandler(everything)
        # At DEBUG, so that nothing is hidden by the level that happens to be set.
        logger.handlers, logger.level, logger.propagate = [ours], logging.DEBUG, False
        logger.manager._clear_cache()  # type: ignore[attr-defined]
        try:
            yield log
        finally:
            logger.handlers, logger.level, logger.propagate = before
            logger.manager._clear_cache()  # type: ignore[attr-defined]
            logging.getLogger().removeHandler(everything)

    def _cut_off(self) -> None:
        client = self.system.module("ocpi.outbound.client")

        def unreachable(self: Any, method: str, url: str, *args: Any) -> Any:
            self._read(url)
            raise client.PartnerUnreachable("connect", "no connection to the partner: nobody is there")

        client.PartnerClient._send = unreachable

    def _register(self) -> None:
        port = self.system.module("ocpi.store.port")
        deployment = self.system.module("ocpi.deployment")
        token_hash = self.system.module("ocpi.transport.authentication").token_hash
        for name, token in TOKENS.items():
            invited = name == "invited"
            status = "INVITED" if invited else "SUSPENDED" if name == "suspended" else "REGISTERED"
            partner = port.Partner(
                id=f"partner-{name}",
                role=ROLES[name],
                name=name,
                status=port.PartnerStatus(status),
                invited_at="2026-01-01T00:00:00Z",
                grants=(token_hash(token),),
            )
            if not invited:
                partner = self._known(port, deployment, partner, name)
            grant = port.Grant(token_hash(token), partner.id, "invitation" if invited else "registered")
            change = port.PartnerChange(partner, None, put_grants=(grant,), claim_party=not invited)
            deployment.store().partners.save(change)
            deployment.store().partners.seen(partner.id, "9999-01-01T00:00:00.000000Z")

    def _known(self, port: Any, deployment: Any, partner: Any, name: str) -> Any:
        country_code, party_id = PARTIES[name]
        base = f"https://{name}.example/2.1.1"
        modules = ("credentials", "locations", "sessions", "cdrs", "tariffs", "tokens", "commands")
        return port.Partner(
            **{each: getattr(partner, each) for each in ("id", "role", "name", "status", "invited_at", "grants")},
            version="2.1.1",
            country_code=country_code,
            party_id=party_id,
            versions_url=f"https://{name}.example/versions",
            endpoints=tuple({"identifier": module, "url": f"{base}/{module}"} for module in modules),
            token=deployment.vault().seal(f"token-b-{CANARY}", about=partner.id),
            registered_at="2026-01-02T00:00:00Z",
        )

    def _fill(self) -> None:
        for module, value in OWN.items():
            self._taken(self.call("operator", "PUT", f"/operator/2.1.1/{module}/{value.get('id', CARD)}", value))
        self._taken(self.call("emsp", "PUT", f"/ocpi/cpo/2.1.1/tokens/DE/EMA/{CARD}", OWN["tokens"]))
        for module in ("locations", "sessions", "tariffs"):
            value = OWN[module]
            self._taken(self.call("cpo", "PUT", f"/ocpi/emsp/2.1.1/{module}/DE/CPA/{value['id']}", value))
        self._taken(self.call("cpo", "POST", "/ocpi/emsp/2.1.1/cdrs", OWN["cdrs"]))
        start = fixture(
            "cmd_start_session",
            response_url=f"https://emsp.example/2.1.1/commands/{CANARY}",
            token=fixture("token_max", uid=CARD, auth_id=CONTRACT),
        )
        self._taken(self.call("emsp", "POST", "/ocpi/cpo/2.1.1/commands/START_SESSION", start))

    def _taken(self, answer: Answer) -> None:
        body = json.loads(answer.body)
        assert answer.status in (200, 201), body
        assert body.get("status_code", 1000) == 1000, body


OWN: dict[str, dict[str, Any]] = {
    "locations": fixture("location_max"),
    "tariffs": fixture("tariff_max"),
    "tokens": fixture("token_max", uid=CARD, auth_id=CONTRACT, visual_number=f"EX {CANARY}"),
    "sessions": fixture("session_max", auth_id=CONTRACT),
    "cdrs": fixture("cdr_max", auth_id=CONTRACT),
}

_CONTENT = {
    # When a partner was here last is a trace as well, and so is when its token was used.
    "partners": "SELECT id, invited_at, document, revision, learned, behind_since, last_synced_at FROM partners",
}


def _tables(file: sqlite3.Connection) -> list[str]:
    found = file.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1")
    return [name for (name,) in found.fetchall() if name not in PASSING]
