"""Lists over HTTP: pages, totals, links, cursors and date filters (section 3.1.3.1)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.envelope import refused, succeeded
from tests.support.gateway import running_gateway
from tests.support.lists import WHOLE
from tests.support.party import Operator, PlayedPartner, fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.gateway import Gateway

EXAMPLES = {
    "locations": "location_min",
    "sessions": "session_min",
    "cdrs": "cdr_min",
    "tariffs": "tariff_free",
    "tokens": "token_min",
}
READERS = dict.fromkeys(EXAMPLES, "EMSP") | {"tokens": "CPO"}
OF_ONE_PARTNER = {"sessions", "cdrs"}
IDS = {"tokens": "uid"}
COUNT = 25
CAP = 1000
NEXT = re.compile(r'<([^<>]*)>; rel="next"')


def examples(module: str, names_and_times: dict[str, str]) -> list[dict[str, Any]]:
    field = IDS.get(module, "id")
    return [fixture(EXAMPLES[module], **{field: name}, last_updated=at) for name, at in names_and_times.items()]


def store(operator: Operator, module: str, objects: list[dict[str, Any]], **query: Any) -> None:
    lines, headers = "\n".join(map(json.dumps, objects)), {"Content-Type": "application/x-ndjson"}
    answer = operator.post(f"/2.1.1/{module}/bulk", params=query, content=lines, headers=headers)
    outcomes = [json.loads(line)["outcome"] for line in answer.text.splitlines()]
    assert outcomes == ["created"] * len(objects)


class List:
    """One of our lists, as the partner that may read it sees it."""

    def __init__(self, module: str, reader: PlayedPartner) -> None:
        self.module, self.reader, self.field = module, reader, IDS.get(module, "id")

    @property
    def names(self) -> list[str]:
        """The ids of ``TIMES`` in the order of the whole list: of creation, unless it is always filtered."""
        return sorted(TIMES, key=lambda name: (TIMES[name], name)) if self.module in WHOLE else list(TIMES)

    def get(self, **query: Any) -> httpx.Response:
        return self.reader.get(self.reader.endpoint(self.module), params={**WHOLE.get(self.module, {}), **query})

    def ids(self, answer: httpx.Response) -> list[str]:
        return [each[self.field] for each in succeeded(answer)]

    def crawl(self, between: Callable[[int], None] = lambda _: None, /, **query: Any) -> list[httpx.Response]:
        """All pages by way of ``Link``; ``between`` is called with the number of pages so far."""
        pages = [self.get(**query)]
        while (url := next_url(pages[-1])) is not None:
            between(len(pages))
            pages.append(self.reader.get(url))
        return pages

    def crawled(self, **query: Any) -> list[str]:
        return [each for page in self.crawl(**query) for each in self.ids(page)]


def next_url(answer: httpx.Response) -> str | None:
    link = answer.headers.get("Link")
    if link is None:
        return None
    match = NEXT.fullmatch(link)
    assert match is not None
    return match[1]


def query_of(url: str | None) -> dict[str, str]:
    assert url is not None
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


# Two objects share each second; the order of creation is the opposite of that of last_updated.
TIMES = {f"O-{number:02}": f"2024-05-01T00:00:{59 - number // 2:02}Z" for number in range(COUNT)}


@pytest.fixture(scope="module")
def every_list(operator: Operator, emsp: PlayedPartner, cpo: PlayedPartner) -> dict[str, List]:
    """Our lists with 25 objects in each, that nobody changes."""
    for module in EXAMPLES:
        audience = {"partner": emsp.partner_id} if module in OF_ONE_PARTNER else {}
        store(operator, module, examples(module, TIMES), **audience)
    return {module: List(module, emsp if READERS[module] == "EMSP" else cpo) for module in EXAMPLES}


@pytest.fixture(params=EXAMPLES)
def full(request: pytest.FixtureRequest, every_list: dict[str, List]) -> List:
    """Each list in turn."""
    return every_list[request.param]


@pytest.fixture
def one(every_list: dict[str, List]) -> List:
    """One of them, for what does not differ from list to list."""
    return every_list["tokens"]


@pytest.fixture
def changing() -> Iterator[tuple[Operator, List]]:
    """A gateway with a list of tariffs that may be changed."""
    with (
        running_gateway() as gateway,
        Operator(gateway) as operator,
        PlayedPartner("EMSP", "DE", "EMS") as reader,
    ):
        reader.register(operator.invite("EMSP"))
        store(operator, "tariffs", examples("tariffs", {f"T-{number}": "2024-05-01T00:00:00Z" for number in range(6)}))
        yield operator, List("tariffs", reader)


# Pages


@pytest.mark.req("TF-29", "TF-31", "TF-33", "TF-34")
@pytest.mark.parametrize(("offset", "limit"), [(0, 1), (2, 3), (20, 5), (20, 10), (24, 1), (0, 25)])
def test_offset_and_limit_choose_a_page(full: List, offset: int, limit: int) -> None:
    page = full.get(offset=offset, limit=limit)
    assert full.ids(page) == full.names[offset : offset + limit]
    assert page.headers["X-Total-Count"] == str(COUNT)
    assert page.headers["X-Limit"] == str(limit)


@pytest.mark.req("TF-30", "TF-41")
def test_without_parameters_the_list_is_whole_and_begins_at_its_first_object(full: List) -> None:
    assert full.ids(full.get()) == full.ids(full.get(offset=0)) == full.names


@pytest.mark.req("TF-32", "TF-34")
@pytest.mark.parametrize("limit", [CAP, 100000, 2**63 - 1])
def test_a_limit_is_capped_and_says_so(one: List, limit: int) -> None:
    page = one.get(limit=limit)
    assert page.headers["X-Limit"] == str(CAP)
    assert len(one.ids(page)) == COUNT


@pytest.mark.req("TF-35", "TF-36", "TF-38", "TF-40", "TF-33", "TF-34")
@pytest.mark.parametrize("limit", [1, 7, 24, 25, 26])
def test_links_lead_to_every_object_once_and_end_on_the_last_page(full: List, limit: int) -> None:
    pages = full.crawl(limit=limit)
    assert [each for page in pages for each in full.ids(page)] == full.names
    assert len(pages) == -(-COUNT // limit)
    assert {(page.headers["X-Total-Count"], page.headers["X-Limit"]) for page in pages} == {(str(COUNT), str(limit))}
    for number, page in enumerate(pages[:-1], start=1):
        query = query_of(next_url(page))
        assert (query["offset"], query["limit"]) == (str(number * limit), str(limit))
    assert "Link" not in pages[-1].headers


@pytest.mark.req("TF-43", "TF-36", "TF-34")
@pytest.mark.parametrize("offset", [COUNT, 9999, 2**63 - 1])
def test_beyond_the_end_there_is_an_empty_page(one: List, offset: int) -> None:
    page = one.get(offset=offset)
    assert one.ids(page) == []
    assert page.headers["X-Total-Count"] == str(COUNT)
    assert int(page.headers["X-Limit"]) > 0
    assert "Link" not in page.headers


@pytest.mark.req("TF-44", "SC-03")
@pytest.mark.parametrize("name", ["offset", "limit"])
@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "1e2", "", " 1", "+1", "0x10", "٣", str(2**63), "9" * 5000])
def test_what_is_no_number_is_refused(one: List, name: str, value: str) -> None:
    assert name in refused(one.get(**{name: value}), 200, 2001)


@pytest.mark.req("TF-44")
def test_limit_0_is_refused(one: List) -> None:
    assert "limit" in refused(one.get(limit=0), 200, 2001)


@pytest.mark.req("TF-39")
def test_the_link_is_absolute_and_opens_with_the_same_token_only(shared_gateway: Gateway, full: List) -> None:
    url = next_url(full.get(limit=10))
    assert url is not None
    assert url.startswith(f"{full.reader.endpoint(full.module)}?")
    assert url.startswith(f"{shared_gateway.url}/ocpi/")
    assert full.ids(full.reader.get(url)) == full.names[10:20]
    refused(full.reader.get(url, token="nope"), 401, 2000)


@pytest.mark.req("TF-39")
@pytest.mark.parametrize("public_url", ["https://x.example/roaming", "https://x.example:8443/a/b~c/"])
def test_links_and_endpoints_begin_with_the_public_url(public_url: str) -> None:
    public = public_url.rstrip("/")
    with (
        running_gateway(environ={"OCPI_PUBLIC_URL": public_url}) as gateway,
        Operator(gateway) as operator,
        PlayedPartner("EMSP", "DE", "EMS") as partner,
    ):
        outside = urlsplit(public)

        class Proxy(httpx.HTTPTransport):
            """Stands at the public URL, and takes its path off before it passes a request on."""

            def handle_request(self, request: httpx.Request) -> httpx.Response:
                assert f"{request.url.scheme}://{request.url.netloc.decode()}" == f"https://{outside.netloc}"
                path = request.url.raw_path.removeprefix(outside.path.encode())
                assert path.startswith(b"/ocpi/")
                request.url = httpx.URL(gateway.url).copy_with(raw_path=path)
                return super().handle_request(request)

        partner.http.close()
        partner.http = httpx.Client(transport=Proxy(), headers={"Host": "attacker.example"})
        store(operator, "tariffs", examples("tariffs", dict.fromkeys("ABC", "2024-05-01T00:00:00Z")))
        invited = operator.invite("EMSP")
        assert invited.versions_url == f"{public}/ocpi/cpo/versions"
        credentials = succeeded(partner.register(invited))
        assert credentials["url"] == f"{public}/ocpi/cpo/versions"
        assert partner.endpoints["tariffs"] == f"{public}/ocpi/cpo/2.1.1/tariffs"
        assert List("tariffs", partner).crawled(limit=1) == ["A", "B", "C"]


# Date filters


@pytest.mark.req("TF-45", "SC-03")
@pytest.mark.parametrize("name", ["date_from", "date_to"])
@pytest.mark.parametrize(
    "value",
    ["yesterday", "", "2024", "2024-02-30T00:00:00Z", "1714521600", "2024-05-01T24:00:01Z", "2024-05-01T00:00:00ZZ"],
)
def test_a_date_that_cannot_be_read_is_refused(one: List, name: str, value: str) -> None:
    assert name in refused(one.get(**{name: value}), 200, 2001)


@pytest.mark.req("TF-46", "TF-47", "TF-48", "TF-33", "TF-40")
@pytest.mark.parametrize(
    ("date_from", "date_to", "first", "end"),
    [
        ("2024-05-01T00:00:50Z", None, 50, 60),
        ("2024-05-01T00:00:50", None, 50, 60),
        ("2024-05-01T02:00:50+02:00", None, 50, 60),
        ("2024-04-30T23:00:50-01:00", None, 50, 60),
        ("2024-05-01T00:00:50.000Z", None, 50, 60),
        ("2024-05-01T00:00:50.001Z", None, 51, 60),
        ("2024-05-01T00:00:49.9999999", None, 50, 60),
        (None, "2024-05-01T00:00:50Z", 0, 50),
        (None, "2024-05-01T00:00:50", 0, 50),
        (None, "2024-05-01T00:00:50.5Z", 0, 51),
        ("2024-05-01T00:00:50Z", "2024-05-01T00:00:55Z", 50, 55),
        ("2024-05-01T00:00:50Z", "2024-05-01T00:00:50Z", 0, 0),
        ("2024-05-01T00:00:55Z", "2024-05-01T00:00:50Z", 0, 0),
        ("9999-12-31T23:59:59.9Z", None, 0, 0),
        ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 0, 60),
    ],
)
def test_dates_filter_last_updated_from_inclusive_to_exclusive(
    one: List, date_from: str | None, date_to: str | None, first: int, end: int
) -> None:
    expected = {name for name, at in TIMES.items() if first <= int(at[-3:-1]) < end}
    dates: dict[str, Any] = {"date_from": date_from, "date_to": date_to}
    pages = one.crawl(**{name: value for name, value in dates.items() if value is not None}, limit=7)
    found = [each for page in pages for each in one.ids(page)]
    assert sorted(found) == sorted(expected)
    assert {page.headers["X-Total-Count"] for page in pages} == {str(len(expected))}


@pytest.mark.req("TF-46", "TF-33")
def test_every_list_has_date_filters(full: List) -> None:
    page = full.get(date_from="2024-05-01T00:00:50Z", date_to="2024-05-01T00:00:55Z", limit=3)
    assert page.headers["X-Total-Count"] == "10"
    assert {TIMES[each][-3:-1] for each in full.ids(page)} == {"50", "51"}


@pytest.mark.req("TF-37")
@pytest.mark.parametrize("encoded", ["2024-05-01T02:00:50%2B02:00", "2024-05-01T02:00:50+02:00"])
def test_the_link_keeps_the_filters(one: List, encoded: str) -> None:
    url = f"{one.reader.endpoint(one.module)}?date_from={encoded}&date_to=2024-05-01T00:00:58&limit=1"
    answer = one.reader.get(url)
    link = next_url(answer)
    assert link is not None
    query = query_of(link)
    assert (query["date_from"], query["date_to"]) == ("2024-05-01T00:00:50Z", "2024-05-01T00:00:58Z")
    assert "+" not in link
    assert one.reader.get(link).headers["X-Total-Count"] == answer.headers["X-Total-Count"]


@pytest.mark.req("TF-34", "TF-31")
def test_offsets_work_in_a_filtered_list(one: List) -> None:
    dates = {"date_from": "2024-05-01T00:00:50Z"}
    whole = one.ids(one.get(**dates))
    assert [each for offset in range(len(whole)) for each in one.ids(one.get(**dates, offset=offset, limit=1))] == whole


# Cursors


def _cursor(full: List, **query: Any) -> dict[str, str]:
    return query_of(next_url(full.get(limit=5, **query)))


@pytest.mark.parametrize(
    "tampered",
    [
        "",
        "x",
        "!",
        "=",
        "é",
        "a" * 4000,
        "{cursor}A",
        "{cursor}=",
        "{cursor}!",
        "A{cursor}",
        "{cursor}{cursor}",
        "{upper}",
    ],
)
def test_a_cursor_that_we_did_not_hand_out_is_refused(one: List, tampered: str) -> None:
    query = _cursor(one)
    cursor = tampered.format(cursor=query["cursor"], upper=query["cursor"].upper())
    assert "cursor" in refused(one.get(**{**query, "cursor": cursor}), 200, 2001)


def test_a_cursor_with_any_character_changed_is_refused(one: List) -> None:
    query = _cursor(one)
    cursor = query["cursor"]
    for place in (0, len(cursor) // 2, len(cursor) - 1):
        for other in {"A", "B", "C", "D"} - {cursor[place]}:
            changed = cursor[:place] + other + cursor[place + 1 :]
            refused(one.get(**{**query, "cursor": changed}), 200, 2001)


def test_a_cursor_of_other_filters_or_of_another_list_is_refused(full: List, operator: Operator) -> None:
    plain = _cursor(full)
    filtered = _cursor(full, date_from="2024-05-01T00:00:00Z")
    refused(full.get(**plain | {"date_from": "2024-05-01T00:00:00Z"}), 200, 2001)
    refused(full.get(**plain | {"date_to": "2025-05-01T00:00:00Z"}), 200, 2001)
    refused(full.get(limit=5, cursor=filtered["cursor"]), 200, 2001)
    role = full.reader.role
    with PlayedPartner(role, "ES", "OTH", token="token-b-of-another") as other:
        other.register(operator.invite(role))
        refused(List(full.module, other).get(**plain), 200, 2001)
        assert operator.delete(f"/partners/{other.partner_id}?force=true").status_code == 204


@pytest.mark.req("TF-29")
def test_a_client_that_counts_on_its_own_may_send_the_cursor_along(one: List) -> None:
    query = _cursor(one)
    assert one.ids(one.get(**query)) == list(TIMES)[5:10]
    assert one.ids(one.get(**{**query, "offset": "12"})) == list(TIMES)[12:17]
    assert one.ids(one.get(cursor=query["cursor"], limit=3)) == list(TIMES)[5:8]
    again = one.get(**{**query, "offset": "12"})
    assert query_of(next_url(again))["offset"] == "17"
    assert one.ids(one.reader.get(str(next_url(again)))) == list(TIMES)[17:22]


# Lists that change


@pytest.mark.req("TF-41", "TF-42", "TF-33", "TF-34", "TF-13")
def test_a_list_that_changes_while_it_is_crawled_misses_nothing(changing: tuple[Operator, List]) -> None:
    operator, tariffs = changing

    def update(name: str) -> None:
        answer = operator.patch(f"/2.1.1/tariffs/{name}", json={"currency": "SEK"})
        assert answer.status_code == 200

    def between(pages: int) -> None:
        if pages == 1:
            update("T-0")
            update("T-5")
            assert operator.put_object("tariffs", fixture("tariff_free", id="A-NEW")).status_code == 201

    everything = [*(f"T-{number}" for number in range(6)), "A-NEW"]
    pages = tariffs.crawl(between, limit=2)
    assert [each for page in pages for each in tariffs.ids(page)] == everything
    assert [page.headers["X-Total-Count"] for page in pages] == ["6", "7", "7", "7"]
    # With offsets of one's own, the order is just as stable.
    assert [each for offset in (0, 3, 6) for each in tariffs.ids(tariffs.get(offset=offset, limit=3))] == everything


@pytest.mark.req("TF-40", "TF-46")
def test_an_object_that_changes_while_a_filtered_list_is_crawled_is_not_missed(
    changing: tuple[Operator, List],
) -> None:
    operator, tariffs = changing
    seen_before: list[str] = []

    def between(pages: int) -> None:
        # Whatever comes next moves to the end, behind where the crawl is.
        if pages <= 3:
            answer = operator.patch(f"/2.1.1/tariffs/T-{pages}", json={"currency": "SEK"})
            assert answer.status_code == 200
            seen_before.append(f"T-{pages}")

    found = [
        each for page in tariffs.crawl(between, limit=1, date_from="2024-01-01T00:00:00Z") for each in tariffs.ids(page)
    ]
    assert {f"T-{number}" for number in range(6)} == set(found)
    assert len(seen_before) == 3


@pytest.mark.req("TF-36", "TF-40")
def test_an_object_that_goes_while_a_list_is_crawled_hides_no_other(changing: tuple[Operator, List]) -> None:
    operator, tariffs = changing

    def between(pages: int) -> None:
        if pages == 1:
            for name in ("T-1", "T-2"):
                assert operator.delete(f"/2.1.1/tariffs/{name}").status_code == 204

    pages = tariffs.crawl(between, limit=2)
    assert [tariffs.ids(page) for page in pages] == [["T-0", "T-1"], ["T-3", "T-4"], ["T-5"]]
    assert [page.headers["X-Total-Count"] for page in pages] == ["6", "4", "4"]


@pytest.mark.req("TF-31", "TF-38")
def test_a_page_of_long_objects_is_shorter_and_its_link_goes_on_behind_it(changing: tuple[Operator, List]) -> None:
    operator, tariffs = changing
    names = [f"LONG-{number}" for number in range(4)]
    for name in names:
        long = fixture("tariff_free", id=name, last_updated="2020-01-01T00:00:00Z", note="x" * 2_000_000)
        assert operator.put_object("tariffs", long).status_code == 201
    pages = tariffs.crawl(offset=5, limit=100)
    assert [tariffs.ids(page) for page in pages] == [["T-5", "LONG-0", "LONG-1"], ["LONG-2", "LONG-3"]]
    assert query_of(next_url(pages[0]))["offset"] == "8"
