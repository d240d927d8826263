"""A partner that keeps what it is pushed, as a receiver of OCPI 2.1.1 does, and misbehaves as it is told."""

from __future__ import annotations

import base64
import itertools
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from tests.support.ids import in_url
from tests.support.partner_server import Received, Reply, wait_until
from tests.support.party import MODULES, Operator, PlayedPartner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OUR_PARTY = "NL/EXA"
SECONDS = 15.0
LOST = Reply(raw=())
"""The connection is closed before an answer."""
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 300\r\n\r\n"
TRUNCATED = Reply(raw=(_HEAD + b'{"status_code"',))
"""The connection is closed within the body."""
CUT_OFF = Reply(200, b'{"status_code": 1000, "timest', {"Content-Type": "application/json"})
"""A body that is complete as HTTP sees it, and half an envelope."""
MISSING = Reply.ocpi(status=404, status_code=2003, status_message="unknown object")

_PARTS = (("evses", "uid"), ("connectors", "id"))
_parties = itertools.count(1)


@dataclass(frozen=True)
class Push:
    """A request of the gateway about its objects. ``path`` has the module, our party and ids, encoded, without a slash
    at the end; ``request`` is how it came, and ``at`` when (monotonic, seconds).
    """

    method: str
    path: str
    request: Received
    at: float = field(default_factory=time.monotonic)

    @property
    def body(self) -> Any:
        return self.request.json()

    @property
    def said(self) -> str:
        """``PUT locations/NL/EXA/L-1``."""
        return f"{self.method} {self.path}"


class KeepingPartner(PlayedPartner):
    """``objects`` is what it holds, by path. ``spoil`` is asked before a request is carried out, ``spoil_answer``
    after: what they return is answered instead. ``paths`` says where its modules are, on its own server. A party of
    its own unless told otherwise.
    """

    def __init__(self, operator: Operator, role: str = "EMSP", *, party_id: str | None = None) -> None:
        party_id = party_id or f"{next(_parties):03}"
        super().__init__(role, "AT", party_id, token=f"token-b-of-{role}-{party_id}")
        self.operator = operator
        self.pushes: list[Push] = []
        self.objects: dict[str, Any] = {}
        self.posted: list[Any] = []
        self.spoil: Callable[[Push], Reply | None] = lambda _: None
        self.spoil_answer: Callable[[Push], Reply | None] = lambda _: None
        self.headers: dict[str, str] = {}
        """Of the answer to a POST."""
        self.paths = {module: f"/{role.lower()}/2.1.1/{module}" for module in MODULES}
        self.accepted = {f"Token {self.issued}"}
        self.server.otherwise = self._answer
        self._lock = threading.Lock()

    def joined(self, *modules: str, **settings: Any) -> Self:
        """Registered by invitation, with these modules (all, unless some are named) and settings."""
        if modules:
            self.paths = {module: self.paths[module] for module in ("credentials", *modules)}
        self.serve_paths()
        self.register(self.operator.invite(self.role))
        if settings:
            self.set(**settings)
        return self

    def serve_paths(self) -> None:
        """Have the version details say where the modules are now."""
        endpoints = [{"identifier": name, "url": self.server.url + path} for name, path in self.paths.items()]
        details = Reply.ocpi({"version": "2.1.1", "endpoints": endpoints})
        self.server.on("GET", f"/{self.role.lower()}/2.1.1", details)

    @property
    def at(self) -> str:
        """Its path in the operator API."""
        return f"/partners/{self.partner_id}"

    def set(self, **settings: Any) -> None:
        """Change settings."""
        answer = self.operator.patch(self.at, json={"settings": settings})
        assert answer.status_code == 200, answer.text

    @property
    def behind(self) -> int:
        return int(self.operator.get(self.at).json()["behind"])

    def deliveries(self, state: str | None = None) -> list[dict[str, Any]]:
        """What the operator sees of them."""
        answer = self.operator.get(
            f"{self.at}/deliveries", params={"limit": 1000, **({"state": state} if state else {})}
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def delivery(self, name: str) -> dict[str, Any]:
        """That of one object; ``{}`` if there is none."""
        return next((each for each in self.deliveries() if each["object_id"] == name), {})

    def retry(self, **body: Any) -> int:
        """Have everything that it did not get sent again; how much is queued."""
        answer = self.operator.post(f"{self.at}/deliveries/retry", json=body)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["queued"])

    def about(self, name: str) -> list[Push]:
        """Pushes of one object or its parts, or look-ups of it, oldest first."""
        with self._lock:
            return [push for push in self.pushes if in_url(name) in push.path.split("/") or _is_posted(push, name)]

    def said(self, name: str) -> list[str]:
        """The same, in short."""
        return [push.said for push in self.about(name)]

    def wait_for(self, name: str, count: int = 1) -> list[Push]:
        """The same as :meth:`about`, once there are so many."""
        wait_until(lambda: len(self.about(name)) >= count, SECONDS)
        return self.about(name)

    def wait_in_sync(self) -> None:
        """Until nothing waits, and nothing has failed."""
        wait_until(lambda: self.behind == 0, SECONDS)

    def held(self, module: str, name: str) -> Any:
        """An object of ours as this partner has it, or ``None``."""
        return self.objects.get(f"{module}/{OUR_PARTY}/{in_url(name)}")

    def _answer(self, request: Received) -> Reply:
        path = self._path(request.path)
        if path is None:
            return MISSING
        push = Push(request.method, path, request)
        with self._lock:
            self.pushes.append(push)
        if request.headers.get("authorization") not in self.accepted:
            return Reply.ocpi(status=401, status_code=2001, status_message="unknown token")
        spoiled = self.spoil(push)
        if spoiled is not None:
            return spoiled
        with self._lock:
            done = self._carry_out(push)
        return self.spoil_answer(push) or done

    def _path(self, path: str) -> str | None:
        for module, base in self.paths.items():
            rest = path.removeprefix(base.rstrip("/"))
            if module != "credentials" and rest != path and rest[:1] in ("", "/"):
                return "/".join(
                    [module, *(in_url(unquote(segment)) for segment in rest.strip("/").split("/") if segment)]
                )
        return None

    def _carry_out(self, push: Push) -> Reply:
        module, *rest = push.path.split("/")
        if push.method == "POST" and not rest:
            self.posted.append(push.body)
            self.objects[f"{module}/{in_url(push.body['id'])}"] = push.body
            return Reply.ocpi(status=201, headers=self.headers)
        place, key = self._place([module, *rest])
        if place is None:
            return MISSING
        if push.method == "PUT":
            place[key] = push.body
            return Reply.ocpi(status=201)
        found = place.get(key)
        if found is None:
            return MISSING
        if push.method == "PATCH":
            found.update(push.body)
        if push.method == "DELETE":
            del place[key]
        return Reply.ocpi(found if push.method == "GET" else None)

    def _place(self, segments: Sequence[str]) -> tuple[Any, str]:
        """What holds the object, EVSE or connector of a URL, and its key there."""
        if segments[0] != "locations" or len(segments) < 5:
            return self.objects, "/".join(segments)
        place: Any = self.objects.get("/".join(segments[:4]))
        for (name, identity), segment in zip(_PARTS, segments[4:], strict=False):
            if place is None:
                return None, ""
            parts = _Parts(place.setdefault(name, []), identity)
            if len(segments) == (5 if name == "evses" else 6):
                return parts, unquote(segment)
            place = parts.get(unquote(segment))
        return None, ""


class _Parts:
    """A list of EVSEs or connectors, by their identity."""

    def __init__(self, parts: list[Any], identity: str) -> None:
        self._parts, self._identity = parts, identity

    def get(self, key: str) -> Any:
        return next((part for part in self._parts if part[self._identity] == key), None)

    def __setitem__(self, key: str, value: Any) -> None:
        places = [place for place, part in enumerate(self._parts) if part[self._identity] == key]
        self._parts[slice(places[0], places[0] + 1) if places else slice(len(self._parts), None)] = [value]


@contextmanager
def keeping_partner(operator: Operator, role: str = "EMSP", *, party_id: str | None = None) -> Iterator[KeepingPartner]:
    """One that is not registered yet, and that has left at the end, whatever became of it."""
    with KeepingPartner(operator, role, party_id=party_id) as partner:
        yield partner
        if partner.partner_id is not None:
            operator.delete(partner.at, params={"force": "true"})


def in_base64(token: str) -> str:
    """The header of a token as strict partners want it."""
    return f"Token {base64.b64encode(token.encode()).decode()}"


def _is_posted(push: Push, name: str) -> bool:
    return push.method == "POST" and bool(push.request.body) and push.body.get("id") == name
