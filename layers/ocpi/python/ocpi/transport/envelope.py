"""The envelope around every OCPI answer (section 3.1.5), composed as text: documents are stored as JSON text
and put into it unparsed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ocpi import strict_json
from ocpi.times import now_wire
from ocpi.transport.message import Answer
from ocpi.transport.status_codes import StatusCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def success(data: str | None = None, *, http_status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """1000 with ``data``, which is JSON text; ``None``: no ``data`` at all, as after PUT, PATCH and DELETE."""
    return _envelope(data, StatusCode.SUCCESS, "Success", http_status, headers or {})


def success_list(documents: Iterable[str], headers: Mapping[str, str]) -> Answer:
    """1000 with a list of documents, each JSON text."""
    pieces = list(documents) or [""]
    # Put together in one go: a page may have megabytes, and each copy of them costs as much as the rest of the answer.
    pieces[0] = f'{{"data":[{pieces[0]}'
    pieces[-1] = f"{pieces[-1]}],{_status(StatusCode.SUCCESS, 'Success')}}}"
    return Answer(200, ",".join(pieces), headers, ocpi_status=int(StatusCode.SUCCESS))


def success_object(value: object) -> Answer:
    """1000 with a value that is not JSON text yet."""
    return success(strict_json.write(value))


def failure(
    status_code: int,
    message: str,
    *,
    http_status: int = 200,
    headers: Mapping[str, str] | None = None,
    data: str | None = None,
) -> Answer:
    """A 2xxx or 3xxx with the reason. What is wrong with valid JSON is no HTTP error (reading A-04)."""
    return _envelope(data, status_code, message, http_status, headers or {})


def _envelope(data: str | None, status_code: int, message: str, http_status: int, headers: Mapping[str, str]) -> Answer:
    status = _status(status_code, message)
    text = f"{{{status}}}" if data is None else f'{{"data":{data},{status}}}'
    return Answer(http_status, text, headers, ocpi_status=int(status_code))


def _status(status_code: int, message: str) -> str:
    """The members of an envelope beside ``data``."""
    return (
        f'"status_code":{int(status_code)},"status_message":{json.dumps(message, ensure_ascii=False)},'
        f'"timestamp":"{now_wire()}"'
    )
