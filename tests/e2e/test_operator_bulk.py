"""Many objects in one call of the operator API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import problem
from tests.support.ids import fresh_id
from tests.support.party import fixture

if TYPE_CHECKING:
    import httpx

    from tests.support.party import Operator, PlayedPartner

NDJSON = "application/x-ndjson"
MODULES = {"locations": "location_max", "tariffs": "tariff_max", "tokens": "token_max"}
NEWER, OLDER = "2025-01-01T00:00:00Z", "2024-03-05T10:11:11Z"
MEGABYTE = 1024 * 1024


def bulk(operator: Operator, module: str, content: bytes | str, media_type: str = NDJSON) -> httpx.Response:
    body = content.encode() if isinstance(content, str) else content
    return operator.post(f"/2.1.1/{module}/bulk", content=body, headers={"Content-Type": media_type}, timeout=60)


def outcomes(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


@pytest.mark.parametrize("module", MODULES)
def test_each_line_is_created_updated_left_or_refused_and_answered_in_order(operator: Operator, module: str) -> None:
    field = "uid" if module == "tokens" else "id"
    first, second, third = (fixture(MODULES[module], **{field: fresh_id("B")}) for _ in range(3))
    url = f"/2.1.1/{module}/{first[field]}"
    assert operator.put(url, json=first).status_code == 201
    assert operator.put(f"/2.1.1/{module}/{second[field]}", json=second).status_code == 201
    changed = second | {"x_ours": "ä", "last_updated": NEWER}
    stale = changed | {"last_updated": OLDER}
    answer = bulk(operator, module, lines(first, changed, {field: "X"}, third, stale, changed))
    assert answer.headers["Content-Type"] == NDJSON
    told = outcomes(answer)
    assert [line["line"] for line in told] == [1, 2, 3, 4, 5, 6]
    assert [line["id"] for line in told] == [first[field], second[field], "X", third[field], *[second[field]] * 2]
    assert [line["outcome"] for line in told] == [
        *("unchanged", "updated", "refused", "created", "refused", "unchanged")
    ]
    assert [line.get("problem", {}).get("status") for line in told] == [None, None, 422, None, 409, None]
    assert all(error["pointer"].startswith("/") for error in told[2]["problem"]["errors"])
    assert operator.get(f"/2.1.1/{module}/{second[field]}").json() == changed
    assert operator.get(f"/2.1.1/{module}/{third[field]}").json() == third


def test_a_bad_line_stops_no_other_line(operator: Operator) -> None:
    good, other = fixture("token_min", uid=fresh_id("B")), fixture("token_min", uid=fresh_id("B"))
    bad: list[bytes] = [
        *(b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"{} {}", b'{"uid":7}', b'{"uid":"a","uid":"b"}', b"NaN"),
        b'{"uid":"\\u0000"}',
        b"[" * 100 + b"]" * 100,
    ]
    body = b"\n".join([json.dumps(good).encode(), *bad, json.dumps(other).encode()])
    told = outcomes(bulk(operator, "tokens", body))
    assert [line["outcome"] for line in told] == ["created", *["refused"] * len(bad), "created"]
    assert [line["problem"]["status"] for line in told[1:-1]] == [400, 422, 422, 422, 400, 400, 422, 422, 400, 422, 422]
    assert all(set(line["problem"]) >= {"type", "title", "status", "detail"} for line in told[1:-1])


def test_lines_of_one_object_are_applied_one_after_the_other(operator: Operator) -> None:
    token = fixture("token_min", uid=fresh_id("B"))
    versions = [token | {"issuer": f"Issuer {number}"} for number in range(5)]
    told = outcomes(bulk(operator, "tokens", lines(*versions, versions[-1])))
    assert [line["outcome"] for line in told] == ["created", *["updated"] * 4, "unchanged"]
    assert operator.get(f"/2.1.1/tokens/{token['uid']}").json() == versions[-1]


def test_ids_that_differ_only_by_case_are_refused_at_the_second(operator: Operator) -> None:
    identity = fresh_id("bulk")
    tariffs = [fixture("tariff_free", id=identity), fixture("tariff_free", id=identity.upper())]
    told = outcomes(bulk(operator, "tariffs", lines(*tariffs)))
    assert [line["outcome"] for line in told] == ["created", "refused"]
    assert [error["pointer"] for error in told[1]["problem"]["errors"]] == ["/id"]


def test_blank_lines_are_passed_over_and_line_ends_may_be_those_of_windows(operator: Operator) -> None:
    first, second = (json.dumps(fixture("token_min", uid=fresh_id("B"))) for _ in range(2))
    told = outcomes(bulk(operator, "tokens", f"\r\n{first}\r\n\n  \n{second}"))
    assert [(line["line"], line["outcome"]) for line in told] == [(2, "created"), (5, "created")]
    for nothing in ("", "\n\n"):
        assert outcomes(bulk(operator, "tokens", nothing)) == []


def test_what_is_loaded_reaches_partners_with_text_in_any_script(operator: Operator, emsp: PlayedPartner) -> None:
    location = fixture("location_min", id=fresh_id("B"), name="Ελλάδα 東京 \u2028 🚗", last_updated=...)
    content = json.dumps(location, ensure_ascii=False) + "\n"
    told = bulk(operator, "locations", content).content.decode().split("\n")
    assert [json.loads(line)["outcome"] for line in told if line] == ["created"]
    found = emsp.get(emsp.endpoint("locations", location["id"])).json()["data"]
    assert found.pop("last_updated") > NEWER
    assert found == location


def test_a_large_load_of_almost_four_megabytes_is_taken_in_one_call(operator: Operator) -> None:
    tokens = [fixture("token_max", uid=fresh_id("M")) for _ in range(2000)]
    tokens += [fixture("token_max", uid=fresh_id("M"), x_filler="x" * 35_000) for _ in range(100)]
    content = lines(*tokens)
    assert 3.5 * MEGABYTE < len(content) < 4 * MEGABYTE
    assert {line["outcome"] for line in outcomes(bulk(operator, "tokens", content))} == {"created"}
    assert {line["outcome"] for line in outcomes(bulk(operator, "tokens", content))} == {"unchanged"}


@pytest.mark.parametrize(
    ("module", "content", "media_type", "status"),
    [
        ("tokens", b"{}\n" * (4 * MEGABYTE // 3 + 1), NDJSON, 413),
        ("tokens", b"{}", "application/json", 415),
        ("tokens", b"{}", "text/csv", 415),
        ("chargers", b"{}", NDJSON, 404),
    ],
)
def test_a_call_that_is_wrong_as_a_whole_is_refused_as_a_whole(
    operator: Operator, module: str, content: bytes, media_type: str, status: int
) -> None:
    problem(bulk(operator, module, content, media_type), status)


def test_bulk_is_posted(operator: Operator) -> None:
    answer = operator.put("/2.1.1/tokens/bulk", json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
