"""A crawl: one page of a list after another, until there is none. Pure: what is requested, and written, is not here.

Sources: OCPI 2.1.1 section 3.1.3.1. ``Link`` is followed as it is (TF-49). A total that fell while the crawl went on
means that what comes later moved forward: the page is fetched again from as much earlier (TF-51). A partner that sends
no ``Link`` at all is asked for what follows by ``offset``, if its total says that there is more, or a full page makes
it likely; where something hangs on the end, until nothing new follows: some totals count one page only, and some
partners give shorter pages than they are asked for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.pull.page import Page

MOST_PAGES = 20_000
"""More is taken for a list without end."""
REMEMBERED = 1000
"""Pages of which is known that they have been seen; a loop that is longer ends at :data:`MOST_PAGES`."""
REPEATS = 10
"""So many pages with just the objects of an earlier one are one loop, whatever their URLs. And so often a page is
fetched again because the total fell: some partners count what is still to come.
"""


@dataclass(frozen=True, slots=True)
class Crawl:
    """Where a crawl stands. ``url`` is the page to fetch next, ``None``: it has ended, and ``flaw`` says why before
    its time. ``limit`` is how many objects a page was asked for.

    ``received`` counts objects, ``total`` is the last ``X-Total-Count``, ``offset`` where the page begins as far as
    that is for us to say, ``linked`` whether there was ever a ``Link``. ``urls`` and ``contents`` are digests of pages
    seen, ``repeats`` how often one came again, ``redone`` how often one was fetched again for a total that fell.

    With ``proof`` a list without ``Link`` ends where a page holds nothing new. ``proving``: the page to fetch next is
    to show just that.
    """

    url: str | None
    limit: int
    pages: int = 0
    received: int = 0
    total: int | None = None
    offset: int = 0
    linked: bool = False
    repeats: int = 0
    redone: int = 0
    urls: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    flaw: str | None = None
    proof: bool = False
    proving: bool = False


def first_page(endpoint: str, *, limit: int, date_from: str | None) -> str:
    """The URL that a crawl begins with."""
    wanted = {"limit": str(limit)}
    if date_from is not None:
        wanted["date_from"] = date_from
    return _with_query(endpoint, wanted)


def after_page(crawl: Crawl, page: Page, identities: Sequence[str], objection: Callable[[str], str | None]) -> Crawl:
    """Where a crawl stands after a page. ``identities`` tell its objects apart from those of other pages;
    ``objection`` says why a URL is not to be followed, or ``None``.
    """
    url, came_again = str(crawl.url), repeats(crawl, identities)
    moved = replace(
        crawl,
        pages=crawl.pages + 1,
        received=crawl.received + (0 if crawl.proving and came_again else len(page.objects)),
        total=crawl.total if page.total is None else page.total,
        linked=crawl.linked or page.next is not None,
        repeats=crawl.repeats + came_again,
        urls=(*crawl.urls, _digest(url))[-REMEMBERED:],
        contents=(*crawl.contents, _contents(identities))[-REMEMBERED:],
        proving=False,
    )
    if moved.pages >= MOST_PAGES or moved.repeats > REPEATS:
        return _ended(moved, "the list has no end: the same objects come again and again")
    earlier = _earlier(crawl, page, url)
    if earlier is not None:
        # What was seen before may come again now, and is no loop.
        offset, redone = _offset(earlier) or 0, crawl.redone + 1
        return replace(moved, url=earlier, urls=(), contents=(), offset=offset, redone=redone)
    if page.next is not None:
        return _followed(moved, page.next, objection)
    return _ended(moved) if moved.linked and page.flaw is None else _by_offset(moved, page, came_again=came_again)


def repeats(crawl: Crawl, identities: Sequence[str]) -> bool:
    """Whether a page holds just the objects of an earlier one."""
    return bool(identities) and _contents(identities) in crawl.contents


def _followed(crawl: Crawl, url: str, objection: Callable[[str], str | None]) -> Crawl:
    if _digest(url) in crawl.urls:
        return _ended(crawl, "Link leads back to a page that was there before")
    why = objection(url)
    return _ended(crawl, why) if why is not None else replace(crawl, url=url, offset=_offset(url) or crawl.received)


def _by_offset(crawl: Crawl, page: Page, *, came_again: bool) -> Crawl:
    """What to do when a page names no next one, and none ever did, or says it in a way that cannot be read."""
    # A partner that knows no offset gives the same again: then that was all.
    count = 0 if came_again else len(page.objects)
    reached = crawl.offset + count
    if crawl.total is None:
        if page.flaw is not None:
            return _ended(crawl, page.flaw)
        seems_over = count < (page.limit or crawl.limit)
    else:
        seems_over = reached >= crawl.total
        if not seems_over and not count:
            return _ended(crawl, f"there is no Link, and of {crawl.total} objects no more than {crawl.received} came")
    if seems_over and not (crawl.proof and count):
        return _ended(crawl)
    following = {"offset": str(reached), "limit": str(crawl.limit)}
    return replace(crawl, url=_with_query(str(crawl.url), following), offset=reached, proving=seems_over)


def _earlier(crawl: Crawl, page: Page, url: str) -> str | None:
    """The page once more, from so many objects earlier as the total fell by since the page before."""
    offset = _offset(url)
    if crawl.redone >= REPEATS or not offset:
        return None
    if crawl.total is None or page.total is None or page.total >= crawl.total or offset >= crawl.total:
        return None
    return _with_query(url, {"offset": str(max(0, offset - (crawl.total - page.total)))})


def _ended(crawl: Crawl, flaw: str | None = None) -> Crawl:
    return replace(crawl, url=None, flaw=flaw, urls=(), contents=())


def _offset(url: str) -> int | None:
    text = dict(parse_qsl(urlsplit(url).query)).get("offset", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _with_query(url: str, wanted: dict[str, str]) -> str:
    """The URL with these parameters, in their place where it has them already."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **wanted}
    # Colons of a time as they are: RFC 3986 allows them in a query, and not every partner decodes them.
    return urlunsplit(parts._replace(query=urlencode(query, safe=":"), fragment=""))


def _contents(identities: Sequence[str]) -> str:
    """The same for the same objects in another order: lists that have none are not the same twice."""
    return _digest("\n".join(sorted(identities)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
