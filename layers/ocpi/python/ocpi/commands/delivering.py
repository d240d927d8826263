"""Bringing the result of a command to the eMSP: the bare CommandResponse to exactly its ``response_url`` (13.2.2).

At least once, for 15 minutes, with growing pauses; never again after success was recorded. A lease keeps two messages
about one command from sending it at the same time.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.commands.answers import DELIVERY_SECONDS, LOOK_AGAIN_SECONDS
from ocpi.commands.changes import change_command, load_command
from ocpi.commands.partner_calls import session_with
from ocpi.delivery.pauses import asked_pause
from ocpi.objects.looks import after_seconds
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.store.port import PartnerStatus
from ocpi.times import now_wire, parse_instant
from ocpi.vault.port import SealBroken

if TYPE_CHECKING:
    from ocpi.commands.command import Command
    from ocpi.outbound.answer import Answer
    from ocpi.outbound.client import PartnerClient
    from ocpi.store.port import Key, Objects, Partners
    from ocpi.vault.port import Vault

REQUEST_SECONDS = 10.0
"""For one try. A lease lasts longer, so that it does not end while a try is under way."""
LEASE_SECONDS = 15
FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 60
PASSING = frozenset({401, 403, 408, 425, 429})
"""Refusals of a kind that may pass; any other 4xx, like an OCPI 2xxx, repeating cannot mend."""


class Undeliverable(Exception):
    """The result did not reach the partner and never will; the command says so. The message is the reason."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a try failed; ``final``: repeating cannot mend it; ``wait``: what the partner asked for, in seconds."""

    reason: str
    final: bool = False
    wait: int = 0


@dataclass(frozen=True, slots=True)
class Delivering:
    """Sends results to partners."""

    objects: Objects
    partners: Partners
    vault: Vault
    client: PartnerClient

    def deliver(self, key: Key) -> int | None:
        """Try once to bring a command's result to its partner. Returns ``None`` when there is nothing more to do, or
        the seconds after which to try again; raises :class:`Undeliverable` when that is how it has ended.
        """
        command = change_command(self.objects, key, _leased)
        if command is None:
            return self._left_to_others(key)
        failure = self._send(command) if not _is_late(command, 0) else _Failure(command.error or "no time", final=True)
        if failure is None:
            change_command(self.objects, key, _delivered)
            return None
        pause = max(failure.wait, _pause(command.attempts))
        if failure.final or _is_late(command, pause):
            change_command(self.objects, key, lambda now: _given_up(now, failure.reason))
            raise Undeliverable(failure.reason)
        change_command(self.objects, key, lambda now: _postponed(now, failure.reason, pause))
        return pause

    def _left_to_others(self, key: Key) -> int | None:
        """Nothing to send, or not now: somebody else is at it and may die, or the next try is later."""
        command = load_command(self.objects, key)
        if command is not None and command.direction == "received" and command.state == "undeliverable":
            # Said again, in case whoever gave it up died before telling anybody.
            raise Undeliverable(str(command.error))
        if command is None or not command.is_due_for_delivery:
            return None
        now = now_wire()
        left = parse_instant(command.sending_until or now) - parse_instant(now)
        return max(1, int(left.total_seconds()))

    def _send(self, command: Command) -> _Failure | None:
        partner = self.partners.get(command.partner)
        if partner is None or partner.token is None:
            return _Failure("the partner has left", final=True)
        if partner.status is PartnerStatus.SUSPENDED:
            return _Failure("the partner is suspended")
        try:
            answer = session_with(partner, self.vault, self.client, seconds=REQUEST_SECONDS).send(
                "POST", command.response_url, strict_json.write({"result": command.result})
            )
        except PartnerUnreachable as error:
            return _Failure(error.detail, final=error.kind == "refused_address")
        except SealBroken as error:
            return _Failure(str(error), final=True)
        failure = _failure_of(answer)
        return None if failure is None else replace(failure, reason=_quoted(failure.reason, command))


def _quoted(reason: str, command: Command) -> str:
    """Some partners quote what they were sent, and the reason goes to the operator's dead-letter queue."""
    from ocpi.exchanges.quoted import quoted  # noqa: PLC0415 - for what fails only

    return quoted(reason, {"request": command.request, "response_url": command.response_url})


def _pause(attempts: int) -> int:
    """Seconds after so many tries in vain."""
    return int(min(FIRST_PAUSE_SECONDS * 2 ** min(attempts - 1, 10), LONGEST_PAUSE_SECONDS))


def _failure_of(answer: Answer) -> _Failure | None:
    status, code = answer.http_status, answer.envelope().status_code
    if 200 <= status < 300 and (code is None or 1000 <= code < 2000):
        # Whatever else the body is: the partner has taken the result, and nothing is to be read from it.
        return None
    reason = answer.problem() or f"HTTP {status}"
    refused = 400 <= status < 500 and status not in PASSING
    refused = refused or (200 <= status < 300 and code is not None and 2000 <= code < 3000)
    return _Failure(reason, final=refused, wait=_asked_wait(answer))


def _asked_wait(answer: Answer) -> int:
    """The seconds that the partner asks for, rounded up: never earlier than it said."""
    return math.ceil(asked_pause(answer.headers.get("Retry-After"), time.time()))


def _is_late(command: Command, pause: int) -> bool:
    """Whether a try after this pause would be later than a result is worth anything."""
    return after_seconds(now_wire(), pause) > after_seconds(str(command.answered_at), DELIVERY_SECONDS)


def _leased(command: Command) -> Command | None:
    now = now_wire()
    if not command.is_due_for_delivery or (command.sending_until is not None and command.sending_until > now):
        return None
    return replace(
        command,
        sending_until=after_seconds(now, LEASE_SECONDS),
        attempts=command.attempts + 1,
        next_look_at=after_seconds(now, LEASE_SECONDS + LOOK_AGAIN_SECONDS),
    )


def _delivered(command: Command) -> Command:
    return replace(command, delivered_at=now_wire(), sending_until=None, next_look_at=None, error=None)


def _postponed(command: Command, reason: str, pause: int) -> Command:
    # Nobody sends before then, whichever message comes: a second one must not shorten the pause.
    now = now_wire()
    next_look_at = after_seconds(now, pause + LOOK_AGAIN_SECONDS)
    return replace(command, error=reason, sending_until=after_seconds(now, pause), next_look_at=next_look_at)


def _given_up(command: Command, reason: str) -> Command:
    return replace(command, state="undeliverable", error=reason, sending_until=None, next_look_at=None)
