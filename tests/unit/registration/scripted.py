"""A partner whose answers a test writes by hand, in the place of :class:`~ocpi.outbound.client.PartnerClient`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ocpi.outbound.answer import Answer, Headers
from ocpi.outbound.unreachable import PartnerUnreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = "https://partner.example/ocpi"
VERSIONS, DETAILS, CREDENTIALS = f"{BASE}/versions", f"{BASE}/2.1.1", f"{BASE}/2.1.1/credentials"


def ocpi(data: Any = ..., status_code: int = 1000, http_status: int = 200, **more: Any) -> Answer:
    """An envelope; ``...``: without data."""
    envelope = {"status_code": status_code, "timestamp": "2026-01-01T00:00:00Z", **more}
    return plain(envelope if data is ... else {**envelope, "data": data}, http_status)


def plain(value: Any, http_status: int = 200) -> Answer:
    """A body as it is: bytes, or a value as JSON."""
    return Answer(http_status, Headers(), value if isinstance(value, bytes) else json.dumps(value).encode())


def endpoints(*modules: str) -> list[dict[str, str]]:
    return [{"identifier": module, "url": f"{DETAILS}/{module}"} for module in modules]


def details(*modules: str) -> Answer:
    return ocpi({"version": "2.1.1", "endpoints": endpoints(*modules)})


def credentials(**changes: Any) -> dict[str, Any]:
    """A partner's Credentials object."""
    plain = {"token": "token-c", "url": VERSIONS, "party_id": "abc", "country_code": "DE"}
    return {**plain, "business_details": {"name": "Partner"}, **changes}


@dataclass
class Scripted:
    """``answers`` by ``METHOD url``: an answer, or what is raised."""

    answers: dict[str, Answer | Exception] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    forbidden: tuple[str, ...] = ()
    """What no URL may begin with."""

    def may_call(self, url: str) -> bool:
        """As :meth:`ocpi.outbound.client.PartnerClient.may_call`."""
        return not url.startswith(self.forbidden)

    def request(self, method: str, url: str, **options: Any) -> Answer:
        """As :meth:`ocpi.outbound.client.PartnerClient.request`."""
        self.asked.append({"method": method, "url": url, **options})
        answer = self.answers[f"{method} {url}"]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def requests(self) -> list[str]:
        return [f"{each['method']} {each['url'].removeprefix(BASE)} {each['token']}" for each in self.asked]


def willing(**changes: Answer | Exception) -> Scripted:
    """A partner that takes everything but what is changed, by the method: ``GET_versions``, ``GET_details``, ``POST``,
    ``PUT``, ``DELETE``, ``GET`` (the last four on its credentials).
    """
    given: dict[str, Answer | Exception] = {
        "GET_versions": ocpi([{"version": "2.1.1", "url": DETAILS}]),
        "GET_details": details("credentials", "tokens"),
        "POST": ocpi(credentials()),
        "PUT": ocpi(credentials()),
        "GET": ocpi(credentials()),
        "DELETE": ocpi(),
        **changes,
    }
    return Scripted(by_place(given))


def by_place(answers: Mapping[str, Answer | Exception]) -> dict[str, Answer | Exception]:
    """Answers by ``METHOD url``, given by the names that :func:`willing` has."""
    places = {"GET_versions": f"GET {VERSIONS}", "GET_details": f"GET {DETAILS}"}
    return {places.get(name, f"{name} {CREDENTIALS}"): answer for name, answer in answers.items()}


def unreachable(kind: Any, detail: str = "no answer") -> PartnerUnreachable:
    return PartnerUnreachable(kind, detail)


def answering(partner: Scripted, **changes: Answer | Exception) -> None:
    """Let it answer these otherwise, by the names that :func:`willing` has."""
    partner.answers |= by_place(changes)
