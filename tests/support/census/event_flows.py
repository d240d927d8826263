"""What works when nobody calls: a flow, or several, for each function that a stream, a queue or a schedule feeds."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from local.answer import Answer
from local.batch_report import failed_items
from local.sqs_event import sqs_event
from tests.support.census.flow import Flow
from tests.support.census.house import CARD, SESSION, TARIFF, House, Told
from tests.support.census.killing import Killed
from tests.support.census.operator_flows import missed, spoilt
from tests.support.census.partners_flows import COMMANDS, START, answers, orders

if TYPE_CHECKING:
    from local.event import Request

PUSH, DELIVER, PULL = "PushFunction: stream", "DeliverFunction: Deliveries", "PullFunction: Pulls"
RECONCILE, RESULTS = "ReconcileFunction: Reconciliations", "CommandResultsFunction: CommandResults"
REQUESTS, UPKEEP = "CommandRequestsFunction: CommandRequests", "UpkeepFunction: UpkeepFunctionClock"


def _flow(place: str, side: str, name: str, act: Any, **more: Any) -> Flow:
    def acts(house: House) -> Told:
        told: Told = act(house)
        house.wait(5)
        return told

    return Flow(place, name, side, place.partition(":")[0], acts, again=lambda _: Told(200, None, None), **more)


def _writes(side: str, method: str, path: str, body: Any = None) -> Any:
    return lambda house: house.operate(side, method, f"/operator/2.1.1{path}", body)


_CHANGES = [
    ("cpo", "a location's status", _writes("cpo", "PATCH", "/locations/L-1/evses/E-100", {"status": "BLOCKED"})),
    ("cpo", "a new tariff", _writes("cpo", "PUT", "/tariffs/T-9", {**TARIFF, "id": "T-9"})),
    ("cpo", "no tariff", _writes("cpo", "DELETE", "/tariffs/T-1")),
    ("cpo", "a session", _writes("cpo", "PATCH", "/sessions/S-1", {"kwh": 99})),
    ("emsp", "a token", _writes("emsp", "PATCH", f"/tokens/{CARD}", {"valid": False})),
]


def _cdr(house: House) -> Told:
    cdr = house.deployment("cpo").objects("own", "cdrs")["C-1"].document
    return house.operate("cpo", "PUT", "/operator/2.1.1/cdrs/C-9", {**cdr, "id": "C-9"})


_ALL = [*_CHANGES, ("cpo", "a CDR", _cdr)]


def _of_partner(side: str, path: str, body: Any = None) -> Any:
    return lambda house: house.operate(side, "POST", f"/operator/partners/{house.partner_id(side)}{path}", body)


def _order_and_answer(house: House) -> Told:
    told: Told = orders("START_SESSION", START)(house)
    return answers(house) if told.good else told


def _order_in_vain(house: House) -> Told:
    told: Told = orders("START_SESSION", START)(house)
    house.wait(60)
    return told


WORKERS = [
    *(_flow(PUSH, side, f"{name} is handed on", act) for side, name, act in _ALL),
    *(_flow(DELIVER, side, f"{name} is delivered", act) for side, name, act in _ALL),
    _flow(PULL, "emsp", "everything is pulled", _of_partner("emsp", "/sync", {"full": True}), prepare=spoilt),
    _flow(
        RECONCILE, "cpo", "compared and repaired", _of_partner("cpo", "/reconcile", {"repair": True}), prepare=spoilt
    ),
    _flow(RESULTS, "cpo", "a result is brought", _order_and_answer),
    _flow(RESULTS, "cpo", "a command runs out", _order_in_vain),
]


# The clock.


def _a_while(house: House) -> Told:
    """Its first minute may be cut short; what upkeep does seldom, it does within a quarter of an hour."""
    house.wait(15 * 60)
    return Told(200, None, None)


def _pending(house: House) -> None:
    session = {**SESSION, "id": "S-9", "status": "PENDING"}
    assert house.operate("cpo", "PUT", "/operator/2.1.1/sessions/S-9", session).good
    house.wait(1)
    house.twins.clock.pass_(31 * 60)


def _days_later(house: House) -> None:
    """When all that is done regularly is due."""
    spoilt(house)
    house.twins.clock.pass_(8 * 24 * 3600)


def _messages_lost(house: House) -> None:
    """Whoever would have brought the result, or told of the deadline, is gone."""
    assert orders("START_SESSION", START)(house).good
    house.lose_messages("cpo", "CommandResults")
    house.twins.clock.pass_(60)


def _bells_lost(house: House) -> None:
    missed(house)
    house.lose_messages("cpo", "Deliveries")
    house.twins.clock.pass_(600)


CLOCK = [
    _flow(UPKEEP, "cpo", "a session that stayed pending", _a_while, prepare=_pending),
    _flow(UPKEEP, "cpo", "a command whose messages were lost", _a_while, prepare=_messages_lost, spare=COMMANDS),
    _flow(UPKEEP, "cpo", "deliveries whose bells were lost", _a_while, prepare=_bells_lost),
    _flow(UPKEEP, "emsp", "errands and a pull are due", _a_while, prepare=_days_later),
    _flow(UPKEEP, "cpo", "errands and a comparison are due", _a_while, prepare=_days_later),
]


# The hooks: systems of the operator's own that are called.

HOOK = "https://hook.example/"


class _Hook:
    """Says yes to whatever it is asked."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def request(self, request: Request) -> Answer:
        del request
        return Answer(200, (("Content-Type", "application/json"),), self._body)


def _hooked(house: House, side: str, body: bytes, **settings: str) -> None:
    house.twins.network.hosts["hook.example"] = _Hook(body)  # type: ignore[assignment] # as much of one as is asked for
    house.tell(side, **settings)


def _command_hook(house: House) -> None:
    _hooked(house, "cpo", b'{"result": "ACCEPTED"}', command_hook=HOOK)
    assert orders("START_SESSION", START)(house).good


def _hands_over(house: House) -> Told:
    """What Lambda does where there is a hook: hand the messages over until they are gone."""
    system = house.deployment("cpo").system
    (function,) = [each for each in system.template.functions if each.name == "CommandRequestsFunction"]
    for _ in range(4):
        with system.at_work():
            queues = system.module("ocpi.queues.sqlite").queues_in(system.data / "queues.db")
            for message in queues.receive("CommandRequests", 10, 10):
                with suppress(Killed):
                    report = system.invoke(function, sqs_event([message], "arn:aws:sqs:local:0:CommandRequests"))
                    if not list(failed_items(report, [message.id])):
                        queues.delete([message.receipt])
        house.twins.clock.pass_(11)
    house.wait(60)
    return Told(200, None, None)


def _authorization_hook(house: House) -> None:
    _hooked(house, "emsp", b'{"allowed": "ALLOWED"}', authorization_hook=HOOK)


HOOKS = [
    Flow(
        REQUESTS,
        "a command is handed to the hook",
        "cpo",
        "CommandRequestsFunction",
        _hands_over,
        prepare=_command_hook,
    ),
    Flow(
        "POST /ocpi/emsp/2.1.1/tokens/{token_uid}/authorize",
        "the hook is asked",
        "emsp",
        "TokensFunction",
        lambda house: house.partner_calls("emsp", "POST", f"/ocpi/emsp/2.1.1/tokens/{CARD}/authorize"),
        prepare=_authorization_hook,
    ),
]

FLOWS = [*WORKERS, *CLOCK, *HOOKS]
