"""A gateway as strict as in AWS, in a network of the test's making, of which every connection is known."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.certificates import Authority
from tests.support.gateway import running_gateway
from tests.support.partner_server import PartnerServer
from tests.support.party import PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.gateway import Gateway

HOST = "partner.example"
PUBLIC = "93.184.215.14"


class PublicServer(PartnerServer):
    """A partner's https server, which the gateway knows as ``https://partner.example``."""

    @property
    def url(self) -> str:
        """Without a trailing slash."""
        return f"https://{HOST}"


class PublicPartner(PlayedPartner):
    """A partner at a server that it shares with others, and does not stop."""

    def __enter__(self) -> Self:
        self.serve_versions()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()


@dataclass(frozen=True)
class Network:
    """What the gateway did in it. ``server`` is who answers at the public address, the only one that is anybody's."""

    gateway: Gateway
    server: PublicServer
    log: Path

    def _written(self, what: str) -> list[object]:
        if not self.log.exists():
            return []
        lines = map(json.loads, self.log.read_text(encoding="utf-8").splitlines())
        return [where for kind, where in lines if kind == what]

    @property
    def dialled(self) -> list[object]:
        """Address and port of every connection that the gateway tried to make, oldest first."""
        return self._written("dialled")

    @property
    def asked(self) -> list[object]:
        """Every name that it had resolved."""
        return self._written("asked")


@contextmanager
def watched_gateway(
    folder: Path, names: Mapping[str, Sequence[Sequence[str]]], environ: Mapping[str, str]
) -> Iterator[Network]:
    """A strict gateway. ``names``: for each name its addresses at one question after the other."""
    authority = Authority.make(folder)
    trust, log = folder / "trust.pem", folder / "network.jsonl"
    trust.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    with PublicServer(authority.server(HOST, f"*.{HOST}")) as server:
        told = {
            "names": {HOST: [[PUBLIC]], **{name: [list(each) for each in answers] for name, answers in names.items()}},
            "servers": {f"{PUBLIC}:443": server.port},
            "log": str(log),
        }
        path = os.pathsep.join(filter(None, (str(Path(__file__).parent / "watched"), os.environ.get("PYTHONPATH"))))
        strict = {
            "OCPI_ALLOW_PRIVATE_ADDRESSES": "0",
            "SSL_CERT_FILE": str(trust),
            "PYTHONPATH": path,
            "WATCHED_NETWORK": json.dumps(told),
            **environ,
        }
        with running_gateway(environ=strict) as gateway:
            yield Network(gateway, server, log)
