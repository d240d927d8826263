"""What a deployment is told about itself, read once from environment variables that ``template.yaml`` sets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Role = Literal["CPO", "EMSP"]
ROLES: tuple[Role, Role] = ("CPO", "EMSP")


class SettingsError(Exception):
    """An environment variable is missing or malformed; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The deployment: who the operator is, where it is reached, and which adapters stand behind the ports."""

    country_code: str
    """ISO 3166-1 alpha-2, upper case."""
    party_id: str
    """Three characters, upper case."""
    party_name: str
    party_website: str | None
    roles: tuple[Role, ...]
    """The roles that we play."""
    public_url: str | None
    """Base of every URL that we hand out, without a trailing slash; ``None``: API Gateway's own address."""
    store: str
    """``dynamodb:<table name>`` or ``sqlite:<path>``."""
    vault: str
    """``kms:<key arn>`` or ``keyfile:<path>``: what encrypts partners' tokens at rest."""
    operator_key: str
    """``secretsmanager:<arn>`` or ``file:<path>``: where the operator key is. Only the operator function is told."""
    allow_private_addresses: bool
    """Whether partners may be at http:// URLs and private addresses; only the local gateway says so."""
    pending_session_minutes: int
    """How long a session of ours may be PENDING before it becomes INVALID."""
    modules: Mapping[Role, tuple[str, ...]]
    """The OCPI 2.1.1 modules that each of our roles serves, as ``template.yaml`` routes them."""
    command_requests_queue: str = ""
    """``sqs:<queue url>`` or ``sqlite:<path>#<name>``: where commands wait for the charge point system."""
    command_requests_dead_queue: str = ""
    """As above: where messages end that are no command."""
    command_results_queue: str = ""
    """As above: where answers of charge points and deadlines arrive."""
    command_results_dead_queue: str = ""
    """As above: where results end that could not be delivered."""
    command_seconds: int = 30
    """How long a charge point has to answer a command."""
    command_hook: str | None = None
    """URL of the operator's charge point system, if it wants commands sent there."""
    authorization_hook: str | None = None
    """URL of the operator's own system that decides real-time authorizations of our tokens."""
    webhook_secret: str = ""
    """``secretsmanager:<arn>`` or ``file:<path>``: where the key is that signs what goes to the operator's systems."""
    deliveries_queue: str = ""
    """``sqs:<queue url>`` or ``sqlite:<path>#<name>``: partners that something is to be delivered to."""
    pulls_queue: str = ""
    """As above: pulls to be begun or gone on with."""
    reconciliations_queue: str = ""
    """As above: reconciliations to be begun or gone on with."""
    pull_hours: int = 6
    """How often a partner is asked for what it has changed."""
    exchange_days: int = 14
    """How long the exchange log is kept; 0: there is none."""
    failed_authentications: int = 100
    """How often a minute a source of requests may fail to authenticate before it gets 429; 0: there is no limit."""

    @property
    def party(self) -> str:
        """``NL-TNM``."""
        return f"{self.country_code}-{self.party_id}"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables; raises :class:`SettingsError` naming the variable at fault."""

    def required(name: str) -> str:
        value = environ.get(name, "").strip()
        if not value:
            raise SettingsError(f"{name} is not set")
        return value

    def words(name: str) -> tuple[str, ...]:
        return tuple(environ.get(name, "").replace(",", " ").split())

    country_code, party_id = required("OCPI_COUNTRY_CODE").upper(), required("OCPI_PARTY_ID").upper()
    if not (len(country_code) == 2 and country_code.isascii() and country_code.isalpha()):
        raise SettingsError("OCPI_COUNTRY_CODE must be two letters (ISO 3166-1 alpha-2)")
    if not (len(party_id) == 3 and party_id.isascii() and party_id.isalnum()):
        raise SettingsError("OCPI_PARTY_ID must be three letters or digits")
    asked = {word.upper() for word in words("OCPI_ROLES")} or set(ROLES)
    if not asked <= set(ROLES):
        raise SettingsError("OCPI_ROLES may hold CPO and EMSP only")
    return Settings(
        country_code=country_code,
        party_id=party_id,
        party_name=environ.get("OCPI_PARTY_NAME", "").strip() or f"{country_code}-{party_id}",
        party_website=environ.get("OCPI_PARTY_WEBSITE", "").strip() or None,
        roles=tuple(role for role in ROLES if role in asked),
        public_url=environ.get("OCPI_PUBLIC_URL", "").strip().rstrip("/") or None,
        store=required("OCPI_STORE"),
        vault=required("OCPI_VAULT"),
        operator_key=environ.get("OCPI_OPERATOR_KEY", "").strip(),
        allow_private_addresses=environ.get("OCPI_ALLOW_PRIVATE_ADDRESSES", "") == "1",
        pending_session_minutes=_number(environ, "OCPI_PENDING_SESSION_MINUTES", default=30, least=1, most=1440),
        modules={"CPO": words("OCPI_CPO_MODULES"), "EMSP": words("OCPI_EMSP_MODULES")},
        command_requests_queue=environ.get("OCPI_COMMAND_REQUESTS_QUEUE", "").strip(),
        command_requests_dead_queue=environ.get("OCPI_COMMAND_REQUESTS_DEAD_QUEUE", "").strip(),
        command_results_queue=environ.get("OCPI_COMMAND_RESULTS_QUEUE", "").strip(),
        command_results_dead_queue=environ.get("OCPI_COMMAND_RESULTS_DEAD_QUEUE", "").strip(),
        command_seconds=_number(environ, "OCPI_COMMAND_SECONDS", default=30, least=1, most=600),
        command_hook=environ.get("OCPI_COMMAND_HOOK_URL", "").strip() or None,
        authorization_hook=environ.get("OCPI_AUTHORIZATION_HOOK_URL", "").strip() or None,
        webhook_secret=environ.get("OCPI_WEBHOOK_SECRET", "").strip(),
        deliveries_queue=environ.get("OCPI_DELIVERIES_QUEUE", "").strip(),
        pulls_queue=environ.get("OCPI_PULLS_QUEUE", "").strip(),
        reconciliations_queue=environ.get("OCPI_RECONCILIATIONS_QUEUE", "").strip(),
        pull_hours=_number(environ, "OCPI_PULL_HOURS", default=6, least=1, most=168),
        exchange_days=_number(environ, "OCPI_EXCHANGE_DAYS", default=14, least=0, most=400),
        failed_authentications=_number(environ, "OCPI_FAILED_AUTHENTICATIONS", default=100, least=0, most=100_000),
    )


def _number(environ: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise SettingsError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


@cache
def settings() -> Settings:
    """The settings of this process."""
    return read_settings(os.environ)
