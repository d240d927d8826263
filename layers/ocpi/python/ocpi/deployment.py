"""The parts of this deployment, each made once per process and only if something asks for it."""

from __future__ import annotations

import gc
import os
from functools import cache
from typing import TYPE_CHECKING

from ocpi.settings import settings
from ocpi.store.open import open_store

if TYPE_CHECKING:
    from ocpi.authorization.hook import AuthorizationHook
    from ocpi.exchanges.recorder import Recorder
    from ocpi.outbound.address_guard import AddressGuard
    from ocpi.outbound.client import PartnerClient
    from ocpi.queues.port import Queue
    from ocpi.store.port import Store
    from ocpi.vault.port import Vault

COLLECTED_AFTER = 50_000
"""Objects that a function makes, beyond those that it drops, before Python looks for garbage among them. By its own
setting, 700, it would do so four hundred times while a function starts, for nothing: a tenth of a cold start. What is
left lying longer is some megabytes."""

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:  # the first module of ours that a function loads
    gc.set_threshold(COLLECTED_AFTER)


@cache
def store() -> Store:
    """Where everything is kept."""
    return open_store(settings().store)


@cache
def vault() -> Vault:
    """What encrypts the tokens that we use on partners."""
    from ocpi.vault import open_vault  # noqa: PLC0415 - only some functions need it; imports cost cold starts

    return open_vault(settings().vault)


@cache
def address_guard() -> AddressGuard:
    """The judge of every URL that a partner chooses."""
    from ocpi.outbound.address_guard import AddressGuard  # noqa: PLC0415 - as above

    return AddressGuard(allow_private=settings().allow_private_addresses, own_url=settings().public_url)


@cache
def partner_client() -> PartnerClient:
    """The HTTP client for partners."""
    from ocpi.outbound.client import PartnerClient  # noqa: PLC0415 - as above

    return PartnerClient(address_guard(), recorder=recorder())


@cache
def recorder() -> Recorder:
    """What keeps the exchanges with partners until they are written down."""
    from ocpi.exchanges.recorder import Recorder  # noqa: PLC0415 - as above

    return Recorder(store(), settings().exchange_days)


def write_down_exchanges() -> None:
    """Called at the end of each invocation: a Lambda function is frozen then, and may never go on."""
    if recorder.cache_info().currsize:
        recorder().flush()


@cache
def command_requests() -> Queue:
    """Where the operator's charge point system finds commands."""
    from ocpi.queues.open import open_queue  # noqa: PLC0415 - as above

    return open_queue(settings().command_requests_queue)


@cache
def command_requests_dead() -> Queue:
    """Where messages end that are no command."""
    from ocpi.queues.open import open_queue  # noqa: PLC0415 - as above

    return open_queue(settings().command_requests_dead_queue)


@cache
def command_results() -> Queue:
    """Where answers of charge points and deadlines of commands arrive."""
    from ocpi.queues.open import open_queue  # noqa: PLC0415 - as above

    return open_queue(settings().command_results_queue)


@cache
def command_results_dead() -> Queue:
    """Where results end that nobody could be brought."""
    from ocpi.queues.open import open_queue  # noqa: PLC0415 - as above

    return open_queue(settings().command_results_dead_queue)


@cache
def deliveries() -> Queue:
    """Partners that something is to be delivered to."""
    from ocpi.queues.open import open_queue  # noqa: PLC0415 - as above

    return open_queue(settings().deliveries_queue)


@cache
def pulls() -> Queue:
    """Pulls to be begun or gone on with."""
    from ocpi.queues.open import open_queue  # noqa: PLC0415 - as above

    return open_queue(settings().pulls_queue)


@cache
def reconciliations() -> Queue:
    """Reconciliations to be begun or gone on with."""
    from ocpi.queues.open import open_queue  # noqa: PLC0415 - as above

    return open_queue(settings().reconciliations_queue)


@cache
def authorization_hook() -> AuthorizationHook | None:
    """The operator's own system that decides real-time authorizations, if there is one."""
    url = settings().authorization_hook
    if url is None:
        return None
    from ocpi.authorization.hook import AuthorizationHook  # noqa: PLC0415 - most deployments have none
    from ocpi.outbound.webhook_keys import webhook_keys_reader  # noqa: PLC0415 - as above

    return AuthorizationHook(partner_client(), url, webhook_keys_reader(settings().webhook_secret))
