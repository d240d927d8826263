"""The envelope as text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from ocpi.transport.envelope import failure, success, success_list, success_object
from ocpi.transport.status_codes import StatusCode
from tests.support.envelope import DATE_TIME

if TYPE_CHECKING:
    from ocpi.transport.message import Answer


def read(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.text)
    assert DATE_TIME.fullmatch(body.pop("timestamp"))
    assert answer.ocpi_status == body["status_code"]
    return body


@pytest.mark.req("TF-10", "TF-11", "TF-13", "SC-01")
@pytest.mark.parametrize(
    ("answer", "data"),
    [
        (success_list([], {}), []),
        (success_list(['{"a":1}', '{"b":2}'], {}), [{"a": 1}, {"b": 2}]),
        (success('{"a":1}'), {"a": 1}),
        (success_object({"a": Decimal("1.50"), "b": "é"}), {"a": 1.5, "b": "é"}),
    ],
)
def test_a_success_holds_its_data_and_1000(answer: Answer, data: Any) -> None:
    assert answer.http_status == 200
    assert read(answer) == {"data": data, "status_code": 1000, "status_message": "Success"}


@pytest.mark.req("TF-72")
def test_documents_stand_in_it_to_the_letter() -> None:
    assert '"data":{"price": 0.10}' in success('{"price": 0.10}').text
    assert '"price":0.10' in success_object({"price": Decimal("0.10")}).text


@pytest.mark.req("TF-83")
def test_a_success_without_data_has_none() -> None:
    answer = success(http_status=201, headers={"Location": "x"})
    assert read(answer) == {"status_code": 1000, "status_message": "Success"}
    assert (answer.http_status, answer.headers) == (201, {"Location": "x"})


@pytest.mark.req("TF-12", "SC-02")
@pytest.mark.parametrize("message", ['a "quoted" \\ word', "line\nbreak", "é漢😀", "", '","status_code":1000,"x":"'])
def test_a_failure_holds_its_reason_whatever_it_is(message: str) -> None:
    answer = failure(StatusCode.UNKNOWN_LOCATION, message, http_status=404)
    assert answer.http_status == 404
    assert read(answer) == {"status_code": 2003, "status_message": message}
