"""Fetching from a partner as it wants to be asked, and remembering what was found out about that."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpi.outbound.trailing_slash import toggled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.delivery.habits import Habits
    from ocpi.outbound.answer import Answer
    from ocpi.outbound.partner_session import PartnerSession

PAGE_SECONDS = 30.0
MAX_PAGE_BYTES = 10_000_000
"""A hundred large locations take a few million."""
_MAY_BE_THE_SLASH = frozenset({301, 302, 307, 308, 404, 405})


@dataclass(frozen=True, slots=True)
class Fetching:
    """GETs URLs of one partner."""

    session: PartnerSession
    habits: Habits

    def __call__(self, url: str) -> Answer:
        """What the partner answers about a list; raises :class:`~ocpi.outbound.unreachable.PartnerUnreachable`.

        A URL that does not exist is tried once with its trailing slash toggled, if the operator leaves that to us.
        """
        return self._asked(url, lambda answer: answer.problem() is None, understood=lambda _: False)

    def one(self, url: str, holds: Callable[[Any], bool]) -> Answer:
        """The same about one object; ``holds`` says whether ``data`` is that object.

        Only the object itself teaches how its URL ends: it may just not be there, and what is found at another URL may
        be anything. A partner that says in OCPI's own words that it is not there has understood the URL.
        """

        def is_it(answer: Answer) -> bool:
            return answer.problem() is None and holds(answer.envelope().data)

        return self._asked(url, is_it, understood=_is_refused_in_ocpi)

    def _asked(self, url: str, is_it: Callable[[Answer], bool], *, understood: Callable[[Answer], bool]) -> Answer:
        answer, open_question = self._get(url), self.habits.may_learn_slash and self.habits.proved_slash is None
        if answer.http_status in _MAY_BE_THE_SLASH and open_question and not understood(answer):
            other, habit = toggled(url)
            second = self._get(other)
            if is_it(second):
                self.habits.learn("trailing_slash", habit)
                answer = second
        if is_it(answer):
            self.habits.proved_slash = self.habits.slash
        return answer

    def _get(self, url: str) -> Answer:
        self.session.max_bytes = MAX_PAGE_BYTES
        self.session.until = time.monotonic() + PAGE_SECONDS
        answer = self.session.send("GET", url)
        self.habits.learn("token_encoding", self.session.learned)
        return answer


def _is_refused_in_ocpi(answer: Answer) -> bool:
    code = answer.envelope().status_code
    return code is not None and 2000 <= code < 3000
