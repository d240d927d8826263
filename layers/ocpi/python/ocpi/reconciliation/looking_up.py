"""GET of an object of ours at a partner's receiver endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpi.delivery import plans
from ocpi.delivery.recipients import ONCE
from ocpi.delivery.request_url import request_url

if TYPE_CHECKING:
    from ocpi.outbound.answer import Answer
    from ocpi.pull.fetching import Fetching
    from ocpi.store.port import Partner


@dataclass(frozen=True, slots=True)
class LookingUp:
    """Asks one partner. ``party`` is our country code and party id."""

    partner: Partner
    party: tuple[str, str]
    fetching: Fetching

    def __call__(self, module: str, object_id: str, url: str | None) -> Answer:
        """What the partner answers about the object of this id in the store; ``url`` is where it said that it keeps it.
        Raises :class:`~ocpi.outbound.unreachable.PartnerUnreachable`, and
        :class:`~ocpi.delivery.pacing.Paced` if the request would have to wait for too long.
        """
        request = plans.lookup(module, object_id)
        party = () if module in ONCE else self.party
        # Asked anew each time: with the first object it may be learned how URLs have to end.
        slash = self.fetching.habits.slash
        asked = url or request_url(self.partner, party, module, request, slash)
        return self.fetching.one(asked, lambda data: plans.has_id(module, object_id, data))
