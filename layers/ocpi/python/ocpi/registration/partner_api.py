"""What a partner's versions and version details say: the part of the handshake that both sides do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from ocpi import strict_json
from ocpi.errors import PartnerFailed
from ocpi.outbound.partner_session import PartnerSession
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.transport.status_codes import StatusCode

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer

MODULES = frozenset({"cdrs", "commands", "locations", "sessions", "tariffs", "tokens"})
"""What a partner may serve besides credentials; in 2.1.1 both roles have an interface for each."""
MAX_URL = 255
QUOTED_CHARACTERS = 300
Endpoints = tuple[dict[str, str], ...]
"""Each with ``identifier`` and ``url``."""


@dataclass(slots=True)
class PartnerApi(PartnerSession):
    """A partner's API; every failure is a :class:`PartnerFailed` that names the step."""

    def discover(self, versions_url: str, version: str) -> Endpoints:
        """The endpoints (``identifier``, ``url``) of one version, by way of the versions URL.

        :class:`PartnerFailed` with 3001 when an answer cannot be used, 3002 when the version is not offered, 3003
        when credentials or all other modules are missing (sections 7.1.2, 7.3.5 and 7.3.6).
        """
        details_url = self._details_url(versions_url, version)
        answer = self._get(details_url, step="version_details")
        endpoints = tuple(
            each for each in _read_endpoints(answer, details_url, version) if self.client.may_call(each["url"])
        )
        identifiers = {endpoint["identifier"] for endpoint in endpoints}
        if "credentials" not in identifiers or not identifiers & MODULES:
            raise _failed(
                "version_details",
                f"version {version} of the partner must have a credentials endpoint and at least one of "
                f"{', '.join(sorted(MODULES))}; it has: {', '.join(sorted(identifiers)) or 'none'}",
                StatusCode.MISSING_ENDPOINTS,
                answer,
            )
        return endpoints

    def credentials(self, method: str, url: str, body: dict[str, Any] | None = None) -> Answer:
        """POST, PUT or DELETE credentials; an answer that is no success raises :class:`PartnerFailed`."""
        if body is None:
            return self._request(method, url, step="credentials")
        return self._request(method, url, step="credentials", body=strict_json.write(body), secret=body["token"])

    def _details_url(self, versions_url: str, version: str) -> str:
        answer = self._get(versions_url, step="versions")
        data = answer.envelope().data
        if isinstance(data, dict):  # {"versions": [...]}, reading A-49
            data = data.get("versions")
        if not isinstance(data, list):
            raise _unusable("versions", "the versions are not a list", answer)
        offered = {
            entry["version"]: entry.get("url")
            for entry in data
            if isinstance(entry, dict) and isinstance(entry.get("version"), str)
        }
        if version not in offered:
            raise _failed(
                "versions", f"the partner does not offer version {version}", StatusCode.UNSUPPORTED_VERSION, answer
            )
        listed = offered[version]
        url = _absolute(versions_url, listed) if isinstance(listed, str) else None
        if url is None:
            raise _unusable("versions", f"the URL of version {version} cannot be read", answer)
        return url

    def _get(self, url: str, *, step: str) -> Answer:
        """An answer that has data."""
        answer = self._request("GET", url, step=step)
        if answer.envelope().data is None:
            raise _unusable(step, "the answer holds no data", answer)
        return answer

    def _request(self, method: str, url: str, *, step: str, body: str | None = None, secret: str = "") -> Answer:
        """``secret``: what ``body`` holds and no error may quote."""
        try:
            answer = self.send(method, url, body, module=step)
        except PartnerUnreachable as error:
            raise _unusable(step, error.detail) from error
        answer = replace(answer, secrets=(*answer.secrets, secret))
        reason = answer.problem()
        if reason is not None:
            raise _unusable(step, reason, answer)
        return answer


def endpoint_url(endpoints: Endpoints, identifier: str) -> str | None:
    """The URL of a module, or ``None``."""
    return next((endpoint["url"] for endpoint in endpoints if endpoint["identifier"] == identifier), None)


def connection(credentials: dict[str, Any], endpoints: Endpoints, version: str, sealed_token: str) -> dict[str, Any]:
    """The fields of a :class:`~ocpi.store.port.Partner` that every handshake sets, from its credentials and API."""
    return {
        "version": version,
        "business_details": credentials["business_details"],
        "versions_url": credentials["url"],
        "endpoints": endpoints,
        "token": sealed_token,
    }


def _read_endpoints(answer: Answer, details_url: str, version: str) -> Endpoints:
    """Endpoints of version details. Members that 2.1.1 does not know are left out, unusable entries too; of a module
    that is listed twice the first counts.
    """
    data = answer.envelope().data
    listed = data.get("endpoints") if isinstance(data, dict) else None
    if isinstance(data, dict) and data.get("version", version) != version:
        raise _unusable("version_details", f"the version details are not those of version {version}", answer)
    if not isinstance(listed, list):
        raise _unusable("version_details", "the version details hold no list of endpoints", answer)
    endpoints: dict[str, str] = {}
    for entry in listed:
        identifier, url = (entry.get("identifier"), entry.get("url")) if isinstance(entry, dict) else (None, None)
        if isinstance(identifier, str) and isinstance(url, str) and url and len(url) <= MAX_URL:
            absolute = _absolute(details_url, url)
            if absolute is not None:
                endpoints.setdefault(identifier, absolute)
    return tuple({"identifier": identifier, "url": url} for identifier, url in endpoints.items())


def _absolute(base: str, url: str) -> str | None:
    """Some partners list relative URLs. ``None`` for what is no URL at all."""
    try:
        return urljoin(base, url)
    except ValueError:
        return None


def _unusable(step: str, why: str, answer: Answer | None = None) -> PartnerFailed:
    return _failed(step, f"{step}: {why}{_quotation(step, answer)}", StatusCode.UNUSABLE_CLIENT_API, answer)


def _quotation(step: str, answer: Answer | None) -> str:
    """What the partner answered, unless ``why`` holds its own message already, or the answer may hold a token."""
    if answer is None or answer.envelope().status_message:
        return ""
    said = answer.excerpt(QUOTED_CHARACTERS)
    return f"; it answered: {said}" if said and (step != "credentials" or answer.http_status >= 400) else ""


def _failed(step: str, detail: str, status_code: StatusCode, answer: Answer | None) -> PartnerFailed:
    return PartnerFailed(
        detail,
        status_code=status_code,
        step=step,
        http_status=answer.http_status if answer else None,
        ocpi_status=answer.envelope().status_code if answer else None,
    )
