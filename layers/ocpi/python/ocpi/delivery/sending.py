"""Bringing one object to one partner: the requests of its plan, one after the other, and what became of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from ocpi.delivery import plans
from ocpi.delivery.outcome import Ending, Outcome, judged, unanswered
from ocpi.delivery.pacing import Paced
from ocpi.delivery.recipients import ONCE
from ocpi.delivery.request_url import request_url
from ocpi.delivery.round import PARALLEL
from ocpi.outbound.own_hosts import is_partners, still_partners
from ocpi.outbound.partner_session import PartnerSession
from ocpi.outbound.trailing_slash import toggled
from ocpi.outbound.unreachable import PartnerUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.delivery.habits import Habits
    from ocpi.delivery.pacing import Pace
    from ocpi.outbound.answer import Answer
    from ocpi.outbound.client import PartnerClient
    from ocpi.store.deliveries import Delivery
    from ocpi.store.port import Partner, Record
    from ocpi.v2_1_1.pushes import PushRequest

REQUEST_SECONDS = 10.0
"""For one request, from resolving the host to the last byte."""
LONGEST_URL = 4096
_REDIRECTS = frozenset({301, 302, 307, 308})
_NOT_THERE = frozenset({404, 405})
_CANNOT_BE_ASKED = frozenset({405, 501})
CANNOT_TELL = "the partner may have it already and cannot be asked ({}); a retry sends it again"
TAKEN = Outcome(Ending.TAKEN)


@dataclass(slots=True)
class Sender:
    """Sends objects to one partner during one round. ``party`` is our country code and party id. ``latest`` is when an
    object may begin at the latest, ``ends`` when every request must have ended: seconds since 1970, as ``clock`` has
    them.
    """

    partner: Partner
    party: tuple[str, str]
    client: PartnerClient
    token: str = field(repr=False)
    habits: Habits
    pace: Pace
    clock: Callable[[], float]
    latest: float
    ends: float
    _requests: int = field(default=0, init=False)
    _was_not_there: bool = field(default=False, init=False)

    def send(self, delivery: Delivery, record: Record | None) -> Outcome:
        """Bring the partner up to date with an object as it is now; ``None``: it was deleted. Raises
        :class:`~ocpi.delivery.pacing.Paced` if the rate limit lets it not begin in time; then nothing was sent.
        """
        one = replace(self)  # which counts the requests about this object alone
        one._was_not_there = delivery.attempts > 0 and delivery.http_status in _NOT_THERE  # noqa: SLF001 - it is ours
        try:
            return one._send(delivery, record)  # noqa: SLF001 - it is ours
        except Paced:
            if not one._requests:  # noqa: SLF001 - it is ours
                raise
            return Outcome(Ending.BEGUN)

    def _send(self, delivery: Delivery, record: Record | None) -> Outcome:
        if record is None:
            return self._delete(delivery)
        if delivery.key.module in ONCE and delivery.unsure:
            found = self._look_up(delivery, record)
            if found is not None:
                return found
        outcome = TAKEN
        for request in self._plan(delivery, record):
            outcome = self._request(record.key.collection.module, request, record)
            if outcome.ending is Ending.REFUSED and request.method == "PATCH":
                outcome, whole = self._after_refused_patch(request, record)
                if whole:
                    break
            if outcome.ending is not Ending.TAKEN:
                break
        return outcome

    def _plan(self, delivery: Delivery, record: Record) -> list[PushRequest]:
        """The requests; the whole object where the rate limit might not let several through in time."""
        requests = plans.plan(record, delivery.holds, patch=self.habits.patch, nulls=self.habits.nulls)
        if len(requests) > 1 and self.pace.ready_within(self._last_begin - self.clock()) < PARALLEL * len(requests):
            return [plans.whole(record, nulls=self.habits.nulls)]
        return requests

    @property
    def _last_begin(self) -> float:
        """When the last request about an object may begin that was begun."""
        return self.ends - REQUEST_SECONDS

    def _delete(self, delivery: Delivery) -> Outcome:
        outcome = self._request(delivery.key.module, plans.deletion(delivery.key.module, delivery.key.object_id), None)
        # What is not there need not be deleted.
        return replace(outcome, ending=Ending.TAKEN) if outcome.http_status in (404, 410) else outcome

    def _look_up(self, delivery: Delivery, record: Record) -> Outcome | None:
        """What becomes of an object that may have arrived already; ``None``: it has not, as far as can be known."""
        module = delivery.key.module
        kept = still_partners(self.partner, delivery.url)
        url = kept or self._url(module, plans.lookup(module, delivery.key.object_id), ours=False)
        outcome, answer = self._try("GET", url, None, module)
        if answer is not None and answer.http_status in _CANNOT_BE_ASKED:
            message = CANNOT_TELL.format(outcome.message)
            return replace(outcome, ending=Ending.REFUSED, message=message, unsure=True)
        if answer is not None and outcome.ending is Ending.TAKEN:
            return replace(outcome, url=kept) if plans.is_named(record, answer.envelope().data) else None
        return replace(outcome, unsure=True) if outcome.ending is Ending.PASSING else None

    def _after_refused_patch(self, request: PushRequest, record: Record) -> tuple[Outcome, bool]:
        """Look at what the partner has (section 3.1.3.3), and give it all if that is not what it should have. The
        second says whether it was given all.
        """
        module, look = record.key.collection.module, request.lookup()
        outcome, answer = self._try("GET", self._url(module, look), None, module)
        if outcome.ending is Ending.PASSING:
            return outcome, False
        data = answer.envelope().data if answer is not None and outcome.ending is Ending.TAKEN else None
        if data is not None and plans.is_shown(record, data, look.segments):
            return outcome, False
        return self._request(module, plans.whole(record, nulls=self.habits.nulls), record), True

    def _request(self, module: str, request: PushRequest, record: Record | None) -> Outcome:
        body = plans.body_text(record, request, nulls=self.habits.nulls)
        slash = self.habits.slash
        url = request_url(self.partner, self.party, module, request, slash)
        outcome, answer = self._try(request.method, url, body, module)
        again = self._other_url(request.method, url, answer, slash)
        if again is not None:
            other, setting = again
            try:
                second, second_answer = self._try(request.method, other, body, module)
            except Paced:
                return self._other_url_next(outcome, setting)
            if second.ending is Ending.TAKEN:
                self.habits.learn("trailing_slash", setting)
                slash = setting
            if second.ending is not Ending.REFUSED or second.http_status not in _NOT_THERE:
                url, outcome, answer = other, second, second_answer
        if outcome.ending is Ending.TAKEN:
            self.habits.proved_slash = slash
            if answer is not None and request.method == "POST":
                return replace(outcome, url=self._kept_at(url, answer))
        return outcome

    def _other_url_next(self, outcome: Outcome, setting: str) -> Outcome:
        """Have the next try begin with the other URL, now that this one has to wait; if that was done already, the
        object is at neither.
        """
        self.habits.learn("trailing_slash", setting)
        if outcome.ending is Ending.REFUSED and not self._was_not_there:
            return replace(outcome, ending=Ending.PASSING)
        return outcome

    def _other_url(self, method: str, url: str, answer: Answer | None, slash: str) -> tuple[str, str] | None:
        """The URL with its trailing slash toggled, if the answer says, or lets one guess, that it is that one.
        ``slash`` is how the URL was written.
        """
        if answer is None or not self.habits.may_learn_slash or "?" in url:
            return None
        other, setting = toggled(url)
        if answer.http_status in _REDIRECTS:
            leads_there = _resolved(url, answer.headers.get("Location", "")) == other
            return (other, setting) if leads_there else None
        # A 404 may be about the object if such URLs were taken before; but what is POSTed goes to the endpoint itself.
        unproved = method == "POST" or (method == "PUT" and self.habits.proved_slash != slash)
        return (other, setting) if unproved and answer.http_status in _NOT_THERE else None

    def _try(self, method: str, url: str, body: str | None, module: str) -> tuple[Outcome, Answer | None]:
        """One request, or two where the token's encoding is not known."""
        learned, before = self.habits.learned_encoding, self._requests

        def begin() -> None:
            self.pace.take(self._last_begin if self._requests else self.latest)
            self._requests += 1
            session.until = time.monotonic() + max(0.01, min(REQUEST_SECONDS, self.ends - self.clock()))

        session = PartnerSession(
            self.client, self.token, self.habits.encoding, time.monotonic(), self.partner, learned, begin
        )
        try:
            answer = session.send(method, url, body, module=module)
        except Paced:
            if self._requests == before:
                raise
            # The token was not taken as it was sent (401). The next try begins with what there was no time for.
            self.habits.learn("token_encoding", "plain" if learned == "base64" else "base64")
            return Outcome(Ending.PASSING, 401, message="HTTP 401"), None
        except PartnerUnreachable as error:
            return unanswered(error), None
        self.habits.learn("token_encoding", session.learned)
        outcome = judged(answer, self.clock())
        if outcome.message is not None:
            from ocpi.exchanges.quoted import quoted_of_request  # noqa: PLC0415 - for what fails only

            # A delivery is shown to people, and some partners quote cards or the whole body.
            message = quoted_of_request(outcome.message, self.partner, method, url, body)
            outcome = replace(outcome, message=message)
        return outcome, answer

    def _url(self, module: str, request: PushRequest, *, ours: bool = True) -> str:
        """Where a request goes: below our own party in the partner's endpoint, but for what is POSTed there."""
        return request_url(self.partner, self.party if ours else (), module, request, self.habits.slash)

    def _kept_at(self, url: str, answer: Answer) -> str | None:
        """``Location`` of an answer, resolved; ``None`` if there is none, or none that our token may be sent to."""
        location = answer.headers.get("Location", "").strip()
        if not location:
            return None
        absolute = _resolved(url, location)
        if absolute is None or len(absolute) > LONGEST_URL or not self.client.may_call(absolute):
            return None
        return absolute if is_partners(self.partner, absolute) else None


def _resolved(url: str, location: str) -> str | None:
    """``None`` for what is no URL."""
    try:
        return urljoin(url, location)
    except ValueError:
        return None
