"""Our side of ``read_path.py``: the handlers of two functions, over one of the stores.

    python benchmarks/read_path_ours.py sqlite|dynamodb|instant

Under ``dynamodb`` everything of boto3 runs but the network: each request is answered with the bytes that the table in
memory answered to it the first time, so what a store call costs here is what botocore and the adapter cost. Under
``instant`` the store has its answers ready: what an answer costs then is what we do around the store.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from read_path_requests import (
    SIZES,
    TOKEN_OF_CPO,
    TOKEN_OF_EMSP,
    Context,
    checked,
    import_paths,
    list_event,
    locations,
    object_event,
    serve_cases,
    session_event,
    text,
    token,
    token_event,
)

ROOT = Path(__file__).parents[1]
import_paths(ROOT)

from botocore.awsrequest import AWSResponse  # noqa: E402 - the path comes first
from botocore.compat import HTTPHeaders  # noqa: E402 - as above

from ocpi.store.port import (  # noqa: E402 - as above
    Collection,
    Draft,
    Grant,
    Key,
    PageQuery,
    Partner,
    PartnerChange,
    PartnerStatus,
)
from ocpi.transport.authentication import token_hash  # noqa: E402 - as above
from tests.support.long_documents import long_session  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocpi.store.port import Store

    Handler = Callable[[Any, Any], dict[str, Any]]

LOCATIONS, TOKENS = Collection("own", "locations"), Collection("DE-ABC", "tokens")
TOKEN_KEY = Key(TOKENS, "RFID/012345678")
MODULES = ("credentials", "locations", "sessions", "cdrs", "tariffs", "tokens", "commands")
LONG = (1250, 5000)
"""Charging periods of long sessions."""
_REGISTERED, _AT = PartnerStatus.REGISTERED, "2026-01-01T00:00:00Z"
_WRITES = ("PutItem", "UpdateItem", "BatchWriteItem")


class CannedDynamoDB:
    """Stands in the place of botocore's HTTP session."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._answers: dict[bytes, bytes] = {}

    def send(self, request: Any) -> AWSResponse:
        """The bytes that the table answered the first time; to writes only the operation counts."""
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        known = operation.encode() if operation in _WRITES else operation.encode() + request.body
        if known not in self._answers:
            self._answers[known] = json.dumps(
                self._answer(operation, json.loads(request.body)), default=_plain
            ).encode()
        headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"})
        return AWSResponse(request.url, 200, headers, _Raw(self._answers[known]))

    def _answer(self, operation: str, asked: dict[str, Any]) -> Any:
        if operation == "BatchWriteItem":
            return {"UnprocessedItems": {}}
        if operation == "Query" and asked.get("IndexName") == "by_lookup":
            return {"Items": [], "Count": 0}
        method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
        return _projected(getattr(self._table, method)(**asked), asked)


def _projected(answer: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """The answer without the attributes that were not asked for, which the table in memory sends too."""
    if "Items" in answer and "ProjectionExpression" in asked:
        return {**answer, "Items": _only(answer["Items"], asked)}
    if "Responses" in answer:
        wanted = asked["RequestItems"]
        return {
            **answer,
            "Responses": {name: _only(found, wanted[name]) for name, found in answer["Responses"].items()},
        }
    return answer


def _only(items: list[dict[str, Any]], asked: dict[str, Any]) -> list[dict[str, Any]]:
    names = [name.strip() for name in asked.get("ProjectionExpression", "").split(",") if name]
    return [{name: item[name] for name in names if name in item} for item in items] if names else items


class _Raw:
    """A body as urllib3 gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        """All at once."""
        yield self._body


def _plain(value: object) -> object:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def open_dynamodb() -> Store:
    """Over a table in memory, that boto3 speaks to."""
    import boto3  # noqa: PLC0415 - SQLite needs none

    from ocpi.store.dynamodb import CONFIG, DynamoDBStore  # noqa: PLC0415 - as above
    from tests.support.counted import FakeStream  # noqa: PLC0415 - as above

    filled = FakeStream()
    fill(filled.store)
    filled.catch_up()
    client: Any = boto3.client(
        "dynamodb",
        config=CONFIG,
        region_name="eu-central-1",
        aws_access_key_id="benchmark",
        aws_secret_access_key="benchmark",  # noqa: S106 - nobody's
    )
    client._endpoint.http_session = CannedDynamoDB(filled.table)  # noqa: SLF001 - the last step before the network
    return DynamoDBStore("store", client)


def open_sqlite() -> Store:
    """In a file."""
    from ocpi.store.sqlite import SQLiteStore  # noqa: PLC0415 - DynamoDB needs none

    store = SQLiteStore(Path(tempfile.mkdtemp()) / "ocpi.sqlite")
    fill(store)
    return store


class Instant:
    """A store whose answers lie ready; it keeps nothing that is written."""

    def __init__(self, store: Store) -> None:
        known = [token_hash(TOKEN_OF_EMSP), token_hash(TOKEN_OF_CPO)]
        grants = {each: store.partners.grant(each) for each in known}
        partners = {each: store.partners.get(each) for each in ("p-1", "p-2")}
        records = {each: store.objects.get(each) for each in (Key(LOCATIONS, "LOC-0007"), TOKEN_KEY)}
        pages = {size: store.objects.page(PageQuery(LOCATIONS, size)) for size in SIZES}
        key = store.signing_key()
        self.partners = SimpleNamespace(grant=grants.get, get=partners.get)
        self.objects = SimpleNamespace(
            get=records.get,
            page=lambda query: pages[query.limit],
            put=lambda key, _draft, **_: records[key],
            find=lambda _: [],
        )
        self.exchanges = SimpleNamespace(append=lambda _, **__: None)
        self.signing_key = lambda: key


def open_instant() -> Any:
    """With what is in a file."""
    return Instant(open_sqlite())


def fill(store: Store) -> None:
    """Two partners, as many locations as the longest page has, a token, long sessions, and the key that cursors are
    signed with.
    """
    for location in locations(max(SIZES)):
        key = Key(LOCATIONS, location["id"])
        store.objects.put(key, Draft("2.1.1", text(location), location["last_updated"], "*"), expected=None)
    store.objects.put(TOKEN_KEY, token_draft(0), expected=None)
    for count in LONG:
        session = long_session(f"stored-{count}", count)
        key = Key(Collection("FR-CPO", "sessions"), session["id"])
        store.objects.put(key, Draft("2.1.1", text(session), session["last_updated"]), expected=None)
    store.signing_key()
    _introduce(
        store, Partner("p-1", "EMSP", "Provider", _REGISTERED, _AT, country_code="DE", party_id="ABC"), TOKEN_OF_EMSP
    )
    _introduce(
        store, Partner("p-2", "CPO", "Operator", _REGISTERED, _AT, country_code="FR", party_id="CPO"), TOKEN_OF_CPO
    )


def _introduce(store: Store, partner: Partner, credential: str) -> None:
    known = token_hash(credential)
    endpoints = tuple(
        {"identifier": module, "url": f"https://partner.example/ocpi/2.1.1/{module}"} for module in MODULES
    )
    registered = replace(
        partner,
        version="2.1.1",
        business_details={"name": partner.name},
        endpoints=endpoints,
        grants=(known,),
        registered_at=_AT,
        # So that no request has to note that it came.
        last_seen_at="9999-01-01T00:00:00.000000Z",
    )
    grant = Grant(known, partner.id, "registered")
    store.partners.save(PartnerChange(registered, None, put_grants=(grant,)))


def token_draft(turn: int) -> Draft:
    """The token of a turn as it is stored."""
    value = token(turn)
    return Draft("2.1.1", text(value), value["last_updated"], lookup=f"token/{value['auth_id'].lower()}")


def load_handlers(store: Store) -> dict[str, Handler]:
    """The handlers of three functions over this store."""
    from local.functions import load  # noqa: PLC0415 - as above
    from ocpi import deployment  # noqa: PLC0415 - as above

    os.environ.update(
        POWERTOOLS_SERVICE_NAME="benchmark",
        OCPI_COUNTRY_CODE="NL",
        OCPI_PARTY_ID="ZLP",
        OCPI_STORE="sqlite:unused",
        OCPI_VAULT="keyfile:unused",
    )
    deployment.store = lambda: store  # type: ignore[assignment] # the functions take what they find there
    return {name: load(ROOT / "functions" / name, "app.handler") for name in ("locations", "sessions", "tokens")}


def bare(documents: list[str]) -> Handler:
    """A handler that does nothing but join documents into an envelope."""
    from ocpi.times import now_wire  # noqa: PLC0415 - after the path

    def handler(event: Any, context: Any) -> dict[str, Any]:
        del event, context
        body = (
            f'{{"data":[{",".join(documents)}],"status_code":1000,"status_message":"Success",'
            f'"timestamp":"{now_wire()}"}}'
        )
        headers = {"content-type": "application/json", "x-total-count": "1000", "x-limit": "50"}
        return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": False}

    return handler


def store_calls(store: Store) -> dict[str, Callable[[int], object]]:
    """What a store does for the page, the object and the token, alone."""

    def put(turn: int) -> None:
        stored = store.objects.get(TOKEN_KEY)
        assert stored is not None  # noqa: S101 - for the type checker
        store.objects.put(TOKEN_KEY, token_draft(turn), expected=stored.revision)
        store.objects.find("waiting/de8acc12e46l89")

    calls: dict[str, Callable[[int], object]] = {
        f"list {size}": partial(lambda query, _: store.objects.page(query), PageQuery(LOCATIONS, size))
        for size in SIZES
    }
    calls["object"] = lambda _: store.objects.get(Key(LOCATIONS, "LOC-0007"))
    calls["token"] = put
    return {f"store call of {name}": call for name, call in calls.items()}


def make_cases() -> dict[str, Callable[[int], object]]:
    """What can be asked for."""
    store = {"sqlite": open_sqlite, "dynamodb": open_dynamodb, "instant": open_instant}[sys.argv[1]]()
    handlers = load_handlers(store)
    documents = [text(location) for location in locations(max(SIZES))]
    checked(handlers["locations"], object_event(), 1)
    checked(handlers["tokens"], token_event(0), 0)
    cases: dict[str, Callable[[int], object]] = {
        "object": lambda _: handlers["locations"](object_event(), Context()),
        "token": lambda turn: handlers["tokens"](token_event(turn), Context()),
        "bare object": lambda _: bare(documents[:1])(object_event(), Context()),
        "bare token": lambda turn: bare([])(token_event(turn), Context()),
    }
    for size in SIZES:
        checked(handlers["locations"], list_event(size), size)
        cases[f"list {size}"] = partial(_answer, handlers["locations"], list_event(size))
        cases[f"bare list {size}"] = partial(_answer, bare(documents[:size]), list_event(size))
    if isinstance(store, Instant):
        return cases
    return {**cases, **long_sessions(handlers["sessions"]), **store_calls(store)}


def long_sessions(handler: Handler) -> dict[str, Callable[[int], object]]:
    """Sessions of many periods: in, and out again."""
    cases: dict[str, Callable[[int], object]] = {}
    for count in LONG:
        stored, pushed = long_session(f"stored-{count}", count), long_session(f"pushed-{count}", count)
        checked(handler, session_event("GET", stored), 1)
        cases[f"PUT session {count}"] = partial(_put, handler, session_event("PUT", pushed))
        cases[f"GET session {count}"] = partial(_answer, handler, session_event("GET", stored))
    return cases


def _answer(handler: Handler, event: dict[str, Any], turn: int) -> None:
    del turn
    handler(event, Context())


def _put(handler: Handler, event: dict[str, Any], turn: int) -> None:
    """Another content each turn."""
    handler({**event, "body": event["body"].replace('"kwh":', f'"x-turn":{turn},"kwh":', 1)}, Context())


if __name__ == "__main__":
    serve_cases(make_cases)
