"""``/operator/partners/{id}/deliveries``: what a partner did and did not get of our objects, and trying again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lists import list_positions
from partners import known_partner

from ocpi.delivery.channel import resting_until
from ocpi.delivery.instants import instant_at, seconds_of
from ocpi.delivery.recipients import CONNECTED
from ocpi.deployment import command_results, deliveries, store
from ocpi.errors import BadParameter, StateConflict
from ocpi.faults import Fault, Invalid, pointer
from ocpi.store.deliveries import HELD, DeliveryState
from ocpi.times import normalise
from ocpi.transport.operator_surface import OperatorResource, answer_json

if TYPE_CHECKING:
    from ocpi.store.deliveries import Delivery
    from ocpi.transport.message import Answer, Call


def list_deliveries(call: Call) -> Answer:
    """Deliveries to a partner, of one state or all."""
    partner, state = known_partner(call), _state(call)
    rests = resting_until(store().channels.get(partner.id))
    return list_positions(
        call,
        f"deliveries|{partner.id}|{state}",
        lambda limit, after: _page(partner.id, state, limit, after, rests),
    )


def post_retry(call: Call) -> Answer:
    """Send what the partner did not get, or with ``all`` everything that it may see."""
    from ocpi.commands.retrying import retry_results  # noqa: PLC0415 - the rest of this API goes without
    from ocpi.delivery.retry import Retry  # noqa: PLC0415 - as above

    partner, everything = known_partner(call), _read(call.json() if call.body.strip() else {})
    if partner.status not in CONNECTED:
        raise StateConflict(f"the partner is {partner.status}; nothing is sent to it")
    queued = Retry(store(), deliveries(), time.time).everything_missed(partner, everything=everything)
    queued += retry_results(store().objects, command_results(), partner.id)
    return answer_json({"queued": queued}, http_status=202)


def _page(
    partner_id: str, state: DeliveryState | None, limit: int, after: str | None, rests: float
) -> tuple[list[dict[str, Any]], int, str | None]:
    page = store().deliveries.page(partner_id, state, limit, after, counted=True)
    return [_view(delivery, rests) for delivery in page.deliveries], page.total or 0, page.next


def _view(delivery: Delivery, rests: float) -> dict[str, Any]:
    """``object_id`` is that of the object's URL in the operator API: of a token its uid."""
    module, object_id = delivery.key.module, delivery.key.object_id
    return {
        "module": module,
        "object_id": object_id.partition("/")[2] if module == "tokens" else object_id,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "last_attempt_at": _wire(delivery.last_attempt_at),
        "next_attempt_at": _next(delivery, rests),
        "http_status": delivery.http_status,
        "ocpi_status": delivery.ocpi_status,
        "message": delivery.message,
    }


def _next(delivery: Delivery, rests: float) -> str | None:
    """``None`` where there is none, or only once the operator switches the module on."""
    if delivery.state is not DeliveryState.PENDING or delivery.due is None or delivery.due == HELD:
        return None
    return _wire(instant_at(max(seconds_of(delivery.due), rests)))


def _wire(instant: str | None) -> str | None:
    return normalise(instant) if instant is not None else None


def _state(call: Call) -> DeliveryState | None:
    value = call.query.get("state")
    if value is None:
        return None
    try:
        return DeliveryState(value)
    except ValueError:
        raise BadParameter("state", f"must be one of {', '.join(DeliveryState)}") from None


def _read(body: Any) -> bool:
    if not isinstance(body, dict):
        raise Invalid([Fault("", "must be a JSON object")])
    faults = [Fault(pointer([name]), "is not a field of this request") for name in body if name != "all"]
    everything = body.get("all", False)
    if not isinstance(everything, bool):
        faults.append(Fault("/all", "must be true or false"))
    if faults:
        raise Invalid(faults)
    return bool(everything)


RESOURCES = [
    OperatorResource("/partners/{id:segment}/deliveries", GET=list_deliveries),
    OperatorResource("/partners/{id:segment}/deliveries/retry", POST=post_retry),
]
