"""The pull of one module, a step at a time: a page, or a batch of what is gone. Every step may be done twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ocpi.delivery.instants import seconds_of
from ocpi.outbound.own_hosts import is_partners
from ocpi.outbound.partner_url import RefusedAddress
from ocpi.outbound.trailing_slash import with_slash
from ocpi.outbound.unreachable import PartnerUnreachable
from ocpi.pull.crawl import Crawl, after_page, first_page, repeats
from ocpi.pull.page import PageFailed, read_page
from ocpi.pull.removing import Removing
from ocpi.pull.scheduling import OVERLAP
from ocpi.registration.settings_of_partner import partner_settings
from ocpi.times import normalise, parse_instant, to_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.outbound.answer import Answer
    from ocpi.pull.page import Page
    from ocpi.pull.seen import Seen
    from ocpi.pull.sync import ModulePull
    from ocpi.pull.taking import Taking
    from ocpi.store.port import Partner
    from ocpi.v2_1_1.taking_rules import TakingRules

PAUSES = (1, 4)
"""Seconds after the first failed try of a page, and after the second; there is no more after the third."""
EARLIEST = "2000-01-01T00:00:00Z"
"""``date_from`` where all is wanted and the partner must be told one (section 9.2.1, SES-27): before there was OCPI."""


@dataclass(frozen=True, slots=True)
class ModuleCrawl:
    """One module of one partner. ``fetch`` gives what the partner answers on a GET of a URL, or raises
    :class:`PartnerUnreachable`; ``now`` gives ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.
    """

    partner: Partner
    fetch: Callable[[str], Answer]
    taking: Taking
    seen: Seen
    now: Callable[[], str]

    @staticmethod
    def begin(pull: ModulePull, partner: Partner, endpoint: str, now: str, rules: TakingRules) -> ModulePull:
        """Before the first page."""
        settings = partner_settings(partner)
        date_from = pull.date_from or (EARLIEST if rules.needs_date_from else None)
        limit = settings["page_size"]
        url = first_page(with_slash(endpoint, settings["trailing_slash"]), limit=limit, date_from=date_from)
        return replace(pull, stage="crawling", crawl=Crawl(url, limit, proof=_replaces(pull, rules)), started_at=now)

    def next_page(self, pull: ModulePull) -> tuple[ModulePull, float]:
        """Fetch and take the page at hand; the seconds to leave the partner in peace if that failed."""
        crawl = pull.crawl
        if crawl is None or crawl.url is None:
            raise ValueError("the crawl has no page left")
        asked = self.now()
        try:
            page = self._fetched(crawl.url)
        except PageFailed as failed:
            return self._after_failure(pull, crawl, failed)
        return self._taken(replace(pull, failures=0), crawl, page, asked), 0

    def next_removal(self, pull: ModulePull, seen: frozenset[str]) -> ModulePull:
        """One batch of what there is here, and the complete list (``seen``) did not show."""
        removing = Removing(self.taking.objects, self.taking.rules, self.taking.collection, seen)
        pull, was_last = removing.next_batch(pull)
        return replace(pull, stage="ended", swept=None, ended_at=normalise(self.now())) if was_last else pull

    def _fetched(self, url: str) -> Page:
        try:
            answer = self.fetch(url)
            return read_page(answer, url, self.taking.rules.name, seconds_of(self.now()))
        except PartnerUnreachable as error:
            raise PageFailed(str(error), again=error.kind not in ("refused_address", "too_large")) from None

    def _after_failure(self, pull: ModulePull, crawl: Crawl, failed: PageFailed) -> tuple[ModulePull, float]:
        if crawl.proving and failed.refused:
            # Some partners refuse an offset behind the end of the list.
            return self._crawled(pull, crawl, f"what follows the list is refused ({failed.detail})"), failed.wait
        if failed.again and pull.failures < len(PAUSES):
            return replace(pull, failures=pull.failures + 1), max(PAUSES[pull.failures], failed.wait)
        return pull.failed(failed.detail, at=normalise(self.now())), failed.wait

    def _taken(self, pull: ModulePull, crawl: Crawl, page: Page, asked: str) -> ModulePull:
        ids = [self.taking.identity(value) for value in page.objects]
        identities = [identity or "?" for identity in ids]
        if not (crawl.proving and repeats(crawl, identities)):
            pull = self.taking.take(pull, page.objects, asked)
        if _replaces(pull, self.taking.rules):
            self.seen.add(crawl.pages, filter(None, ids))
        crawl = after_page(crawl, page, identities, self._objection)
        pull = replace(pull, crawl=crawl)
        if crawl.url is not None:
            return pull
        if crawl.flaw is not None:
            return pull.failed(crawl.flaw, at=normalise(self.now()))
        return self._crawled(pull, crawl)

    def _crawled(self, pull: ModulePull, crawl: Crawl, doubt: str | None = None) -> ModulePull:
        """After the last page; ``doubt`` is why it may not have been the last one."""
        replaces = _replaces(pull, self.taking.rules)
        if pull.full and crawl.total is not None:
            came = len(self.seen.read(crawl.pages)) if replaces and pull.exact else crawl.received
            if came < crawl.total:
                detail = f"by X-Total-Count there are {crawl.total} objects, and only {came} came"
                return pull.failed(detail, at=normalise(self.now()))
        if not pull.exact:
            doubt = "an object of the list has no id that can be read"
        pull = replace(pull, crawl=pull.without_url, complete=True)
        if replaces and doubt is None:
            return replace(pull, stage="removing")
        if replaces:
            pull = pull.noted(f"nothing was removed: {doubt}")
        return replace(pull, stage="ended", ended_at=normalise(self.now()))

    def _objection(self, url: str) -> str | None:
        try:
            return None if is_partners(self.partner, url) else "Link leads to another host"
        except RefusedAddress as refused:
            return f"Link cannot be followed: {refused}"


def _replaces(pull: ModulePull, rules: TakingRules) -> bool:
    """Whether what the list does not show is removed here."""
    return pull.full and rules.is_replaced


def settled_before(started_at: str) -> str:
    """What was written before this is older than any page of a crawl that began at ``started_at``."""
    return to_wire(parse_instant(started_at) - OVERLAP)
