"""The part of the store port that says what each partner did and did not get of our objects.

A *delivery* is about one partner and one object; it never holds the object's content. A *channel* is about one
partner: whether somebody is delivering to it right now, and whether it is to be left in peace.

Instants are text in UTC with six decimals (``YYYY-MM-DDTHH:MM:SS.ffffffZ``), which sorts as time does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocpi.store.port import Conflict

HELD = "9999-12-31T00:00:00.000000Z"
"""The ``due`` of what waits for the operator to switch the push of its module on again."""


class DeliveryState(StrEnum):
    """``pending``: not yet sent, or waiting for its next try; ``failed``: refused in a way that repeating cannot
    mend.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """Which partner, and which of our own objects. ``object_id`` is that of the store's key: a token's has its type."""

    partner_id: str
    module: str
    object_id: str

    @property
    def folded_id(self) -> str:
        """The id as keys compare it."""
        return self.object_id.lower()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known about bringing one object to one partner.

    ``since`` is when it came into its state, and stays while it is pending. ``due`` is when to try next; what is
    pending has it, and nothing else (raises :class:`ValueError`). ``holds`` names the write of the object that the
    partner took last (``Record.write``), ``None`` as long as it took none. ``attempts`` counts tries since it became
    pending; ``last_attempt_at``, ``http_status``, ``ocpi_status`` and ``message`` are of the last one. ``url`` is where
    the partner says that it keeps the object. ``unsure``: a try that must not be repeated blindly was begun, and how it
    ended is not known. ``revision`` counts writes; 0 before the first.
    """

    key: DeliveryKey
    state: DeliveryState
    since: str
    due: str | None = None
    holds: str | None = None
    attempts: int = 0
    last_attempt_at: str | None = None
    http_status: int | None = None
    ocpi_status: int | None = None
    message: str | None = None
    url: str | None = None
    unsure: bool = False
    revision: int = 0

    def __post_init__(self) -> None:
        if (self.state is DeliveryState.PENDING) != (self.due is not None):
            raise ValueError(f"a {self.state} delivery with due {self.due}")


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries in order; ``next`` is the position after the last, or ``None``. ``total`` counts all that match where
    that was asked for, and is ``None`` otherwise.
    """

    deliveries: list[Delivery]
    total: int | None
    next: str | None


class Deliveries(Protocol):
    """Deliveries of all partners."""

    def get_many(self, keys: Sequence[DeliveryKey]) -> list[Delivery | None]:
        """The deliveries now stored, strongly consistent, in the order of their keys (any number, repeats allowed)."""

    def put_many(self, deliveries: Sequence[Delivery]) -> list[Delivery | Conflict]:
        """Store each if the stored one is at its ``revision`` (0: there is none); keys must be distinct. In order, the
        delivery with its new revision, or :class:`~ocpi.store.port.Conflict` if it was not: then nothing was written.
        """

    def delete_many(self, deliveries: Sequence[Delivery]) -> list[Conflict | None]:
        """Remove each, on the same condition."""

    def due(self, partner_id: str, at: str, limit: int) -> list[Delivery]:
        """Up to ``limit`` pending deliveries of a partner whose ``due`` is not after ``at``, the longest overdue first.
        One written a moment ago may still be missing (an index may lag); none is returned that is not due now.
        """

    def page(
        self,
        partner_id: str,
        state: DeliveryState | None,
        limit: int,
        after: str | None = None,
        *,
        module: str | None = None,
        counted: bool = False,
    ) -> DeliveryPage:
        """A page of a partner's deliveries. Pending ones in order of ``due``, failed ones in order of ``since``, others
        by module and id; of these, those of one ``module`` are a list of their own (of the others they are not: raises
        :class:`ValueError`). ``after`` is the ``next`` of an earlier page, or the columns of the order with ``#``
        between them, as many as one likes. Counting them costs a look at every one.
        """

    def count(self, partner_id: str, state: DeliveryState) -> int:
        """How many deliveries of a partner are pending, or have failed."""

    def forget(self, partner_id: str, limit: int | None = None) -> bool:
        """Remove up to ``limit`` deliveries of a partner (``None``: all), and its channel once none is left; whether
        that is so. What was removed stays so when it is interrupted, and repeating it is harmless.
        """


@dataclass(frozen=True, slots=True)
class Channel:
    """How deliveries to one partner go. There is one for every partner, also before the first write (``revision`` 0).

    ``leased_until``: somebody is delivering, and is to be thought dead after that. ``called``: how often somebody found
    it leased; who delivers looks again before it ends. ``failures`` counts tries in a row that failed in a way that
    says something about the partner. Nothing is tried before ``paused_until``, except that a sign of life of the
    partner ends such a pause; ``asked_until`` is as long as the partner itself asked us to wait, which nothing ends.
    ``tried_at`` is the last try that failed, ``taken_at`` the last thing that it took. ``behind_since``: the partner
    has failed so often that it is left in peace. ``paced_until`` is the theoretical arrival time of the rate limit
    (GCRA) of all who send to the partner. ``catch_up`` is what remains to be compared with what the partner got: text
    of whoever compares.
    """

    partner_id: str
    leased_until: str | None = None
    called: int = 0
    failures: int = 0
    paused_until: str | None = None
    asked_until: str | None = None
    tried_at: str | None = None
    taken_at: str | None = None
    behind_since: str | None = None
    paced_until: str | None = None
    catch_up: str | None = None
    revision: int = 0


class Channels(Protocol):
    """Channels of all partners."""

    def get(self, partner_id: str) -> Channel:
        """The channel now stored, strongly consistent; a new one of revision 0 if there is none."""

    def put(self, channel: Channel) -> Channel:
        """Store it if the stored one is at its ``revision``, and return it with the new one; raises
        :class:`~ocpi.store.port.Conflict` otherwise.
        """
